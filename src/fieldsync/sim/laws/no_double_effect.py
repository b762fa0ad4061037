"""L2: whatever was sent however often, each save has its effect once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from fieldsync.base import limits
from fieldsync.base.problems import Code
from fieldsync.sim.faults import Fault
from fieldsync.sim.world import SimWorld


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every effect that is there twice."""
    twice = world.query(
        'SELECT "Device_Number", "Queue_Number", count(*) FROM "Sync_Transaction"'
        ' WHERE "Device_Number" IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1'
    )
    for number, n, times in twice:
        yield f"L2: transaction {n} of {world.ordinal_of(number)} was journaled {times} times"
    for position, times in world.query(POSITIONS):
        yield f"L2: feed position {position} is there {times} times"
    for sql, what in ((CALLS, "call"), (ACCOUNTS, "account"), (DEPOTS, "depot"), (STALLS, "stall")):
        for mark, made in world.query(sql):
            if not _forgotten_between(world, mark, made):
                yield f"L2: {what} {mark} is there {len(made)} times"
    for call, times, devices in world.query(DUPLICATES):
        if times > devices:
            yield f"L2: {world.name_of(call)} has {times} duplicates, and {devices} devices edited it"
    yield from forks(world)


def _forgotten_between(world: SimWorld, mark: str, made: Sequence[datetime]) -> bool:
    """Whether an older image of the device made the record each time when the receipt of the time before was gone: then
    nobody can tell that it is the same save (ADR 17). Within the days of a receipt it is told apart."""
    kept = timedelta(days=limits.RECEIPT_KEEP_DAYS)
    gone = all(later - earlier > kept for earlier, later in pairwise(made))
    return gone and world.devices[int(mark.split("-")[1])].images_restored >= len(made) - 1


def duplicated(world: SimWorld) -> Iterator[str]:
    """A sentence for every edit that was refused because its call had been submitted elsewhere, of which its person
    could not know: it was to be an edit of a duplicate."""
    for device in world.devices if not world.faults.struck[Fault.RESTORED] else ():
        for entry in device.engine.errors() if not device.images_restored else ():
            said = {(change.operation, change.column): change.new for change in entry.content}
            locked = any(one.code is Code.LOCKED for one in entry.problems)
            if locked and said.keys() == {("update", "Notes")} and device.unaware & set(said.values()):
                name = world.name_of(entry.record_id)
                yield f"L2: {name} got no duplicate for save {entry.n} of device {device.ordinal}"


def forks(world: SimWorld) -> Iterator[str]:
    """A sentence for every device that went on under more new numbers than older images of it were put back: it gave a
    queue number or an id twice. A number whose answer was lost on the way is asked for again, and nothing goes under
    it."""
    for device in world.devices if not world.faults.struck[Fault.RESTORED] else ():
        first = device.saves[0].number if device.saves else device.number
        [(numbers,)] = world.query(NUMBERS, number=device.number, first=first)
        if numbers > 1 + device.images_restored:
            put_back = f"{device.images_restored} older images of it were put back"
            yield f"L2: device {device.ordinal} took {numbers - 1} new numbers, and {put_back}"


CALLS = """
SELECT "Notes", array_agg("CreatedDate" ORDER BY "CreatedDate") FROM "Call"
WHERE starts_with("Notes", 'mark-') AND "Original_CallId" IS NULL
AND NOT EXISTS (SELECT 1 FROM "Call" d WHERE d."Original_CallId" = "Call"."Id")
GROUP BY 1 HAVING count(*) > 1
"""
ACCOUNTS = """
SELECT "Name", array_agg("CreatedDate" ORDER BY "CreatedDate") FROM "Account"
WHERE starts_with("Name", 'mark-') GROUP BY 1 HAVING count(*) > 1
"""
DEPOTS = """
SELECT "Name", array_agg("CreatedDate" ORDER BY "CreatedDate") FROM "Depot"
WHERE starts_with("Name", 'mark-') GROUP BY 1 HAVING count(*) > 1
"""
STALLS = DEPOTS.replace("Depot", "Stall")
DUPLICATES = """
SELECT d."Original_CallId", count(*), (
  SELECT count(DISTINCT n.key_hash) FROM "Sync_Transaction_Record" r
  JOIN "Sync_Transaction" t ON t."Id" = r."Sync_TransactionId" JOIN _device_number n ON n.number = t."Device_Number"
  WHERE r."Record_Id" = d."Original_CallId" AND r."Operation" <> 'create')
FROM "Call" d WHERE d."Original_CallId" IS NOT NULL GROUP BY 1
"""
NUMBERS = """
SELECT count(*) FROM _device_number d
WHERE d.key_hash = (SELECT key_hash FROM _device_number WHERE number = %(number)s)
AND (d.number IN (%(first)s, %(number)s)
  OR EXISTS (SELECT 1 FROM "Sync_Transaction" t WHERE t."Device_Number" = d.number))
"""
POSITIONS = """
SELECT feed_position, count(*) FROM _change WHERE feed_position IS NOT NULL
GROUP BY feed_user, feed_position HAVING count(*) > 1
"""
