"""An alignment of many lines: it says how far it is, and who cancels it keeps nothing of it."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab
from tests.server.oversight.desk import Desk
from tests.server.processor.test_retention import canceled_while_it_runs, watched

from fieldsync.base import limits
from fieldsync.server.http.context import calling
from fieldsync.server.oversight.people.alignment import ALIGNING, Aligned, align, read_file
from fieldsync.server.postgres.queue.progress import Stage

HEAD = ("User", "Territory")


def aligned(desk: Desk, *lines: tuple[str, str]) -> Aligned:
    lab = desk.lab
    file = read_file([HEAD, *lines])
    return lab.run(align(lab.org, lambda: calling(lab.org, desk.token), file, preview=False, by="Ada"))


def assigned(lab: Lab) -> int:
    [(count,)] = lab.query('SELECT count(*) FROM "User_Territory" WHERE NOT "IsDeleted"')
    return int(count)


def test_a_long_alignment_is_watched_and_canceled_as_a_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UPLOAD_BATCH_RECORDS_MAX", 2)
    lab, before = desk.lab, assigned(desk.lab)
    lab.rows("Territory", *({"Name": f"T{number}"} for number in range(5)))
    lines = tuple(("admin@small.example", f"T{number}") for number in range(5))
    canceled_while_it_runs(lab, ALIGNING)
    assert aligned(desk, *lines).canceled
    assert (watched(lab), assigned(lab)) == ([(ALIGNING, Stage.CANCELED, 2, 5)], before)
    assert aligned(desk, *lines).added == 5
    assert (watched(lab), assigned(lab)) == ([(ALIGNING, Stage.VALID, 5, 5)], before + 5)
    assert aligned(desk, ("admin@small.example", "Nowhere"), *lines).refused
    assert watched(lab) == [(ALIGNING, Stage.VALID, 5, 5)], "what is done at once leaves no note"
