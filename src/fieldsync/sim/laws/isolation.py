"""L4: no row is in a device or an answer that its user may not read, or that neither a rule nor his own feed brought.

Some rows hold a secret that nobody of the run may read; the network looks for it in every answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.sim.network import SECRET
from fieldsync.sim.oracle import OBJECTS, Oracle, disputed, held_by
from fieldsync.sim.world import SimWorld


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every row that is where it should not be."""
    oracle = Oracle(world)
    for device in world.devices:
        if device.transport.seen_secret:
            yield f"L4: an answer to device {device.ordinal} held what nobody may read"
        readable, selected = oracle.readable(device.person), oracle.selected(device.person)
        fed, left_out = _fed(world, device.person.id), disputed(device, oracle)
        for name in OBJECTS:
            for record_id, row in held_by(device, name).items():
                if SECRET.decode() in map(str, row.values()):
                    yield f"L4: device {device.ordinal} holds what nobody may read"
                if record_id in left_out or record_id not in oracle.rows[name]:
                    continue
                if record_id not in readable[name]:
                    yield f"L4: device {device.ordinal} {name}: {world.name_of(record_id)} is not for its person"
                elif record_id not in selected[name] and record_id not in fed:
                    yield f"L4: device {device.ordinal} {name}: {world.name_of(record_id)} is not selected and not fed"


def _fed(world: SimWorld, user_id: str) -> set[str]:
    """Records of the person's own feed, with the families of those."""
    rows = world.query("SELECT DISTINCT root_id FROM _change WHERE feed_user = %(user)s", user=user_id)
    roots = {root for (root,) in rows}
    found = set(roots)
    for table, column in (("Call_Discussion", "CallId"), ("Delivery_Order", "OrderId"), ("Address", "AccountId")):
        found |= {i for i, row in world.rows(table).items() if row[column] in roots}
    own = world.query("SELECT DISTINCT id FROM _change WHERE feed_user = %(user)s", user=user_id)
    return found | {i for (i,) in own}
