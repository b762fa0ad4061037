"""L2: whatever was sent however often, each save has its effect once."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.sim.world import SimWorld


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every effect that is there twice."""
    twice = world.query(
        'SELECT "Device_Number", "Queue_Number", count(*) FROM "Sync_Transaction" GROUP BY 1, 2 HAVING count(*) > 1'
    )
    for number, n, times in twice:
        yield f"L2: transaction {n} of {world.ordinal_of(number)} was journaled {times} times"
    for sql, what in ((CALLS, "call"), (DISCUSSIONS, "call's discussions"), (POSITIONS, "feed position")):
        for found, times in world.query(sql):
            yield f"L2: {what} {found} is there {times} times"


CALLS = """
SELECT "Notes", count(*) FROM "Call" WHERE starts_with("Notes", 'mark-') GROUP BY 1 HAVING count(*) > 1
"""
DISCUSSIONS = """
SELECT "Discussion", count(*) FROM "Call_Discussion" WHERE starts_with("Discussion", 'mark-')
GROUP BY 1 HAVING count(*) > 4
"""
POSITIONS = """
SELECT feed_position, count(*) FROM _change WHERE feed_position IS NOT NULL
GROUP BY feed_user, feed_position HAVING count(*) > 1
"""
