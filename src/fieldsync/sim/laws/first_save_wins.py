"""L6: outside override families no committed value is overwritten by an edit made without having seen it.

The change log tells, value by value, what each write found. A value that a person wrote may stand only where he saw the
value it replaced, or where it builds on an edit of his own that did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fieldsync.sim.actions.saving import FIELDS
from fieldsync.sim.device import Wrote
from fieldsync.sim.faults import Fault
from fieldsync.sim.world import SimWorld

REPLACED = """
SELECT old ->> %(column)s FROM _change WHERE id = %(id)s AND jsonb_exists(old, %(column)s) ORDER BY version, seq
"""


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every value that replaced one its writer had not seen."""
    present = world.rows("Account")
    for account in world.accounts:
        if account in world.resent or account not in present:
            continue
        for column in FIELDS:
            wrote = world.wrote.get(("Account", account, column), [])
            for before, after in _steps(world, account, column, present[account][column]):
                places = [place for place, one in enumerate(wrote) if one.after == after]
                if places and not any(_saw(wrote, place, before) for place in places):
                    yield f"L6: {world.name_of(account)} {column}: {after} replaced {before} unseen"


def _steps(world: SimWorld, account: str, column: str, now: object) -> Iterator[tuple[object, object]]:
    """Each value that was replaced, and by what."""
    rows = world.query(REPLACED, column=column, id=account)
    values = [value for (value,) in rows]
    if values:
        yield from zip(values, [*values[1:], now], strict=True)


def _saw(wrote: Sequence[Wrote], place: int, replaced: object) -> bool:
    """Whether the writer saw the replaced value, himself or through edits of his own that it builds on.

    An edit counts from the moment it was tried: one in which its device died may be in the queue all the same. That
    excuses nothing, since it is only reached where the person saw its value, and so where it was kept. The refused
    value is written again and again, so the edits are walked back in their order.
    """
    written = wrote[place]
    seen = written.before
    for earlier in reversed(wrote[:place]):
        if seen == replaced:
            return True
        if earlier.device == written.device and earlier.after == seen:
            seen = earlier.before
    return seen == replaced


DELETED = """
SELECT "Id", "City", "Phone" FROM "Stall" WHERE "IsDeleted" ORDER BY 1
"""


def deletes(world: SimWorld) -> Iterator[str]:
    """A sentence for every stall that was deleted with a value in it that nobody who deleted it had seen or written.
    What was deleted before a restore is offered behind it, and not known here any more."""
    if world.faults.struck[Fault.RESTORED]:
        return
    for record_id, *values in world.query(DELETED):
        known = world.deletes.get(record_id, set())
        if known and record_id not in world.resent and not any(_knew(world, one, record_id, values) for one in known):
            yield f"L6: {world.name_of(record_id)} was deleted with {values} in it, which nobody who did so had seen"


def _knew(world: SimWorld, device: int, record_id: str, values: Sequence[Any]) -> bool:
    seen = {None} | world.seen.get((device, record_id), set())
    return all(value in seen or str(value).startswith(f"mark-{device}-") for value in values)
