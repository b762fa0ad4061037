"""How long finished transactions are kept: rules, and the purge with a moved clock (FEATURES J22)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.server.lab import Lab, Phone, create, update
from tests.server.processor.test_acts import do, journaled, statuses
from tests.server.processor.test_schedule import DAY, save

from fieldsync.base import limits
from fieldsync.base.problems import Code
from fieldsync.cli.doctor.checks import CHECKS
from fieldsync.protocol.upload import Canceled, Held, Item, Outcome, Rejected, Saved
from fieldsync.server.configuration.retention import Retention, retention_saved, retentions
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.create import seeding_org
from fieldsync.server.postgres.queue import progress
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.work import transaction
from fieldsync.server.processor.hourly.purge import PURGE, purge
from fieldsync.server.processor.states import Act, Status

PARTS = ("Sync_Transaction", "Sync_Transaction_Record", "Sync_Transaction_Log", "_undecided")


def rules(lab: Lab) -> list[Retention]:
    async def ask() -> list[Retention]:
        async with transaction(lab.org.pool) as database:
            return await retentions(lab.org, database)

    return lab.run(ask())


def item(lab: Lab, known: Retention | None = None, **values: Any) -> Item:
    """What a page saves."""
    [new_id] = lab.run(draw_ids(lab.org, ["Sync_Retention"]))
    shown = {"Name": "r", "Object_Name": "Shop", "Active": True, "Keep_Days": 7, "Description": "a week is enough"}
    made = retention_saved(known, new_id, {**(known.values if known else shown), **values})
    assert made is not None
    return made


def after(lab: Lab, phone: Phone, days: float) -> int:
    """So many days later an hour comes. The person signs in again on the same device."""
    lab.clock.advance(days * DAY)
    gone = lab.run(purge(lab.org))
    phone.session = lab.phone("sarah").session
    return gone


def mine(lab: Lab) -> dict[int, str]:
    return statuses(lab)


def confirm(phone: Phone) -> None:
    phone.upload(confirmed=phone.n)


def test_an_org_begins_with_sixty_days_for_every_object(lab: Lab, sarah: Phone) -> None:
    [shipped] = rules(lab)
    assert (shipped.object, shipped.keep_days, shipped.active, shipped.last_purge_at) == ("*", 60, True, None)
    assert sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x")) == Saved()
    confirm(sarah)
    assert after(lab, sarah, 60) == 0
    assert mine(lab) == {1: "Success"}
    assert after(lab, sarah, 0.01) == 1
    [shipped] = rules(lab)
    assert shipped.last_purge_at == lab.clock.now()
    assert shipped.last_purge_count == 1
    for table in PARTS:
        assert lab.query(f'SELECT count(*) FROM "{table}" WHERE {_of_sarah(table)}') == [(0,)], table
    assert lab.query('SELECT count(*) FROM "Shop"') == [(1,)], "what it saved stays"


def _of_sarah(table: str) -> str:
    return "\"Channel\" = 'device'" if table == "Sync_Transaction" else "true"


def test_an_object_may_have_a_rule_of_its_own_and_one_not_active_counts_as_none(lab: Lab, sarah: Phone) -> None:
    assert save(lab, item(lab)) == Saved()
    [shop] = lab.rows("Shop", {"Name": "s"})
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x"))
    sarah.outcome(create("Visit", sarah.new_id("Visit"), ShopId=shop))
    confirm(sarah)
    [_, own] = rules(lab)
    assert save(lab, item(lab, own, Active=False)) == Saved()
    assert after(lab, sarah, 8) == 0
    assert save(lab, item(lab, rules(lab)[1], Active=True)) == Saved()
    assert after(lab, sarah, 0) == 1
    assert mine(lab) == {2: "Success"}
    counts = {rule.object: rule.last_purge_count for rule in rules(lab)}
    assert counts == {"*": 0, "Shop": 1}


def test_what_its_device_has_not_confirmed_stays_so_that_a_replay_is_told_the_same(lab: Lab, sarah: Phone) -> None:
    sent = sarah.save(create("Shop", sarah.new_id("Shop"), Name="x"))
    sarah.upload(sent)
    assert after(lab, sarah, 400) == 0
    assert sarah.upload(sent).results[0].outcome == Saved()
    confirm(sarah)
    assert after(lab, sarah, 0) == 1


def test_what_is_open_or_failed_stays_for_ever_and_its_time_begins_when_it_is_decided(lab: Lab, sarah: Phone) -> None:
    lab.rows("Shop", {"Name": "Corner", "Code": "A1"})
    shop = sarah.new_id("Shop")
    assert isinstance(sarah.outcome(create("Shop", shop, Name="x", Code="A1")), Rejected)
    assert isinstance(sarah.outcome(create("Visit", sarah.new_id("Visit"), ShopId=shop)), Held)
    lab.rows("Sync_Setting", {"Name": "d", "Setting": "Deferred_Processing", "Value": "true"})
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="y"))
    confirm(sarah)
    assert after(lab, sarah, 400) == 0
    assert mine(lab) == {1: "Failed", 2: "Waiting", 3: "New"}
    assert do(lab, journaled(lab)[1][0], Act.CANCEL, "not wanted") is Status.CANCELED
    confirm(sarah)
    assert after(lab, sarah, 59) == 0
    assert after(lab, sarah, 1.01) == 2
    assert mine(lab) == {3: "New"}
    assert lab.query("SELECT n FROM _undecided") == [(3,)]


def test_what_the_person_took_back_is_kept_from_then_on(lab: Lab, sarah: Phone) -> None:
    lab.rows("Shop", {"Name": "Corner", "Code": "A1"})
    assert isinstance(sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x", Code="A1")), Rejected)
    after(lab, sarah, 59)
    sarah.upload(confirmed=1, undone=(1,))
    assert mine(lab) == {1: "Canceled"}
    assert after(lab, sarah, 59) == 0
    assert after(lab, sarah, 1.01) == 1


def test_many_go_in_bounded_batches_and_what_somebody_holds_is_passed_over(
    lab: Lab, sarah: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PURGE_BATCH", 3)
    sarah.upload(*(sarah.save(create("Shop", sarah.new_id("Shop"), Name=f"s{i}")) for i in range(10)))
    confirm(sarah)
    lab.clock.advance(61 * DAY)
    held = journaled(lab)[5][0]

    async def while_held() -> int:
        async with lab.org.pool.connection() as connection, connection.transaction():
            await connection.execute('SELECT 1 FROM "Sync_Transaction" WHERE "Id" = %s FOR UPDATE', [held])
            return await purge(lab.org)

    assert lab.run(while_held()) == 9
    assert mine(lab) == {5: "Success"}
    monkeypatch.setattr(limits, "PURGE_BATCHES_MAX", 0)
    assert lab.run(purge(lab.org)) == 0


def watched(lab: Lab) -> list[tuple[str, Stage, int, int]]:
    """What the page of jobs shows."""

    async def ask() -> list[Progress]:
        async with transaction(lab.org.pool) as database:
            return await progress.listed(database, "small")

    return [(one.what, one.stage, one.done, one.total) for one in lab.run(ask())]


def canceled_while_it_runs(lab: Lab, what: str) -> None:
    """Somebody cancels it before its next step; its process may be another."""

    async def cancel() -> None:
        async with transaction(lab.org.pool) as database:
            known = await progress.begin(database, "small", what, "Ada")
            assert known is not None
            assert await progress.cancel(database, "small", known)

    lab.run(cancel())


def test_a_long_purge_says_how_far_it_is_and_stops_for_who_cancels_it_until_the_next_hour(
    lab: Lab, sarah: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PURGE_BATCH", 3)
    sarah.upload(*(sarah.save(create("Shop", sarah.new_id("Shop"), Name=f"s{i}")) for i in range(10)))
    confirm(sarah)
    lab.clock.advance(61 * DAY)
    canceled_while_it_runs(lab, PURGE)
    assert lab.run(purge(lab.org)) == 3
    assert watched(lab) == [(PURGE, Stage.CANCELED, 3, 10)]
    assert lab.run(purge(lab.org)) == 7
    assert watched(lab) == [(PURGE, Stage.VALID, 7, 7)]
    assert lab.run(purge(lab.org)) == 0
    assert watched(lab) == [(PURGE, Stage.VALID, 7, 7)], "what is done at once leaves no note"


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"Object_Name": "Shops"}, "Object_Name", Code.VALIDATION),
        ({"Object_Name": ""}, "Object", Code.REQUIRED),
        ({"Keep_Days": 0}, "Keep_Days", Code.VALIDATION),
        ({"Keep_Days": 3_651}, "Keep_Days", Code.VALIDATION),
        ({"Description": ""}, "Description", Code.REQUIRED),
        ({"Object_Name": "*"}, "Object_Name", Code.DUPLICATE),
    ],
)
def test_a_rule_that_cannot_be_is_refused_when_it_is_saved(
    lab: Lab, values: Mapping[str, Any], field: str, code: Code
) -> None:
    outcome: Outcome = save(lab, item(lab, **values))
    assert isinstance(outcome, Rejected)
    assert [(one.code, one.field) for one in outcome.problems] == [(code, field)]
    assert len(rules(lab)) == 1


def test_a_rule_changed_to_what_cannot_be_is_refused(lab: Lab) -> None:
    [shipped] = rules(lab)
    outcome = save(lab, item(lab, shipped, Keep_Days=0))
    assert isinstance(outcome, Rejected)
    assert outcome.problems[0].message == "Transactions are kept for 1 to 3650 days."


def doctor(lab: Lab) -> list[str]:
    [check] = [check for check in CHECKS if check.name == "retention"]
    with seeding_org(lab.uri, "small", lab.world) as seeding:
        return list(check.find(seeding))


def test_doctor_tells_of_a_purge_that_does_not_come_and_of_a_rule_for_nothing(lab: Lab) -> None:
    assert doctor(lab) == []
    lab.run(purge(lab.org))
    lab.clock.advance(DAY)
    assert doctor(lab) == []
    lab.clock.advance(1)
    lab.rows("Sync_Retention", {"Name": "g", "Object_Name": "Gone", "Keep_Days": 5, "Description": "x", "Active": True})
    late, gone = doctor(lab)
    assert "the last purge was 2026-03-02 08:00 UTC" in late
    assert gone == "the rule for Gone: there is no such object"


def test_one_that_is_canceled_with_its_parent_goes_too_with_what_was_kept_of_it(lab: Lab, sarah: Phone) -> None:
    lab.rows("Shop", {"Name": "Corner", "Code": "A1"})
    shop = sarah.new_id("Shop")
    sarah.outcome(create("Shop", shop, Name="x", Code="A1"))
    sent = sarah.save(create("Visit", sarah.new_id("Visit"), ShopId=shop))
    sarah.upload(sent)
    do(lab, journaled(lab)[1][0], Act.CANCEL, "no")
    assert isinstance(sarah.upload(sent).results[0].outcome, Canceled)
    assert sarah.outcome(update("Shop", shop, City=(None, "x"))) != Saved()
    confirm(sarah)
    assert after(lab, sarah, 61) == 2
    assert mine(lab) == {3: "Failed"}
