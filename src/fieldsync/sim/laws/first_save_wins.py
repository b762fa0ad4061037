"""L6: outside override families no committed value is overwritten by an edit made without having seen it.

The change log tells, value by value, what each write found. A value that a person wrote may stand only where he saw the
value it replaced, or where it builds on an edit of his own that did.
"""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.sim.actions.saving import FIELDS
from fieldsync.sim.device import Wrote
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
            wrote = {w.after: w for w in world.wrote.get(("Account", account, column), [])}
            for before, after in _steps(world, account, column, present[account][column]):
                if after in wrote and not _saw(wrote[after], before, wrote):
                    yield f"L6: {world.name_of(account)} {column}: {after} replaced {before} unseen"


def _steps(world: SimWorld, account: str, column: str, now: object) -> Iterator[tuple[object, object]]:
    """Each value that was replaced, and by what."""
    rows = world.query(REPLACED, column=column, id=account)
    values = [value for (value,) in rows]
    if values:
        yield from zip(values, [*values[1:], now], strict=True)


def _saw(written: Wrote, replaced: object, wrote: dict[object, Wrote]) -> bool:
    """Whether the writer saw the replaced value, himself or through edits of his own that it builds on."""
    seen = written.before
    for _ in range(len(wrote) + 1):
        if seen == replaced:
            return True
        earlier = wrote.get(seen)
        if earlier is None or earlier.device != written.device:
            return False
        seen = earlier.before
    return False
