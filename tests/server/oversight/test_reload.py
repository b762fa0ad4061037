"""Asking for loading anew by a date: what cannot be meant is refused with its reason, and one wish counts at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from tests.server.lab import START
from tests.server.oversight.desk import Desk

from fieldsync.base.problems import Refused
from fieldsync.protocol.upload import Saved
from fieldsync.server.org.bring_in import admin_calls
from fieldsync.server.oversight.catalog.reload import taken_back_item, wish_item, wished
from fieldsync.server.oversight.editing import save_from_page
from fieldsync.server.sync.forcing.reload import Asked, reload_asked

REFUSED = {
    "no day": ({"due": ""}, "The date cannot be used: it is no day"),
    "no day of the calendar": ({"due": "2026-02-30"}, "The date cannot be used: it is no day"),
    "no first day": ({"alert": "soon", "due": "2026-03-09"}, "The first day cannot be used: it is no day"),
    "over": ({"due": "2026-03-01"}, "This date cannot be used: it is in the past"),
    "due first": ({"alert": "2026-03-10", "due": "2026-03-09"}, "cannot be told of it after it is due"),
    "long": ({"due": "2026-03-09", "message": "x" * 256}, "This message cannot be used: it is longer than 255"),
}


@pytest.mark.parametrize(("typed", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused(typed: dict[str, str], sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        wished(typed, START)
    assert sentence in refused.value.problem.message


def test_today_is_the_first_day_where_none_is_said() -> None:
    made = wished({"due": "2026-03-02"}, datetime.fromisoformat("2026-03-02T23:59:00+00:00"))
    assert (made["Alert_Date"], made["Due_Date"]) == ("2026-03-02", "2026-03-02")


def test_a_wish_takes_the_place_of_the_one_before_and_is_taken_back(desk: Desk) -> None:
    org = desk.lab.org

    def counts() -> Any:
        return desk.read(lambda database: reload_asked(org, database))

    async def ask(due: str | None) -> object:
        item = await (taken_back_item(org) if due is None else wish_item(org, {"due": due, "message": f"by {due}"}))
        assert item is not None
        return await save_from_page(org, lambda: admin_calls(org), item)

    for due in ("2026-03-09", "2026-03-08"):
        assert desk.lab.run(ask(due)) == Saved()
        found = counts()
        assert isinstance(found, Asked)
        assert (found.due.isoformat(), found.message, found.asked_at) == (due, f"by {due}", desk.lab.clock.now())
        desk.lab.clock.advance(60)
    assert desk.lab.run(ask(None)) == Saved()
    assert counts() is None
    assert desk.lab.query('SELECT count(*) FROM "Data_Reload" WHERE NOT "IsDeleted"') == [(0,)]
