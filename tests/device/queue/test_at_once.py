"""A save that goes at once is marked as sent by the transaction that saves it, and everything else is as it was."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest
from tests.device.lab import Lab

from fieldsync.base.ids import RecordId
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work


def save(lab: Lab, name: str = "S") -> RecordId:
    with lab.device.edit() as edit:
        return edit.create("Shop", {"Name": name})


def rename(lab: Lab, shop: RecordId, name: str) -> None:
    with lab.device.edit() as edit:
        edit.update("Shop", shop, {"Name": name})


def states(lab: Lab) -> list[str]:
    return [entry.state for entry in lab.device.queue()]


def sent(lab: Lab) -> list[list[int]]:
    """Queue numbers of each upload."""
    return [[each.n for each in request.transactions] for request in lab.script.uploads]


def listening(lab: Lab, *, is_so: bool = True) -> None:
    """Whether the server listens."""
    lab.device._engine.at_once.may = lambda: lab.device._engine.online and is_so


@pytest.fixture
def heard(lab: Lab) -> Lab:
    lab.download()
    listening(lab)
    return lab


def test_a_save_that_goes_at_once_is_one_transaction_on_the_device(heard: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    write = Store.write

    def counted(store: Store) -> AbstractContextManager[Work]:
        written.append("")
        return write(store)

    monkeypatch.setattr(Store, "write", counted)
    save(heard)
    assert states(heard) == ["sending"]
    assert len(written) == 1
    heard.upload(heard.saved())
    assert sent(heard) == [[1]]
    assert states(heard) == []
    assert len(written) == 2, "and its answer"


def test_what_is_saved_behind_it_is_another_transaction_that_takes_its_turn(heard: Lab) -> None:
    shop = save(heard)
    rename(heard, shop, "T")
    rename(heard, shop, "U")
    assert states(heard) == ["sending", "queued"]
    heard.upload(heard.saved())
    assert sent(heard) == [[1, 2]]


@pytest.mark.parametrize("why", ["nobody listens", "flight mode"])
def test_where_it_cannot_go_it_waits_and_takes_in_what_is_saved_behind_it(heard: Lab, why: str) -> None:
    if why == "flight mode":
        heard.device.go_offline()
    else:
        listening(heard, is_so=False)
    rename(heard, save(heard), "T")
    assert states(heard) == ["queued"]


def test_what_flight_mode_stops_before_it_leaves_goes_when_it_ends(heard: Lab) -> None:
    save(heard)
    heard.device.go_offline()
    heard.device.step()
    assert sent(heard) == []
    heard.device.go_online()
    heard.upload(heard.saved())
    assert sent(heard) == [[1]]


def test_what_a_process_that_ended_had_marked_goes_again_as_it_was(heard: Lab) -> None:
    shop = save(heard)
    heard.reopen()
    rename(heard, shop, "T")
    heard.upload(heard.saved())
    assert sent(heard) == [[1, 2]]
