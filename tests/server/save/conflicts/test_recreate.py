"""A record that was deleted online is brought back by an edit that did not know (FEATURES K11): what comes with it, and
what is asked all the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.server.lab import Lab, Phone, create, delete, downloaded, update
from tests.server.save.conflicts.pack import prepare

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.protocol.upload import Item, Operation, Outcome, Rejected, Saved

if TYPE_CHECKING:
    from tests.conftest import Databases


@pytest.fixture
def lab(databases: Databases) -> Iterator[Lab]:
    name = databases.create(databases.template("kinds", prepare))
    made = Lab(databases.uri(name))
    made.person("sarah")
    made.person("tom")
    try:
        yield made
    finally:
        made.close()
        databases.drop(name)


def deleted_depot(lab: Lab, *lines: str) -> tuple[RecordId, list[RecordId]]:
    """A depot that Tom deleted, with these lines."""
    [depot] = lab.rows("Depot", {"Name": "d", "Notes": "base", "Other": "base"})
    found = lab.rows("Depot_Line", *({"Name": one, "Notes": one, "RootId": depot} for one in lines)) if lines else []
    removed(lab, "Depot", depot)
    return depot, found


def removed(lab: Lab, name: str, record: RecordId, who: str = "tom") -> None:
    lab.clock.advance(60)
    device = f"at-{lab.clock.now().timestamp()}"
    assert isinstance(lab.phone(who, device).outcome(delete(name, record, stamp(lab, name, record))), Saved)
    lab.clock.advance(60)


def stamp(lab: Lab, name: str, record: RecordId) -> int:
    [(found,)] = lab.query(f'SELECT _stamp FROM "{name}" WHERE "Id" = %(id)s', id=record)
    return int(found)


def present(lab: Lab, name: str) -> dict[str, dict[str, object]]:
    return {r["Id"]: r for (r,) in lab.query(f'SELECT row_to_json(t) FROM "{name}" t WHERE NOT "IsDeleted"')}


def code_of(outcome: Outcome) -> tuple[Code, dict[str, object]]:
    assert isinstance(outcome, Rejected), outcome
    [found] = outcome.problems
    return found.code, found.details


def test_details_that_were_deleted_before_stay_deleted(lab: Lab) -> None:
    [depot] = lab.rows("Depot", {"Name": "d", "Notes": "base"})
    kept, gone = lab.rows("Depot_Line", *({"Name": n, "RootId": depot} for n in ("kept", "gone")))
    removed(lab, "Depot_Line", gone)
    removed(lab, "Depot", depot)
    assert isinstance(lab.phone("sarah").outcome(update("Depot", depot, Notes=("base", "mine"))), Saved)
    assert present(lab, "Depot_Line").keys() == {kept}


def test_an_undelete_brings_back_what_went_with_the_record_and_no_more(lab: Lab) -> None:
    [depot] = lab.rows("Depot", {"Name": "d"})
    kept, gone = lab.rows("Depot_Line", *({"Name": n, "RootId": depot} for n in ("kept", "gone")))
    removed(lab, "Depot_Line", gone)
    removed(lab, "Depot", depot)
    assert isinstance(lab.phone("sarah").outcome(Item("Depot", depot, Operation.UNDELETE)), Saved)
    assert present(lab, "Depot_Line").keys() == {kept}


def test_record_edited_and_new_details_come_back_in_one_save(lab: Lab) -> None:
    depot, [line] = deleted_depot(lab, "one")
    sarah = lab.phone("sarah")
    assert isinstance(sarah.outcome(update("Depot", depot, Notes=("base", "mine"))), Saved)
    fresh = sarah.new_id("Depot_Line")
    assert isinstance(sarah.outcome(create("Depot_Line", fresh, Name="new", RootId=depot)), Saved)
    assert present(lab, "Depot_Line").keys() == {line, fresh}


def test_what_it_replaces_is_in_the_journal(lab: Lab) -> None:
    [depot] = lab.rows("Depot", {"Name": "d", "Notes": "base", "Other": "base"})
    assert isinstance(lab.phone("tom").outcome(update("Depot", depot, Notes=("base", "theirs"))), Saved)
    removed(lab, "Depot", depot)
    assert isinstance(lab.phone("sarah").outcome(update("Depot", depot, Notes=("base", "mine"))), Saved)
    assert present(lab, "Depot")[depot]["Notes"] == "mine"
    [(values,)] = lab.query(
        """SELECT "Field_Values" FROM "Sync_Transaction_Record" WHERE "Field_Values" LIKE '%%mine%%'"""
    )
    assert '"theirs":"theirs"' in values


def test_a_detail_does_not_bring_back_its_master(lab: Lab) -> None:
    _, [line] = deleted_depot(lab, "one")
    outcome = lab.phone("sarah").outcome(update("Depot_Line", line, Notes=("one", "mine")))
    assert code_of(outcome)[0] is Code.INVALID_REF
    assert present(lab, "Depot_Line") == {}


def test_who_may_not_create_it_is_told_so(lab: Lab) -> None:
    depot, _ = deleted_depot(lab)
    lab.person("helper", "Helper")
    code, details = code_of(lab.phone("helper").outcome(update("Depot", depot, Notes=("base", "mine"))))
    assert (code, details["operation"]) == (Code.PERMISSION, "create")
    assert present(lab, "Depot") == {}


def test_what_is_not_shared_with_him_nobody_brings_back(lab: Lab) -> None:
    sarah, tom = lab.phone("sarah"), lab.phone("tom")
    diary = sarah.new_id("Diary")
    assert isinstance(sarah.outcome(create("Diary", diary, Name="d", Notes="base")), Saved)
    removed(lab, "Diary", diary, "sarah")
    for record in (diary, lab.phone("sarah", "other").new_id("Diary")):
        code, _ = code_of(tom.outcome(update("Diary", record, Notes=("base", "his"))))
        assert code is Code.NOT_FOUND, "as of one that never was"
    assert present(lab, "Diary") == {}


def test_its_summaries_count_what_came_back(lab: Lab) -> None:
    sarah, other = lab.phone("sarah"), lab.phone("sarah", "iphone")
    diary, line = sarah.new_id("Diary"), sarah.new_id("Diary_Line")
    assert isinstance(sarah.outcome(create("Diary", diary, Name="d", Notes="base")), Saved)
    assert isinstance(sarah.outcome(create("Diary_Line", line, Name="l", DiaryId=diary)), Saved)
    removed(lab, "Diary_Line", line, "sarah")
    assert present(lab, "Diary")[diary]["Lines"] == 0
    assert isinstance(other.outcome(update("Diary_Line", line, Notes=(None, "mine"))), Saved)
    assert present(lab, "Diary")[diary]["Lines"] == 1


def test_the_deleter_gets_it_back_by_his_next_download(lab: Lab) -> None:
    depot, [line] = deleted_depot(lab, "one")
    tom = lab.phone("tom", "windows")
    assert depot not in downloaded(tom.download(), "Depot")
    assert isinstance(lab.phone("sarah").outcome(update("Depot", depot, Notes=("base", "mine"))), Saved)
    news = tom.download()
    assert downloaded(news, "Depot")[depot]["Notes"] == "mine"
    assert line in downloaded(news, "Depot_Line")


def test_a_save_sent_again_brings_it_back_once(lab: Lab) -> None:
    depot, _ = deleted_depot(lab)
    sarah: Phone = lab.phone("sarah")
    save = sarah.save(update("Depot", depot, Notes=("base", "mine")))
    assert isinstance(sarah.upload(save).results[0].outcome, Saved)
    removed(lab, "Depot", depot)
    assert isinstance(sarah.upload(save).results[0].outcome, Saved)
    assert present(lab, "Depot") == {}, "a replay has no second effect (law L2)"
