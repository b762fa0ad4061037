"""L9: a user's feed holds every record he uploaded, once a save, without gaps, and nothing of anyone else's.

And what is on it comes: a device that polls, and was never told that it needs a sync, holds it without one.
"""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.sim.oracle import OBJECTS, Oracle, disputed
from fieldsync.sim.world import SimWorld


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every gap, every entry that is missing, and every one of somebody else."""
    for person in world.ground.people.values():
        positions = [position for (position,) in world.query(POSITIONS, user=person.id)]
        [(head,)] = world.query("SELECT position FROM _user_head WHERE user_id = %(user)s", user=person.id)
        if positions and positions != list(range(positions[0], head + 1)):
            yield f"L9: the feed of {person.name} has gaps"
        for (number,) in world.query(FOREIGN, user=person.id):
            yield f"L9: the feed of {person.name} has saves of {world.ordinal_of(number)}"
    for number, record in world.query(MISSING):
        yield f"L9: {world.name_of(record)} was saved by {world.ordinal_of(number)} and is on no feed"


def delivered(world: SimWorld) -> Iterator[str]:
    """Asked when every device has polled and none has synced since: a sentence for every entry that did not come."""
    oracle = Oracle(world)
    for device in world.devices:
        if device.engine.widget().sync_required:
            continue
        selected, left_out = oracle.selected(device.person), disputed(device, oracle)
        fed = world.query(FED, user=device.person.id, number=device.number)
        for name in OBJECTS:
            held = {r.id: r.stamp for r in device.engine.find(name, order_by="Id", limit=1_000_000)}
            for record_id, version in ((i, v) for o, i, v in fed if o == name):
                there = record_id in selected[name] and record_id not in left_out
                if there and held.get(record_id, -1) < version:
                    yield f"L9: device {device.ordinal} {name}: {world.name_of(record_id)} did not come by the feed"


POSITIONS = """
SELECT feed_position FROM _change WHERE feed_user = %(user)s AND feed_position IS NOT NULL ORDER BY 1
"""
FED = """
SELECT object, id, version FROM (
  SELECT DISTINCT ON (object, id) object, id, version, kind FROM _change
  WHERE feed_user = %(user)s AND feed_position IS NOT NULL AND kind NOT IN ('outcome', 'fed') AND beside IS NULL
  AND at > (SELECT d."Last_Download_At" FROM "Device" d JOIN _device_number n ON n.device_id = d."Id"
    WHERE n.number = %(number)s)
  ORDER BY object, id, feed_position DESC
) last WHERE kind <> 'deleted' ORDER BY 1, 2
"""
"""Since the device's last download, at which the rules decided what it holds."""
FOREIGN = """
SELECT DISTINCT c.device FROM _change c JOIN _device_number n ON n.number = c.device
WHERE c.feed_user = %(user)s AND c.kind <> 'outcome' AND n.user_id <> %(user)s
"""
MISSING = """
SELECT t."Device_Number", r."Record_Id" FROM "Sync_Transaction_Record" r
JOIN "Sync_Transaction" t ON t."Id" = r."Sync_TransactionId"
WHERE t."Status" = 'Success' AND t."Device_Number" IS NOT NULL
AND (r."Result_Id" IS NULL OR r."Result_Id" = r."Record_Id")
AND NOT (r."Operation" = 'delete' AND t."Outcome" = 'Duplicated' AND NOT EXISTS (
  SELECT 1 FROM _change c WHERE c.transaction_id = t."Transaction_Id" AND c.id = r."Record_Id"))
AND t."CreatedDate" > (SELECT max("CreatedDate") FROM "Sync_Transaction") - interval '30 days'
AND NOT EXISTS (SELECT 1 FROM _change c WHERE c.transaction_id = t."Transaction_Id" AND c.id = r."Record_Id"
  AND c.feed_user IS NOT NULL)
LIMIT 5
"""
"""Records of the last weeks, as the change log forgets older ones. A duplicate leaves out the details that were
deleted, and those of its original stay as they are: there is nothing to feed where the save wrote nothing of a record.
Had it deleted one without feeding that, the log would say so, and this law too."""
