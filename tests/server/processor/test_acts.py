"""What an admin does with a transaction, and what the device that sent it is told (FEATURES J09, J12, J13)."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.server.lab import Lab, Phone, create, table, update

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Canceled, Held, Rejected, Result, Saved
from fieldsync.server.oversight.neighbours import neighbours_of
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.processor.acts import Asked, Correction, carry_out
from fieldsync.server.processor.kept import kept
from fieldsync.server.processor.states import Act, Status
from fieldsync.server.save.batch import Caller, Channel


def admin(lab: Lab) -> Caller:
    [(user_id,)] = lab.query("""SELECT "Id" FROM "User" WHERE "Username" = 'admin@small.example'""")
    return Caller(user_id, "System_Administrator", Channel.API)


def do(lab: Lab, record_id: str, act: Act, reason: str = "", *corrections: Correction) -> Status:
    return lab.run(carry_out(lab.org, record_id, Asked(act, admin(lab), "Admin", reason, corrections)))


def journaled(lab: Lab) -> dict[int, tuple[RecordId, str]]:
    """Number in Sarah's queue to the transaction's record and its status."""
    rows = lab.query("""SELECT t."Queue_Number", t."Id", t."Status" FROM "Sync_Transaction" t
        JOIN "User" u ON u."Id" = t."UserId" WHERE u."Username" = 'sarah@small.example'""")
    return {int(n): (record_id, status) for n, record_id, status in rows}


def statuses(lab: Lab) -> dict[int, str]:
    return {n: status for n, (_, status) in journaled(lab).items()}


def told(phone: Phone) -> dict[int, Result]:
    return {result.n: result for result in phone.feed().results}


def code_taken(lab: Lab, phone: Phone) -> tuple[RecordId, RecordId]:
    """A shop has the code A1; the phone made another with the same code, then a visit there. (the other, the new)"""
    [other] = lab.rows("Shop", {"Name": "Corner", "Code": "A1"})
    shop, visit = phone.new_id("Shop"), phone.new_id("Visit")
    first = phone.save(create("Shop", shop, Name="New", Code="A1"))
    second = phone.save(create("Visit", visit, ShopId=shop))
    answer = phone.upload(first, second)
    refused, held = (result.outcome for result in answer.results)
    assert isinstance(refused, Rejected)
    assert refused.problems[0].code is Code.DUPLICATE
    assert held == Held((1,))
    return other, shop


def around(lab: Lab, record_id: RecordId) -> list[tuple[int, str, bool]]:
    """(number, status, waits) of what depends on a transaction, or it on them."""

    async def asked() -> list[tuple[int, str, bool]]:
        async with snapshot(lab.org.pool) as database:
            found = await neighbours_of(lab.org, database, await kept(lab.org, database, record_id))
            return [(one.n, one.status, one.behind) for one in found]

    return lab.run(asked())


def free_the_code(lab: Lab, other: RecordId) -> None:
    lab.person("grace")
    assert lab.phone("grace").outcome(update("Shop", other, Code=("A1", "B2"))) == Saved()


def test_a_retry_saves_it_and_what_waited_for_it_and_tells_the_device(lab: Lab, sarah: Phone) -> None:
    other, shop = code_taken(lab, sarah)
    iphone = lab.phone("sarah", "iphone")
    iphone.download()
    free_the_code(lab, other)
    assert do(lab, journaled(lab)[1][0], Act.RETRY) is Status.SUCCESS
    assert {n: s for n, s in statuses(lab).items() if n in (1, 2)} == {1: "Success", 2: "Success"}
    page = sarah.feed()
    assert [(result.n, result.outcome) for result in page.results] == [(1, Saved()), (2, Saved())]
    assert table(page.rows, "Shop")[shop]["Code"] == "A1"
    assert page.families == ()
    elsewhere = iphone.feed()
    assert elsewhere.results == ()
    assert {family.root.object for family in elsewhere.families} == {"Shop", "Visit"}
    assert lab.query('SELECT count(*) FROM "_undecided"') == [(0,)]
    assert lab.query('SELECT count(*) FROM "_blocked"') == [(0,)]


def test_a_lost_reply_that_is_asked_for_again_gets_what_the_admin_made_of_it(lab: Lab, sarah: Phone) -> None:
    [other] = lab.rows("Shop", {"Name": "Corner", "Code": "A1"})
    sent = sarah.save(create("Shop", sarah.new_id("Shop"), Name="New", Code="A1"))
    sarah.upload(sent)
    free_the_code(lab, other)
    do(lab, journaled(lab)[1][0], Act.RETRY)
    assert sarah.upload(sent).results[0].outcome == Saved()
    assert lab.query("""SELECT count(*) FROM "Shop" WHERE "Code" = 'A1'""") == [(1,)]


def test_a_retry_that_fails_again_says_why_now(lab: Lab, sarah: Phone) -> None:
    code_taken(lab, sarah)
    record_id = journaled(lab)[1][0]
    assert do(lab, record_id, Act.RETRY) is Status.FAILED
    assert statuses(lab) == {1: "Failed", 2: "Waiting"}
    assert [around(lab, journaled(lab)[n][0]) for n in (1, 2)] == [[(2, "Waiting", True)], [(1, "Failed", False)]]
    assert lab.query('SELECT "Failed_Attempts" FROM "Sync_Transaction" WHERE "Id" = %(id)s', id=record_id) == [(2,)]
    outcomes = {n: result.outcome for n, result in told(sarah).items()}
    assert isinstance(outcomes[1], Rejected)
    assert outcomes[2] == Held((1,))


def test_edit_and_retry_saves_the_admins_value_and_notes_before_and_after(lab: Lab, sarah: Phone) -> None:
    _, shop = code_taken(lab, sarah)
    record_id = journaled(lab)[1][0]
    assert do(lab, record_id, Act.EDIT, "a typo", Correction(shop, "Code", "C3")) is Status.SUCCESS
    assert lab.query('SELECT "Code", "Name" FROM "Shop" WHERE "Id" = %(id)s', id=shop) == [("C3", "New")]
    log = lab.query("""SELECT "Message", "Field_Name", "Details", "CreatedById", "CreatedDate" IS NOT NULL
        FROM "Sync_Transaction_Log" WHERE "Type" = 'Info' ORDER BY "Id" """)
    said, changed = log
    assert said == ("Admin: a typo", None, None, admin(lab).user_id, True)
    assert changed[1] == "Code"
    assert json.loads(changed[2]) == {"before": "A1", "after": "C3"}
    assert statuses(lab) == {1: "Success", 2: "Success"}


def test_a_correction_made_on_an_old_page_is_a_conflict(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner", "City": "York"})
    lab.person("grace")
    grace = lab.phone("grace")
    grace.outcome(update("Shop", shop, City=("York", "Leeds")))
    assert isinstance(sarah.outcome(update("Shop", shop, City=("York", "Hull"))), Rejected)
    record_id = next(i for i, status in journaled(lab).values() if status == "Failed")
    grace.outcome(update("Shop", shop, City=("Leeds", "Bath")))
    assert do(lab, record_id, Act.EDIT, "", Correction(shop, "City", "Hull", base="Leeds")) is Status.FAILED
    assert do(lab, record_id, Act.EDIT, "", Correction(shop, "City", "Hull", base="Bath")) is Status.SUCCESS


@pytest.mark.parametrize(
    "correction", [(), (Correction("a00000000000000AAA", "Code", "x"),)], ids=["none", "of another record"]
)
def test_an_edit_of_what_is_not_in_it_is_refused(lab: Lab, sarah: Phone, correction: tuple[Correction, ...]) -> None:
    code_taken(lab, sarah)
    with pytest.raises(Refused, match="BAD_REQUEST"):
        do(lab, journaled(lab)[1][0], Act.EDIT, "", *correction)
    assert statuses(lab) == {1: "Failed", 2: "Waiting"}


@pytest.mark.parametrize("act", [Act.IGNORE, Act.CANCEL, Act.CLEAR])
def test_what_is_ended_takes_what_waited_for_it_along_and_the_device_gets_the_servers_rows(
    lab: Lab, sarah: Phone, act: Act
) -> None:
    _, shop = code_taken(lab, sarah)
    assert do(lab, journaled(lab)[1][0], act, "not ours") is Status.CANCELED
    assert statuses(lab) == {1: "Canceled", 2: "Canceled"}
    page = sarah.feed()
    first, second = (result.outcome for result in page.results)
    assert first == Canceled("Admin", "not ours")
    assert second == Canceled("Admin", "It waited for 1: not ours")
    assert RecordRef("Shop", shop) in {RecordRef(gone.object, gone.id) for gone in page.gone}
    again = dict(lab.query('SELECT "Queue_Number", "Can_Be_Retried" FROM "Sync_Transaction"'))
    assert again == {1: False, 2: True}


def test_what_went_with_another_can_be_retried_once_that_is_there(lab: Lab, sarah: Phone) -> None:
    _, shop = code_taken(lab, sarah)
    do(lab, journaled(lab)[1][0], Act.IGNORE)
    assert sarah.outcome(create("Shop", shop, Name="New", Code="D4")) == Saved()
    assert do(lab, journaled(lab)[2][0], Act.RETRY) is Status.SUCCESS
    assert lab.query('SELECT "ShopId" FROM "Visit"') == [(shop,)]


def test_what_went_with_another_follows_it_only_once_that_is_saved(lab: Lab, sarah: Phone) -> None:
    _, shop = code_taken(lab, sarah)
    visit = lab.query("""SELECT "Record_Id" FROM "Sync_Transaction_Record" WHERE "Object_Name" = 'Visit'""")[0][0]
    sarah.upload(sarah.save(update("Visit", visit, Notes=(None, "seen"))))
    do(lab, journaled(lab)[1][0], Act.IGNORE)
    assert statuses(lab) == {1: "Canceled", 2: "Canceled", 3: "Canceled"}
    assert do(lab, journaled(lab)[2][0], Act.RETRY) is Status.FAILED
    assert statuses(lab)[3] == "Canceled", "its person was told so, and it waits for nothing"
    assert sarah.outcome(create("Shop", shop, Name="New", Code="D4")) == Saved()
    assert do(lab, journaled(lab)[2][0], Act.RETRY) is Status.SUCCESS
    assert statuses(lab)[3] == "Success"


def test_what_waited_for_two_stays_canceled_while_one_of_them_is(lab: Lab, sarah: Phone) -> None:
    other, shop = code_taken(lab, sarah)
    second, visits = sarah.new_id("Shop"), [sarah.new_id("Visit") for _ in range(2)]
    both = (create("Visit", visit, ShopId=at) for visit, at in zip(visits, (shop, second), strict=True))
    sarah.upload(sarah.save(create("Shop", second, Name="Second", Code="A1")))
    sarah.upload(sarah.save(*both))
    do(lab, journaled(lab)[1][0], Act.IGNORE)
    assert statuses(lab) == {1: "Canceled", 2: "Canceled", 3: "Failed", 4: "Canceled"}
    assert do(lab, journaled(lab)[3][0], Act.RETRY) is Status.FAILED
    assert statuses(lab)[4] == "Canceled"
    free_the_code(lab, other)
    assert do(lab, journaled(lab)[3][0], Act.RETRY) is Status.SUCCESS
    assert statuses(lab)[4] == "Canceled"


def test_done_by_hand_lets_go_what_waited(lab: Lab, sarah: Phone) -> None:
    code_taken(lab, sarah)
    [(before,)] = lab.query('SELECT count(*) FROM "Shop"')
    assert do(lab, journaled(lab)[1][0], Act.MANUAL) is Status.MANUAL
    assert lab.query('SELECT count(*) FROM "Shop"') == [(before,)]
    outcomes = {n: result.outcome for n, result in told(sarah).items()}
    assert outcomes[1] == Canceled("Admin", "Done by hand")
    assert isinstance(outcomes[2], Rejected)
    assert outcomes[2].problems[0].code is Code.INVALID_REF
    assert statuses(lab) == {1: "Manual", 2: "Failed"}


def test_a_cancel_needs_a_reason(lab: Lab, sarah: Phone) -> None:
    code_taken(lab, sarah)
    with pytest.raises(Refused, match="with a reason"):
        do(lab, journaled(lab)[1][0], Act.CANCEL, " ")


@pytest.mark.parametrize("act", [Act.RETRY, Act.EDIT, Act.IGNORE, Act.MANUAL, Act.CANCEL, Act.CLEAR])
def test_what_was_saved_stays_saved(lab: Lab, sarah: Phone, act: Act) -> None:
    shop = sarah.new_id("Shop")
    sarah.outcome(create("Shop", shop, Name="x"))
    with pytest.raises(Refused) as refused:
        do(lab, journaled(lab)[1][0], act, "why", Correction(shop, "Name", "y"))
    assert refused.value.problem.code is Code.DECIDED
    assert lab.query("""SELECT count(*) FROM "Sync_Transaction_Log" """) == [(0,)]


@pytest.mark.usefixtures("patient")
def test_of_two_admins_and_a_device_one_wins_and_the_others_are_told(lab: Lab, sarah: Phone) -> None:
    code_taken(lab, sarah)
    record_id = journaled(lab)[1][0]
    who = admin(lab)

    async def race() -> list[object]:
        acts = [Asked(Act.IGNORE, who, "Ann"), Asked(Act.MANUAL, who, "Ben"), Asked(Act.CANCEL, who, "Cy", "no")]
        return await asyncio.gather(*(carry_out(lab.org, record_id, one) for one in acts), return_exceptions=True)

    outcomes = lab.run(race())
    won = [one for one in outcomes if isinstance(one, Status)]
    lost = [one for one in outcomes if isinstance(one, Refused)]
    assert len(won) == 1
    assert [one.problem.code for one in lost] == [Code.DECIDED, Code.DECIDED]
    assert statuses(lab)[1] == won[0].value


def test_what_the_device_took_back_cannot_be_retried(lab: Lab, sarah: Phone) -> None:
    code_taken(lab, sarah)
    sarah.upload(undone=(1, 2))
    with pytest.raises(Refused, match="DECIDED"):
        do(lab, journaled(lab)[1][0], Act.RETRY)
    assert lab.query('SELECT count(*) FROM "_undecided"') == [(0,)]


def test_what_an_admin_saved_cannot_be_taken_back_any_more(lab: Lab, sarah: Phone) -> None:
    other, shop = code_taken(lab, sarah)
    free_the_code(lab, other)
    do(lab, journaled(lab)[1][0], Act.RETRY)
    sarah.upload(undone=(1, 2))
    assert statuses(lab)[1] == "Success"
    assert lab.query('SELECT "IsDeleted" FROM "Shop" WHERE "Id" = %(id)s', id=shop) == [(False,)]


def test_who_may_sign_in_no_more_has_nothing_run_but_what_he_left_can_be_ended(lab: Lab, sarah: Phone) -> None:
    code_taken(lab, sarah)
    lab.query("UPDATE _user_head SET revoked = true WHERE user_id = %(id)s RETURNING 1", id=sarah.session.user.id)
    record_id = journaled(lab)[1][0]
    with pytest.raises(Refused, match="FORBIDDEN"):
        do(lab, record_id, Act.RETRY)
    assert do(lab, record_id, Act.CANCEL, "left us") is Status.CANCELED


@pytest.mark.parametrize("act", [Act.IGNORE, Act.MANUAL])
def test_what_comes_after_an_ended_one_does_not_wait_for_it(lab: Lab, sarah: Phone, act: Act) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner", "City": "York"})
    lab.rows("Shop", {"Name": "Other", "Code": "A1"})
    sent = sarah.save(update("Shop", shop, Code=(None, "A1")))
    assert isinstance(sarah.upload(sent).results[0].outcome, Rejected)
    do(lab, journaled(lab)[1][0], act, "as it is")
    assert sarah.outcome(update("Shop", shop, after=1, City=("York", "Hull"))) == Saved()
    assert sarah.upload(sent).results[0].outcome == Canceled("Admin", "as it is")
