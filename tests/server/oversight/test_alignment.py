"""An alignment is a job: it says how far it is, who cancels it keeps nothing of it, and it is done once."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab
from tests.server.oversight.desk import Desk
from tests.server.oversight.test_checking import cancel, work_off
from tests.server.processor.test_retention import watched

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused
from fieldsync.server.http.context import calling
from fieldsync.server.oversight.people.aligning import (
    ALIGNING,
    PREVIEWING,
    Alignment,
    ask_alignment,
    newest_alignment,
    run_alignment,
)
from fieldsync.server.oversight.people.alignment import Aligned, read_file
from fieldsync.server.postgres.queue import progress
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.queue.watched import Watched
from fieldsync.server.postgres.work import transaction

HEAD = ("User", "Territory")
LINES = tuple(("admin@small.example", f"T{number}") for number in range(5))


def ask(desk: Desk, *lines: tuple[str, str], preview: bool = False) -> None:
    org = desk.lab.org

    async def asked() -> None:
        async with calling(org, desk.token) as (database, caller):
            await ask_alignment(org, database, caller, read_file([HEAD, *lines]), (preview, "Ada"))

    desk.lab.run(asked())


def newest(desk: Desk) -> tuple[Progress, Aligned]:
    found = desk.read(lambda database: newest_alignment(desk.lab.org, database))
    assert found is not None
    return found


def aligned(desk: Desk, *lines: tuple[str, str], preview: bool = False) -> Aligned:
    ask(desk, *lines, preview=preview)
    work_off(desk.lab)
    return newest(desk)[1]


def assigned(lab: Lab) -> int:
    [(count,)] = lab.query('SELECT count(*) FROM "User_Territory" WHERE NOT "IsDeleted"')
    return int(count)


@pytest.fixture
def territories(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(limits, "UPLOAD_BATCH_RECORDS_MAX", 2)
    desk.lab.rows("Territory", *({"Name": name} for _, name in LINES))
    return desk


def test_an_alignment_is_previewed_canceled_as_a_whole_and_done(
    territories: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, lab, before = territories, territories.lab, assigned(territories.lab)
    assert aligned(desk, *LINES, preview=True).added == 5
    assert (watched(lab), assigned(lab)) == ([(PREVIEWING, Stage.VALID, 5, 5)], before)
    stepped = Watched.step

    async def canceled_there(one: Watched, done: int, total: int) -> bool:
        if done == 4:
            assert one.known is not None
            await lose_patience(desk, one.known)
        return await stepped(one, done, total)

    monkeypatch.setattr(Watched, "step", canceled_there)
    aligned(desk, *LINES)
    assert (watched(lab)[0], assigned(lab)) == ((ALIGNING, Stage.CANCELED, 2, 5), before)
    monkeypatch.setattr(Watched, "step", stepped)
    ask(desk, *LINES)
    assert cancel(desk, newest(desk)[0].id)
    work_off(lab)
    assert (watched(lab)[0], assigned(lab)) == ((ALIGNING, Stage.CANCELED, 0, 5), before)
    assert aligned(desk, *LINES).added == 5
    assert (watched(lab)[0], assigned(lab)) == ((ALIGNING, Stage.VALID, 5, 5), before + 5)
    assert aligned(desk, ("admin@small.example", "Nowhere"), *LINES).refused == [(2, "there is no territory Nowhere")]
    assert (watched(lab)[0][1], assigned(lab)) == (Stage.ERROR, before + 5)


async def lose_patience(desk: Desk, known: int) -> None:
    """Cancel it twice: it has ended at once, while its job is in the middle of it."""
    for _ in range(2):
        async with transaction(desk.lab.org.pool) as database:
            assert await progress.cancel(database, "small", known)


def test_one_at_a_time_done_once_and_by_who_is_still_an_admin(territories: Desk) -> None:
    desk, lab, before = territories, territories.lab, assigned(territories.lab)
    ask(desk, *LINES)
    with pytest.raises(Refused) as refused:
        ask(desk, *LINES)
    assert refused.value.problem.code is Code.UNUSABLE
    work_off(lab)
    first, done = newest(desk)
    [(tom,)] = lab.query('SELECT "Id" FROM "User" WHERE "Username" = \'tom@small.example\'')
    again = Alignment("small", first.id, tom, preview=False, file=read_file([HEAD, *LINES]))
    lab.run(run_alignment(lab.org, again))
    assert (newest(desk), assigned(lab)) == ((first, done), before + 5), "its worker died before it could say so"

    ask(desk, ("admin@small.example", "T0"))
    open_one = newest(desk)[0]
    lab.run(run_alignment(lab.org, Alignment("small", open_one.id, again.user, preview=False, file=again.file)))
    assert newest(desk)[0].stage is Stage.ERROR
    assert "no admin any more" in newest(desk)[1].wrong
