"""Nobody conflicts with himself: saves that name the one before them, with others in between (DESIGN 7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.server.lab import Lab, Phone, create, delete, update
from tests.server.save.conflicts.pack import prepare

from fieldsync.base.ids import DeviceNumber, RecordId
from fieldsync.base.problems import Code
from fieldsync.protocol.upload import Operation, Outcome, Rejected, Saved
from fieldsync.schema.model import Field, FieldType
from fieldsync.server.save.batch import Predecessor, Since
from fieldsync.server.save.conflict import Chain
from fieldsync.server.save.elsewhere.author import Write
from fieldsync.server.save.elsewhere.since import others_since
from fieldsync.server.save.logic.trigger import Batch, Trigger, Triggers, When

if TYPE_CHECKING:
    from tests.conftest import Databases

MINE, OTHER = DeviceNumber("aaaaa"), DeviceNumber("bbbbb")


async def in_capitals(batch: Batch) -> None:
    for record in batch.records:
        if record["Notes"]:
            record["Notes"] = str(record["Notes"]).upper()


@pytest.fixture
def lab(databases: Databases) -> Iterator[Lab]:
    """Notes of a clinic are written in capitals, whatever is typed."""
    name = databases.create(databases.template("kinds", prepare))
    made = Lab(databases.uri(name))
    trigger = Trigger("Clinic", in_capitals, When.BEFORE, frozenset({Operation.CREATE, Operation.UPDATE}))
    made.org = replace(made.org, logic=replace(made.org.logic, triggers=Triggers(made.org.catalog, [trigger])))
    for person in ("sarah", "tom"):
        made.person(person)
    try:
        yield made
    finally:
        made.close()
        databases.drop(name)


@pytest.fixture
def sarah(lab: Lab) -> Phone:
    return lab.phone("sarah")


@pytest.fixture
def tom(lab: Lab) -> Phone:
    return lab.phone("tom")


def typed(lab: Lab, sarah: Phone) -> RecordId:
    """A clinic whose notes Sarah has changed; she does not know yet what the server made of them."""
    [clinic] = lab.rows("Clinic", {"Name": "c", "Notes": "base", "Other": "base"})
    assert isinstance(sarah.outcome(update("Clinic", clinic, Notes=("base", "first"))), Saved)
    return clinic


def notes(lab: Lab, clinic: RecordId) -> list[str]:
    [(notes, other)] = lab.query('SELECT "Notes", "Other" FROM "Clinic" WHERE "Id" = %(id)s', id=clinic)
    return [notes, other]


def conflict_of(outcome: Outcome) -> dict[str, object]:
    assert isinstance(outcome, Rejected), outcome
    [found] = outcome.problems
    assert found.code is Code.CONFLICT_OLD_VALUE
    return {"field": found.field, **found.details}


def test_what_a_trigger_made_of_my_value_is_no_conflict_though_somebody_changed_another_field(
    lab: Lab, sarah: Phone, tom: Phone
) -> None:
    clinic = typed(lab, sarah)
    assert isinstance(tom.outcome(update("Clinic", clinic, Other=("base", "his"))), Saved)
    assert isinstance(sarah.outcome(update("Clinic", clinic, after=1, Notes=("first", "second"))), Saved)
    assert notes(lab, clinic) == ["SECOND", "his"]


def test_it_is_one_where_somebody_changed_that_field_since(lab: Lab, sarah: Phone, tom: Phone) -> None:
    clinic = typed(lab, sarah)
    assert isinstance(tom.outcome(update("Clinic", clinic, Notes=("FIRST", "his"))), Saved)
    told = conflict_of(sarah.outcome(update("Clinic", clinic, after=1, Notes=("first", "second"))))
    assert (told["field"], told["base"], told["mine"], told["theirs"]) == ("Notes", "first", "second", "HIS")
    assert told["who"] == tom.session.user.id


def test_the_other_device_of_the_same_person_is_somebody_else(lab: Lab, sarah: Phone) -> None:
    clinic = typed(lab, sarah)
    iphone = lab.phone("sarah", "iphone")
    assert isinstance(iphone.outcome(update("Clinic", clinic, Notes=("FIRST", "there"))), Saved)
    assert conflict_of(sarah.outcome(update("Clinic", clinic, after=1, Notes=("first", "second"))))["theirs"] == "THERE"


def test_a_field_the_first_save_did_not_touch_is_compared_as_ever(lab: Lab, sarah: Phone, tom: Phone) -> None:
    clinic = typed(lab, sarah)
    assert isinstance(tom.outcome(update("Clinic", clinic, Other=("base", "his"))), Saved)
    told = conflict_of(
        sarah.outcome(update("Clinic", clinic, after=1, Notes=("first", "second"), Other=("base", "hers")))
    )
    assert (told["field"], told["theirs"]) == ("Other", "his")


def test_a_record_she_made_herself_is_followed_too(lab: Lab, sarah: Phone, tom: Phone) -> None:
    clinic = sarah.new_id("Clinic")
    assert isinstance(sarah.outcome(create("Clinic", clinic, Name="c", Notes="first", Other="base")), Saved)
    assert isinstance(tom.outcome(update("Clinic", clinic, Other=("base", "his"))), Saved)
    assert isinstance(sarah.outcome(update("Clinic", clinic, after=1, Notes=("first", "second"))), Saved)
    assert notes(lab, clinic) == ["SECOND", "his"]


def test_three_saves_of_one_upload_are_no_conflict(lab: Lab, sarah: Phone, tom: Phone) -> None:
    clinic = typed(lab, sarah)
    assert isinstance(tom.outcome(update("Clinic", clinic, Other=("base", "his"))), Saved)
    saves = [
        sarah.save(update("Clinic", clinic, after=after, Notes=(old, new)))
        for after, old, new in ((1, "first", "second"), (2, "second", "third"), (3, "third", "fourth"))
    ]
    assert [type(result.outcome) for result in sarah.upload(*saves).results] == [Saved] * 3
    assert notes(lab, clinic) == ["FOURTH", "his"]


def test_a_delete_is_refused_where_somebody_wrote_after_the_save_it_follows(lab: Lab, sarah: Phone, tom: Phone) -> None:
    clinic = typed(lab, sarah)
    seen = 1
    assert isinstance(tom.outcome(update("Clinic", clinic, Other=("base", "his"))), Saved)
    gone = msgspec.structs.replace(delete("Clinic", clinic, seen), after=1)
    outcome = sarah.outcome(gone)
    assert isinstance(outcome, Rejected)
    assert [one.code for one in outcome.problems] == [Code.DELETE_DENIED]


def test_what_somebody_set_before_my_first_save_came_is_not_overwritten_by_my_second(
    lab: Lab, sarah: Phone, tom: Phone
) -> None:
    [clinic] = lab.rows("Clinic", {"Name": "c", "Notes": "BASE", "Other": "base"})
    [(seen,)] = lab.query('SELECT _stamp FROM "Clinic" WHERE "Id" = %(id)s', id=clinic)
    first = sarah.save(msgspec.structs.replace(update("Clinic", clinic, Notes=("BASE", "first")), seen=seen))
    second = update("Clinic", clinic, after=1, Notes=("first", "second"), Other=("base", "hers"))
    assert isinstance(tom.outcome(update("Clinic", clinic, Other=("base", "his"))), Saved)
    found = sarah.upload(first, sarah.save(msgspec.structs.replace(second, seen=seen))).results
    assert isinstance(found[0].outcome, Saved)
    assert conflict_of(found[1].outcome)["theirs"] == "his"
    assert notes(lab, clinic) == ["FIRST", "his"]


def test_what_somebody_set_before_my_first_save_came_is_not_deleted_by_my_second(
    lab: Lab, sarah: Phone, tom: Phone
) -> None:
    [clinic] = lab.rows("Clinic", {"Name": "c", "Notes": "BASE", "Other": "base"})
    [(seen,)] = lab.query('SELECT _stamp FROM "Clinic" WHERE "Id" = %(id)s', id=clinic)
    first = sarah.save(msgspec.structs.replace(update("Clinic", clinic, Notes=("BASE", "first")), seen=seen))
    gone = sarah.save(msgspec.structs.replace(delete("Clinic", clinic, seen), after=1))
    assert isinstance(tom.outcome(update("Clinic", clinic, Other=("base", "his"))), Saved)
    outcomes = [result.outcome for result in sarah.upload(first, gone).results]
    assert isinstance(outcomes[0], Saved)
    assert isinstance(outcomes[1], Rejected)
    assert [one.code for one in outcomes[1].problems] == [Code.DELETE_DENIED]


def test_an_older_image_does_not_overwrite_what_a_save_behind_its_own_wrote(lab: Lab, sarah: Phone) -> None:
    clinic = typed(lab, sarah)
    later = update("Clinic", clinic, after=1, Notes=("first", "third"))
    assert isinstance(sarah.upload(sarah.save(later, n=3)).results[0].outcome, Saved)
    image = update("Clinic", clinic, after=1, Notes=("first", "from the image"))
    found = sarah.upload(sarah.save(image, n=2)).results[0].outcome
    assert conflict_of(found)["theirs"] == "THIRD", "her image has never seen what the device saved behind it"


def test_what_others_did_is_what_is_newer_than_what_i_saw_and_not_mine_again() -> None:
    mine, his = Write(5, MINE, {"A": 1}), Write(7, OTHER, {"B": 1})
    before = Write(3, OTHER, {"A": 0, "B": 0, "C": 0})
    assert others_since([his, mine, before], 3, MINE, 9) == Since(written=True, columns=frozenset({"B"}))
    assert others_since([mine, before], 3, MINE, 9) == Since(written=False, columns=frozenset())
    assert others_since([mine, before], 2, MINE, 9) is None, "the log does not reach back to it"
    assert others_since([mine, before], 0, MINE, 9) == Since(written=True, columns=frozenset({"B", "C"}))
    assert others_since([mine, before, Write(2, OTHER, {}, created=True)], 1, MINE, 9) == Since(
        written=True, columns=frozenset({"B", "C"})
    )
    later = Write(9, MINE, {"B": 2}, n=10)
    assert others_since([later, mine, before], 3, MINE, 9) == Since(written=True, columns=frozenset({"B"})), (
        "of a save behind this one nobody knew who made it"
    )
    again = Write(9, MINE, {"B": 2}, n=8)
    assert others_since([again, his, mine, before], 3, MINE, 9) == Since(written=True, columns=frozenset())


def test_long_text_is_not_in_the_log_so_its_values_are_compared() -> None:
    chain = Chain(Predecessor(saved=True, stamp=5), Since(written=True, columns=frozenset({"B"})))
    assert chain.knows(Field(name="A", type=FieldType.TEXT), "A")
    assert not chain.knows(Field(name="B", type=FieldType.TEXT), "B")
    assert not chain.knows(Field(name="L", type=FieldType.LONG_TEXT), "L")
    alone = Chain(Predecessor(saved=True, stamp=5), Since(written=False, columns=frozenset()))
    assert alone.knows(Field(name="L", type=FieldType.LONG_TEXT), "L")
