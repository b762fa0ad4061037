"""Schedules: a shipped template, its clones, and what an active one runs again at its hour (FEATURES J04, J05, J19)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from procrastinate.periodic import PeriodicDeferrer
from tests.server.lab import PASSWORD, START, Lab, Phone, create
from tests.server.processor.test_acts import code_taken, free_the_code, statuses

from fieldsync.base import limits
from fieldsync.base.problems import Refused
from fieldsync.cli.doctor.checks import CHECKS
from fieldsync.protocol.upload import Item, Outcome, Saved
from fieldsync.server.http.context import calling
from fieldsync.server.org.begin.schedules import OBJECT
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.create import seeding_org
from fieldsync.server.oversight.editing import save_from_page
from fieldsync.server.postgres.queue.worker import open_queue
from fieldsync.server.postgres.work import transaction
from fieldsync.server.processor.hourly.schedule import Schedule, changed, cloned, run_hour, schedules, stuck
from fieldsync.server.processor.jobs import performing, process
from fieldsync.server.sync import session

AT_ONE = datetime(2026, 3, 3, 1, tzinfo=UTC)
DAY = 86_400


def known(lab: Lab) -> list[Schedule]:
    async def ask() -> list[Schedule]:
        async with transaction(lab.org.pool) as database:
            return await schedules(lab.org, database)

    return lab.run(ask())


def save(lab: Lab, item: Item | None) -> Outcome:
    """As an admin's page saves it."""
    assert item is not None

    async def ask() -> Outcome:
        async with transaction(lab.org.pool) as database:
            _, token = await session.open_console(lab.org, database, "admin@small.example", PASSWORD)
        return await save_from_page(lab.org, lambda: calling(lab.org, token), item)

    return lab.run(ask())


def activated(lab: Lab, **values: Any) -> Schedule:
    """A clone of the template, changed and activated by an admin."""
    [template, *_] = known(lab)
    [new_id] = lab.run(draw_ids(lab.org, [OBJECT]))
    assert save(lab, cloned(template, new_id, "Ours")) == Saved()
    [clone] = [one for one in known(lab) if one.id == new_id]
    assert (clone.active, clone.template, clone.hour) == (False, False, template.hour)
    assert save(lab, changed(clone, {"Active": True, **values})) == Saved()
    return next(one for one in known(lab) if one.id == new_id)


def run_at(lab: Lab, moment: datetime = AT_ONE) -> int:
    return lab.run(run_hour(lab.org, moment))


def test_the_shipped_one_is_a_template_at_one_utc_over_sixty_days_and_does_nothing(lab: Lab, sarah: Phone) -> None:
    [template] = known(lab)
    assert (template.template, template.active, template.hour, template.look_back_days) == (True, False, 1, 60)
    code_taken(lab, sarah)
    assert run_at(lab) == 0
    with pytest.raises(Refused, match="it is the template"):
        changed(template, {"Active": True})


def test_a_clone_runs_failed_ones_again_at_its_hour(lab: Lab, sarah: Phone) -> None:
    activated(lab)
    other, _ = code_taken(lab, sarah)
    free_the_code(lab, other)
    assert run_at(lab, AT_ONE.replace(hour=2)) == 0
    assert run_at(lab) == 1
    lab.run(process(lab.org, sarah.number))
    assert statuses(lab) == {1: "Success", 2: "Success"}
    assert [result.outcome for result in sarah.feed().results] == [Saved(), Saved()]
    assert known(lab)[1].last_run_at == START


@pytest.mark.parametrize(("hour", "concerned"), [(4, 1), (1, 0)])
def test_its_hour_can_be_changed(lab: Lab, sarah: Phone, hour: int, concerned: int) -> None:
    activated(lab, Hour=4)
    code_taken(lab, sarah)
    assert run_at(lab, AT_ONE.replace(hour=hour)) == concerned


@pytest.mark.parametrize(("days", "concerned"), [(59, 1), (60, 1), (61, 0)])
def test_what_came_before_the_look_back_is_left_alone(lab: Lab, sarah: Phone, days: int, concerned: int) -> None:
    activated(lab)
    code_taken(lab, sarah)
    lab.clock.advance(days * DAY)
    assert run_at(lab) == concerned


def test_one_that_failed_too_often_is_left_to_a_person(lab: Lab, sarah: Phone) -> None:
    activated(lab)
    code_taken(lab, sarah)
    for _ in range(limits.PROCESSOR_RETRIES_MAX):
        assert run_at(lab) == 1
        lab.run(process(lab.org, sarah.number))
        assert statuses(lab) == {1: "Failed", 2: "Waiting"}
    assert run_at(lab) == 0


def test_a_setting_says_how_often(lab: Lab, sarah: Phone) -> None:
    lab.rows("Sync_Setting", {"Name": "r", "Setting": "Processor_Retries_Max", "Value": "0"})
    activated(lab)
    code_taken(lab, sarah)
    assert run_at(lab) == 0


@pytest.mark.parametrize("values", [{"Hour": 24}, {"Hour": -1}, {"Look_Back_Days": 0}, {"Look_Back_Days": 9_999}])
def test_an_hour_or_a_time_that_cannot_be_is_refused(lab: Lab, values: Mapping[str, int]) -> None:
    ours = activated(lab)
    with pytest.raises(Refused, match="UNUSABLE"):
        changed(ours, values)


def test_an_hour_comes_once_however_many_servers_run(lab: Lab, sarah: Phone) -> None:
    heard: list[Mapping[str, Any]] = []
    hour = int(time.time()) // 3_600 * 3_600

    async def perform(_: int, arguments: Mapping[str, Any]) -> None:
        heard.append(arguments)

    async def run() -> None:
        async with open_queue(lab.uri, ["small"], perform) as queue:
            queue.schedule()
            registry = queue._app.periodic_registry
            for _ in range(2):
                deferrer = PeriodicDeferrer(registry=registry, max_delay=7_200)
                await deferrer.defer_jobs(deferrer.get_previous_tasks(at=hour + 5))
            await queue.work_off()

    lab.run(run())
    assert [one for one in heard if one["timestamp"] == hour] == [{"org": "small", "timestamp": hour}]


def test_the_hours_job_runs_the_schedule_and_the_schedule_the_devices(lab: Lab, sarah: Phone) -> None:
    now = datetime.now(UTC)
    activated(lab, Hour=now.hour)
    other, _ = code_taken(lab, sarah)
    free_the_code(lab, other)

    async def run() -> None:
        perform = performing({"small": lab.org}, lab.uri)
        await perform(1, {"org": "small", "timestamp": int(now.timestamp())})
        async with open_queue(lab.uri, ["small"], perform) as queue:
            await queue.work_off()

    lab.run(run())
    assert statuses(lab) == {1: "Success", 2: "Success"}


def doctor(lab: Lab) -> list[str]:
    """What `fieldsync doctor` says of the queue."""
    [check] = [check for check in CHECKS if check.name == "queue"]
    with seeding_org(lab.uri, "small", lab.world) as seeding:
        return list(check.find(seeding))


def test_what_was_taken_and_never_run_for_a_day_is_told_of(lab: Lab, sarah: Phone) -> None:
    async def count() -> int:
        async with transaction(lab.org.pool) as database:
            return await stuck(lab.org, database)

    lab.rows("Sync_Setting", {"Name": "d", "Setting": "Deferred_Processing", "Value": "true"})
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x"))
    lab.clock.advance(DAY)
    assert lab.run(count()) == 0
    assert doctor(lab) == []
    lab.clock.advance(1)
    assert lab.run(count()) == 1
    [(name,)] = lab.query("""SELECT "Name" FROM "Sync_Transaction" WHERE "Status" = 'New'""")
    assert doctor(lab) == [f"{name} has not run for more than a day"]
