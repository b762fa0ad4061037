"""A file is brought in by a job: piece by piece, each once, with what became of every line."""

from __future__ import annotations

import csv

import pytest
from tests.server.oversight.desk import Desk, killed_at_note
from tests.server.oversight.test_checking import cancel, work_off

from fieldsync.base.problems import Code, Refused
from fieldsync.server.http.context import calling
from fieldsync.server.oversight.sheets import bringing
from fieldsync.server.oversight.sheets.bringing import (
    Brought,
    Import,
    ask_checked,
    ask_import,
    newest_import,
    report,
    run_import,
)
from fieldsync.server.postgres.queue.progress import Progress, Stage

LINES = [[f"B{n}", "Leeds"] for n in range(5)]


def ask(desk: Desk, *, check: bool = False, head: tuple[str, ...] = ("Name", "City")) -> None:
    org = desk.lab.org

    async def asked() -> None:
        async with calling(org, desk.token) as (database, caller):
            what = Brought("Shop", caller.user_id, head, check=check)
            await ask_import(org, database, caller, what, iter([*LINES, ["", "Nowhere"], ["", ""]]), "Ada")

    desk.lab.run(asked())


def follow(desk: Desk, checked: int) -> None:
    """Have brought in what was checked."""
    org = desk.lab.org

    async def asked() -> None:
        async with calling(org, desk.token) as (database, caller):
            await ask_checked(org, database, caller, "Shop", checked, "Ada")

    desk.lab.run(asked())


def newest(desk: Desk) -> tuple[Progress, Brought]:
    found = desk.read(lambda database: newest_import(desk.lab.org, database, "Shop"))
    assert found is not None
    return found


def there(desk: Desk) -> list[str]:
    query = 'SELECT "Name" FROM "Shop" WHERE "Name" LIKE \'B_\' AND NOT "IsDeleted" ORDER BY 1'
    return [name for (name,) in desk.lab.query(query)]


def reported(desk: Desk) -> list[tuple[str, str]]:
    known = newest(desk)[0].id

    async def content() -> bytes:
        return b"".join([block async for block in report(desk.lab.org, known)])

    return [(one["line"], one["became"]) for one in csv.DictReader(desk.lab.run(content()).decode().splitlines())]


@pytest.fixture(autouse=True)
def two_by_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bringing, "BATCH_LINES", 2)


BECAME = [(str(n), "created") for n in range(2, 7)] + [("7", "refused")]


def test_a_check_keeps_nothing_and_an_import_every_line_but_those_refused(desk: Desk) -> None:
    for check in (True, False):
        ask(desk, check=check)
        with pytest.raises(Refused) as refused:
            ask(desk)
        assert refused.value.problem.code is Code.UNUSABLE
        work_off(desk.lab)
        p, done = newest(desk)
        assert (p.stage, p.done, p.total, done.counts) == (Stage.VALID, 6, 6, {"created": 5, "refused": 1})
        assert [line for line, _ in done.refused] == [7]
        assert reported(desk) == BECAME
        assert there(desk) == ([] if check else ["B0", "B1", "B2", "B3", "B4"])
    with pytest.raises(Refused):
        ask(desk, head=("Name", "No_Such"))


def test_a_file_that_was_checked_is_brought_in_without_being_given_again(desk: Desk) -> None:
    ask(desk, check=True)
    with pytest.raises(Refused):
        follow(desk, newest(desk)[0].id)  # it is not checked yet
    work_off(desk.lab)
    older = newest(desk)[0].id
    ask(desk, check=True)
    work_off(desk.lab)
    for other in (older, 0):
        with pytest.raises(Refused) as refused:
            follow(desk, other)
        assert refused.value.problem.code is Code.UNUSABLE
    follow(desk, newest(desk)[0].id)
    work_off(desk.lab)
    assert (reported(desk), there(desk)) == (BECAME, ["B0", "B1", "B2", "B3", "B4"])
    with pytest.raises(Refused):
        follow(desk, newest(desk)[0].id)  # that was no check
    assert desk.lab.query("SELECT count(*) FROM fieldsync_jobs.brought WHERE kind = 'lines'") == [(0,)]


def test_one_that_was_killed_brings_no_line_twice(desk: Desk) -> None:
    ask(desk)
    known = newest(desk)[0].id
    with killed_at_note(2):
        desk.lab.run(run_import(desk.lab.org, Import("small", known)))
    assert (there(desk), newest(desk)[0].done) == (["B0", "B1"], 2)
    work_off(desk.lab)
    assert (there(desk), newest(desk)[0].stage) == (["B0", "B1", "B2", "B3", "B4"], Stage.VALID)
    assert reported(desk) == BECAME


def test_who_cancels_it_keeps_what_was_brought_in_and_no_rights_bring_nothing(desk: Desk) -> None:
    ask(desk)
    assert cancel(desk, newest(desk)[0].id)
    work_off(desk.lab)
    assert (newest(desk)[0].stage, there(desk)) == (Stage.CANCELED, [])
    ask(desk)
    desk.lab.query('UPDATE "User" SET "IsActive" = false WHERE "Username" = \'admin@small.example\' RETURNING 1')
    work_off(desk.lab)
    p, done = newest(desk)
    assert (p.stage, there(desk)) == (Stage.ERROR, [])
    assert "no user any more" in done.wrong
