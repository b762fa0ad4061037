"""What a save may and may not do, on real PostgreSQL: DESIGN 6 and 7."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from sqlalchemy import Text, func, select
from tests.server.lab import Lab, Phone, create, delete, table, update

from fieldsync.base import ids
from fieldsync.base.problems import Code
from fieldsync.base.world import instant
from fieldsync.protocol.upload import Held, Rejected, Saved, UploadRequest
from fieldsync.server.http.context import calling
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work
from fieldsync.server.save.batch import Caller
from fieldsync.server.sync.session import Foresee
from fieldsync.server.sync.upload import upload


@pytest.fixture
def sarah(lab: Lab) -> Phone:
    lab.person("sarah")
    return lab.phone("sarah")


def codes(outcome: object) -> list[Code]:
    assert isinstance(outcome, Rejected)
    return [problem.code for problem in outcome.problems]


def test_a_created_record_comes_back_with_number_owner_and_dates(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner", "City": "Graz"})
    visit = sarah.new_id("Visit")
    response = sarah.upload(sarah.save(create("Visit", visit, ShopId=shop)))
    row = table(response.rows, "Visit")[visit]
    assert row["Name"] == "V-0001"
    assert row["OwnerId"] == row["CreatedById"] == sarah.session.user.id
    assert row["CreatedDate"] == "2026-03-02T08:00:00+00:00"


def test_values_come_back_in_their_canonical_form(lab: Lab, sarah: Phone) -> None:
    shop = sarah.new_id("Shop")
    response = sarah.upload(sarah.save(create("Shop", shop, Name="Corner  ", City="", Score=Decimal("1.005"))))
    row = table(response.rows, "Shop")[shop]
    assert (row["Name"], row["City"], row["Score"], row["Stage"]) == ("Corner", None, Decimal("1.01"), "Open")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"Name": None}, Code.REQUIRED),
        ({"Name": "x", "Nope": 1}, Code.UNKNOWN_FIELD),
        ({"Name": "x", "Score": "many"}, Code.WRONG_TYPE),
        ({"Name": "x", "Score": 10**7}, Code.OUT_OF_RANGE),
        ({"Name": "x", "City": "c" * 41}, Code.TOO_LONG),
        ({"Name": "x", "Stage": "Lost"}, Code.PICKLIST),
        ({"Name": "x", "CreatedDate": "2020-01-01T00:00:00+00:00"}, Code.READ_ONLY_FIELD),
        ({"Name": "x", "ParentId": "a00AAAAA0000000"}, Code.INVALID_REF),
        ({"Name": "x", "City": "a\x00b"}, Code.OUT_OF_RANGE),
    ],
)
def test_a_bad_value_is_refused_with_field_and_sentence_and_nothing_is_written(
    lab: Lab, sarah: Phone, values: dict[str, object], code: Code
) -> None:
    outcome = sarah.outcome(create("Shop", sarah.new_id("Shop"), **values))
    assert codes(outcome) == [code]
    assert isinstance(outcome, Rejected)
    assert outcome.problems[0].message
    assert lab.query('SELECT count(*) FROM "Shop"') == [(0,)]


def test_every_reason_of_a_record_is_told_at_once(sarah: Phone) -> None:
    outcome = sarah.outcome(create("Shop", sarah.new_id("Shop"), City="c" * 41, Stage="Lost", Score=True))
    assert sorted(codes(outcome)) == [Code.PICKLIST, Code.TOO_LONG, Code.WRONG_TYPE]


def test_an_object_the_profile_may_not_touch_is_refused(lab: Lab, sarah: Phone) -> None:
    assert codes(sarah.outcome(create("Secret", sarah.new_id("Secret"), Name="x"))) == [Code.PERMISSION]
    assert codes(sarah.outcome(create("Nothing", sarah.new_id("Shop"), Name="x"))) == [Code.UNKNOWN_OBJECT]


def test_an_id_that_is_not_the_devices_to_give_is_refused(lab: Lab, sarah: Phone) -> None:
    other = lab.phone("sarah", "iphone")
    assert codes(sarah.outcome(create("Shop", other.new_id("Shop"), Name="x"))) == [Code.BAD_RECORD_ID]
    assert codes(sarah.outcome(create("Shop", sarah.new_id("Visit"), Name="x"))) == [Code.BAD_RECORD_ID]
    forged = ids.RecordId(sarah.new_id("Shop")[:-1] + "!")
    assert codes(sarah.outcome(create("Shop", forged, Name="x"))) == [Code.BAD_RECORD_ID]


def test_first_save_wins_and_the_refusal_shows_base_mine_and_theirs(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner", "City": "Graz"})
    lab.person("tom")
    assert isinstance(lab.phone("tom").outcome(update("Shop", shop, City=("Graz", "Lyon"))), Saved)
    response = sarah.upload(sarah.save(update("Shop", shop, City=("Graz", "Porto"))))
    outcome = response.results[0].outcome
    assert isinstance(outcome, Rejected)
    [conflict] = outcome.problems
    assert (conflict.code, conflict.field) == (Code.CONFLICT_OLD_VALUE, "City")
    assert [conflict.details[k] for k in ("base", "mine", "theirs")] == ["Graz", "Porto", "Lyon"]
    assert table(response.rows, "Shop")[shop]["City"] == "Lyon"


def test_a_conflict_names_who_changed_the_field_and_not_who_touched_the_record_last(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner", "City": "Graz"})
    tom, ann = lab.person("tom"), lab.person("ann")
    assert isinstance(lab.phone("tom").outcome(update("Shop", shop, City=("Graz", "Lyon"))), Saved)
    moment = instant(lab.clock.now())
    for score in (1, 2):
        lab.clock.advance(60)
        assert isinstance(
            lab.phone("ann", f"a{score}").outcome(update("Shop", shop, Score=(score - 1 or None, score))), Saved
        )
    outcome = sarah.outcome(update("Shop", shop, City=("Graz", "Porto"), Score=(None, 9)))
    assert isinstance(outcome, Rejected)
    told = {problem.field: (problem.details["who"], problem.details["when"]) for problem in outcome.problems}
    assert told == {"City": (tom, moment), "Score": (ann, instant(lab.clock.now()))}


def test_edits_of_different_fields_both_live(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner", "City": "Graz"})
    assert isinstance(sarah.outcome(update("Shop", shop, City=("Graz", "Lyon"))), Saved)
    assert isinstance(sarah.outcome(update("Shop", shop, Score=(None, 5))), Saved)
    assert lab.query('SELECT "City", "Score" FROM "Shop"') == [("Lyon", Decimal("5.00"))]


def test_the_same_new_value_is_no_conflict(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner", "City": "Lyon"})
    assert isinstance(sarah.outcome(update("Shop", shop, City=("Graz", "Lyon "))), Saved)


def test_a_family_overrides_and_theirs_is_kept_in_the_journal(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner"})
    [visit] = lab.rows("Visit", {"ShopId": shop, "Notes": "theirs"})
    assert isinstance(sarah.outcome(update("Visit", visit, Notes=("old", "mine"))), Saved)
    assert lab.query('SELECT "Notes" FROM "Visit"') == [("mine",)]
    [(values,)] = lab.query('SELECT "Field_Values" FROM "Sync_Transaction_Record"')
    assert '"theirs":"theirs"' in values


def test_a_family_arrives_whole_or_not_at_all(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner"})
    visit, line = sarah.new_id("Visit"), sarah.new_id("Visit_Line")
    bad = create("Visit_Line", line, VisitId=visit, Product="p" * 21)
    assert codes(sarah.outcome(create("Visit", visit, ShopId=shop), bad)) == [Code.TOO_LONG]
    assert lab.query('SELECT count(*) FROM "Visit"') == [(0,)]


def test_records_of_two_families_are_no_save(lab: Lab, sarah: Phone) -> None:
    shops = sarah.new_id("Shop"), sarah.new_id("Shop")
    assert codes(sarah.outcome(*(create("Shop", shop, Name="x") for shop in shops))) == [Code.FAMILY]


def test_three_storeys_of_a_family_are_one_save(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner"})
    visit, line, part = (sarah.new_id(name) for name in ("Visit", "Visit_Line", "Line_Part"))
    items = (
        create("Visit", visit, ShopId=shop),
        create("Visit_Line", line, VisitId=visit),
        create("Line_Part", part, LineId=line),
    )
    assert isinstance(sarah.outcome(*items), Saved)
    assert isinstance(sarah.outcome(create("Line_Part", sarah.new_id("Line_Part"), LineId=line)), Saved)
    roots = lab.query("SELECT DISTINCT root_id FROM _change WHERE object = 'Line_Part'")
    assert roots == [(visit,)]


def test_deleting_a_master_deletes_its_details_and_tells_so(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner"})
    visit, line, part = (sarah.new_id(name) for name in ("Visit", "Visit_Line", "Line_Part"))
    sarah.outcome(create("Visit", visit, ShopId=shop), create("Visit_Line", line, VisitId=visit))
    sarah.outcome(create("Line_Part", part, LineId=line))
    response = sarah.upload(sarah.save(delete("Visit", visit)))
    assert {gone.id for gone in response.gone} == {visit, line, part}
    assert isinstance(sarah.outcome(delete("Visit", visit)), Saved)  # FEATURES K12


def test_a_delete_of_a_row_changed_since_it_was_seen_is_refused(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner", "City": "Graz"})
    [(seen,)] = lab.query('SELECT _stamp FROM "Shop"')
    sarah.outcome(update("Shop", shop, City=("Graz", "Lyon")))
    assert codes(sarah.outcome(delete("Shop", shop, seen))) == [Code.DELETE_DENIED]
    [(seen,)] = lab.query('SELECT _stamp FROM "Shop"')
    assert isinstance(lab.phone("sarah", "iphone").outcome(delete("Shop", shop, seen)), Saved)


def test_what_the_person_took_back_holds_nothing_up(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner", "City": "Graz"})
    assert isinstance(sarah.outcome(update("Shop", shop, City=("Wrong", "Porto"))), Rejected)
    assert sarah.outcome(update("Shop", shop, City=("Porto", "Lyon"))) == Held((1,))
    again = sarah.save(update("Shop", shop, City=("Graz", "Lyon")))
    assert isinstance(sarah.upload(again, undone=(1, 2)).results[0].outcome, Saved)
    statuses = lab.query('SELECT "Status" FROM "Sync_Transaction" ORDER BY "Queue_Number"')
    assert statuses == [("Canceled",), ("Canceled",), ("Success",)]


def test_an_edit_of_a_deleted_record_is_an_error_not_a_silent_loss(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner", "City": "Graz"})
    [(seen,)] = lab.query('SELECT _stamp FROM "Shop"')
    sarah.outcome(delete("Shop", shop, seen))
    assert codes(sarah.outcome(update("Shop", shop, City=("Graz", "Lyon")))) == [Code.ENTITY_DELETED]
    unknown = sarah.new_id("Shop")
    assert codes(sarah.outcome(update("Shop", unknown, City=("Graz", "Lyon")))) == [Code.NOT_FOUND]


def test_what_builds_on_a_refused_save_is_held_and_the_rest_goes_on(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner", "City": "Graz"})
    bad, child, good = sarah.new_id("Shop"), sarah.new_id("Shop"), sarah.new_id("Shop")
    response = sarah.upload(
        sarah.save(create("Shop", bad)),
        sarah.save(create("Shop", child, Name="child", ParentId=bad)),
        sarah.save(update("Shop", bad, after=1, City=(None, "Graz"))),
        sarah.save(create("Shop", good, Name="good", ParentId=shop)),
    )
    outcomes = [result.outcome for result in response.results]
    assert isinstance(outcomes[0], Rejected)
    assert outcomes[1:3] == [Held((1,)), Held((1,))]
    assert isinstance(outcomes[3], Saved)
    later = sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="later", ParentId=child))
    assert later == Held((2,))


def test_what_builds_on_a_refused_save_waits_whatever_else_is_wrong_with_it(sarah: Phone) -> None:
    """Both are refused in one look at their rows; what is wrong with the second is for when the first is settled."""
    first, second, third = (sarah.new_id("Shop") for _ in range(3))
    answer = sarah.upload(
        sarah.save(create("Shop", first, City="no name")),
        sarah.save(create("Shop", second, City="no name either", ParentId=first)),
        sarah.save(create("Shop", third, City="nor here")),
    )
    outcomes = [result.outcome for result in answer.results]
    assert [type(outcome) for outcome in outcomes] == [Rejected, Held, Rejected]
    assert outcomes[1] == Held((1,))


def test_a_person_never_conflicts_with_himself(lab: Lab, sarah: Phone) -> None:
    """The second edit's old value is what the person typed, which the server rounded."""
    [shop] = lab.rows("Shop", {"Name": "Corner"})
    first = sarah.save(update("Shop", shop, Score=(None, Decimal("1.005"))))
    second = sarah.save(update("Shop", shop, after=1, Score=(Decimal("1.005"), 7)))
    assert all(isinstance(r.outcome, Saved) for r in sarah.upload(first, second).results)
    third = sarah.save(update("Shop", shop, Score=(7, Decimal("2.005"))))
    fourth = sarah.save(update("Shop", shop, after=3, Score=(Decimal("2.005"), 8)))
    assert all(isinstance(sarah.upload(t).results[0].outcome, Saved) for t in (third, fourth))


def test_a_unique_value_is_refused_also_between_saves_of_one_batch(lab: Lab, sarah: Phone) -> None:
    lab.rows("Shop", {"Name": "Corner", "Code": "A"})
    response = sarah.upload(
        sarah.save(create("Shop", sarah.new_id("Shop"), Name="x", Code="A")),
        sarah.save(create("Shop", sarah.new_id("Shop"), Name="y", Code="B")),
        sarah.save(create("Shop", sarah.new_id("Shop"), Name="z", Code="B")),
        sarah.save(create("Shop", sarah.new_id("Shop"), Name="w", Code="C")),
    )
    outcomes = [result.outcome for result in response.results]
    assert [codes(outcomes[0]), codes(outcomes[2])] == [[Code.DUPLICATE], [Code.DUPLICATE]]
    assert isinstance(outcomes[1], Saved)
    assert isinstance(outcomes[3], Saved)


def test_the_journal_tells_every_transaction_with_its_reasons(lab: Lab, sarah: Phone) -> None:
    shop = sarah.new_id("Shop")
    sarah.upload(sarah.save(create("Shop", shop, Name="x")), sarah.save(create("Shop", sarah.new_id("Shop"))))
    assert lab.query('SELECT "Status", "Queue_Number" FROM "Sync_Transaction" ORDER BY 2') == [
        ("Success", 1),
        ("Failed", 2),
    ]
    [(code, field, message)] = lab.query('SELECT "Code", "Field_Name", "Message" FROM "Sync_Transaction_Log"')
    assert (code, field) == ("REQUIRED", "Name")
    assert message.endswith("must be filled in.")


def test_a_rows_stamps_never_go_back(lab: Lab, sarah: Phone) -> None:
    """A transaction that began before another and reached the row after it leaves a greater stamp all the same."""
    [shop] = lab.rows("Shop", {"Name": "Corner"})
    lab.person("tom")
    tom = lab.phone("tom")
    stamps: list[int] = []

    @asynccontextmanager
    async def begin(_: Foresee) -> AsyncIterator[tuple[Work, Caller]]:
        async with calling(lab.org, sarah.token) as (work, caller):
            await work.rows(compile_statement(select(func.pg_current_xact_id().cast(Text))))
            response = await tom.send(tom.save(update("Shop", shop, City=(None, "Graz"))))
            stamps.append(table(response.rows, "Shop")[shop]["_stamp"])
            yield work, caller

    request = UploadRequest(sarah.number, 0, (sarah.save(update("Shop", shop, Score=(None, 7))),))
    response = lab.run(upload(lab.org, begin, request))
    assert table(response.rows, "Shop")[shop]["_stamp"] == stamps[0] + 1
    log = lab.query("SELECT old FROM _change WHERE id = %(id)s AND kind = 'updated' ORDER BY version, seq", id=shop)
    assert [sorted(old.keys() - STAMPS) for (old,) in log] == [["City"], ["Score"]]


STAMPS = {"LastModifiedById", "LastModifiedDate", "SystemModstamp"}
