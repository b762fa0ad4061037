"""L2: whatever was sent however often, each save has its effect once."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.sim.world import SimWorld


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every effect that is there twice."""
    twice = world.query(
        'SELECT "Device_Number", "Queue_Number", count(*) FROM "Sync_Transaction"'
        ' WHERE "Device_Number" IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1'
    )
    for number, n, times in twice:
        yield f"L2: transaction {n} of {world.ordinal_of(number)} was journaled {times} times"
    for sql, what in ((CALLS, "call"), (ACCOUNTS, "account"), (DEPOTS, "depot"), (POSITIONS, "feed position")):
        for found, times in world.query(sql):
            yield f"L2: {what} {found} is there {times} times"
    for call, times in world.query(DUPLICATES):
        if times > len(world.devices):
            yield f"L2: {world.name_of(call)} has {times} duplicates"


CALLS = """
SELECT "Notes", count(*) FROM "Call" WHERE starts_with("Notes", 'mark-') AND "Original_CallId" IS NULL
AND NOT EXISTS (SELECT 1 FROM "Call" d WHERE d."Original_CallId" = "Call"."Id")
GROUP BY 1 HAVING count(*) > 1
"""
ACCOUNTS = """
SELECT "Name", count(*) FROM "Account" WHERE starts_with("Name", 'mark-') GROUP BY 1 HAVING count(*) > 1
"""
DEPOTS = """
SELECT "Name", count(*) FROM "Depot" WHERE starts_with("Name", 'mark-') GROUP BY 1 HAVING count(*) > 1
"""
DUPLICATES = """
SELECT "Original_CallId", count(*) FROM "Call" WHERE "Original_CallId" IS NOT NULL GROUP BY 1
"""
POSITIONS = """
SELECT feed_position, count(*) FROM _change WHERE feed_position IS NOT NULL
GROUP BY feed_user, feed_position HAVING count(*) > 1
"""
