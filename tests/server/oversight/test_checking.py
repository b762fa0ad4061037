"""All sync rules checked for everybody, by a worker on the queue: its states, how far it is, and that it stops."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab
from tests.server.oversight.desk import Desk

from fieldsync.base import limits
from fieldsync.protocol.upload import Saved
from fieldsync.server.alerts.found import found_alerts
from fieldsync.server.oversight.scope.checking import Report, ask_check, read_report
from fieldsync.server.postgres.queue import progress
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.queue.worker import open_queue
from fieldsync.server.postgres.work import transaction
from fieldsync.server.processor.jobs import performing


def ask(desk: Desk) -> bool:
    async def asked() -> bool:
        async with transaction(desk.lab.org.pool) as database:
            return await ask_check(desk.lab.org, database, "Ada")

    return desk.lab.run(asked())


def work_off(lab: Lab) -> None:
    async def run() -> None:
        async with open_queue(lab.uri, ["small"], performing({"small": lab.org}, lab.uri)) as queue:
            await queue.work_off()

    lab.run(run())


def newest(desk: Desk) -> tuple[Progress, Report]:
    found = desk.read(lambda database: progress.listed(database, "small"))[0]
    return found, read_report(found.result)


def cancel(desk: Desk, known: int) -> bool:
    async def canceled() -> bool:
        async with transaction(desk.lab.org.pool) as database:
            return await progress.cancel(database, "small", known)

    return desk.lab.run(canceled())


def test_a_check_looks_at_every_device_and_names_who_could_not_sync(desk: Desk) -> None:
    for who in ("sarah", "tom"):
        desk.lab.phone(who)
    assert ask(desk)
    assert not ask(desk), "one is under way"
    waiting, _ = newest(desk)
    assert (waiting.stage, waiting.done, waiting.total) == (Stage.WAITING, 0, 0)
    work_off(desk.lab)
    found, report = newest(desk)
    assert (found.stage, found.done, found.total, found.asked_by) == (Stage.VALID, 2, 2, "Ada")
    assert (report.stopped, report.wrong) == ((), 0)
    [rep] = report.rows
    assert (rep.profile, rep.devices, rep.least < rep.most) == ("Rep", 2, True)

    assert desk.save(desk.edited("Shop", rows_max=1)) == Saved()
    assert ask(desk)
    work_off(desk.lab)
    found, report = newest(desk)
    assert found.stage is Stage.ERROR
    assert {one.username for one in report.stopped} == {"sarah@small.example", "tom@small.example"}
    assert all("1 are allowed" in one.sentence for one in report.stopped)
    told = desk.read(lambda database: found_alerts(desk.lab.org, database))
    assert [(one.count, one.page) for one in told if one.key == "checked"] == [(2, "/console/rules/check")]


def test_a_rule_that_cannot_be_used_is_told_and_so_is_whom_it_stops(desk: Desk) -> None:
    """As one that names a field which a change of the data model took away."""
    desk.lab.phone("sarah")
    bad = """"Where_Clause" = 'Gone = 1', "Type" = 'top_level', "_stamp" = "_stamp" + 1"""
    assert desk.lab.query(f"""UPDATE "Sync_Rule" SET {bad} WHERE "Object_Name" = 'Shop' RETURNING 1""")
    assert ask(desk)
    work_off(desk.lab)
    found, report = newest(desk)
    assert (found.stage, found.done, report.wrong > 0) == (Stage.ERROR, 1, True)
    assert [one.username for one in report.stopped] == ["sarah@small.example"]
    assert "Gone" in report.stopped[0].sentence
    assert "Gone" in report.faults[0].sentence


def test_a_check_that_is_canceled_stops_at_its_next_person(desk: Desk) -> None:
    desk.lab.phone("sarah")
    assert ask(desk)
    known, _ = newest(desk)
    assert cancel(desk, known.id)
    work_off(desk.lab)
    found, report = newest(desk)
    assert (found.stage, found.done, found.total, report.rows) == (Stage.CANCELED, 0, 1, ())
    assert not cancel(desk, known.id), "it has ended"
    assert ask(desk), "another one may begin"
    lost, _ = newest(desk)
    assert cancel(desk, lost.id)
    assert cancel(desk, lost.id), "its job may be gone: asked twice it ends"
    assert newest(desk)[0].stage is Stage.CANCELED


def test_a_check_that_raises_has_failed_and_another_may_begin(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.lab.phone("sarah")
    assert ask(desk)
    monkeypatch.setattr(limits, "CHECKED_PEOPLE_MAX", "many")
    work_off(desk.lab)
    assert newest(desk)[0].stage is Stage.FAILED
    monkeypatch.undo()
    assert ask(desk)
    work_off(desk.lab)
    assert newest(desk)[0].stage is Stage.VALID
