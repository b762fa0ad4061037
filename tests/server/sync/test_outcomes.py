"""What became of saves later, asked for by name: a download has moved the feed's cursor past it (L7, L12)."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab, Phone, create, table, update
from tests.server.processor.test_acts import code_taken, do, free_the_code, journaled
from tests.server.processor.test_schedule import DAY

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.feed import OpenSaves, Outcomes
from fieldsync.protocol.upload import Accepted, Canceled, Held, Outcome, Rejected, Saved, Transaction
from fieldsync.server.http.context import reading
from fieldsync.server.processor.states import Act
from fieldsync.server.sync.feed import read_outcomes


def ask(phone: Phone, *open_saves: tuple[int, str]) -> Outcomes:
    async def answer() -> Outcomes:
        async with reading(phone.lab.org, phone.token) as (work, caller):
            return await read_outcomes(phone.lab.org, work, caller, OpenSaves(open_saves))

    return phone.lab.run(answer())


def of(phone: Phone, *sent: Transaction) -> list[Outcome]:
    return [result.outcome for result in ask(phone, *((one.n, one.id) for one in sent)).results]


def sent_of(lab: Lab) -> list[tuple[int, str]]:
    rows = lab.query("""SELECT "Queue_Number", "Transaction_Id" FROM "Sync_Transaction"
        WHERE "Channel" = 'device' ORDER BY 1""")
    return [(int(n), transaction_id) for n, transaction_id in rows]


@pytest.mark.parametrize("confirmed", [0, 2])
def test_a_repair_that_a_download_has_passed_by_is_told_with_the_records(
    lab: Lab, sarah: Phone, confirmed: int
) -> None:
    other, shop = code_taken(lab, sarah)
    sent = sent_of(lab)[:2]
    if confirmed:
        sarah.upload(confirmed=confirmed)
    told = [type(result.outcome) for result in ask(sarah, *sent).results]
    assert told == ([] if confirmed else [Rejected, Held]), "what was confirmed and is as it was needs no telling"
    free_the_code(lab, other)
    do(lab, journaled(lab)[1][0], Act.RETRY)
    sarah.upload(confirmed=2)
    sarah.download()
    assert sarah.feed().results == ()
    found = ask(sarah, *sent)
    assert [(result.n, result.outcome) for result in found.results] == [(1, Saved()), (2, Saved())]
    assert table(found.rows, "Shop")[shop]["Code"] == "A1"


def test_the_last_decision_is_told_also_after_the_feed_has_expired(lab: Lab, sarah: Phone) -> None:
    code_taken(lab, sarah)
    sent = sent_of(lab)[:1]
    sarah.upload(confirmed=2)
    do(lab, journaled(lab)[1][0], Act.RETRY)
    sarah.upload(confirmed=2)
    do(lab, journaled(lab)[1][0], Act.IGNORE, "not ours")
    lab.clock.advance(20 * DAY)
    sarah.session = lab.phone("sarah").session
    assert [result.outcome for result in ask(sarah, *sent).results] == [Canceled("Admin", "not ours")]


def test_another_number_after_a_fork_is_answered_under_that(lab: Lab, sarah: Phone) -> None:
    one = sarah.save(create("Shop", sarah.new_id("Shop"), Name="x"))
    sarah.upload(one)
    assert [result.n for result in ask(sarah, (77, one.id)).results] == [77]


def test_what_is_accepted_stays_accepted_until_it_is_decided(lab: Lab, sarah: Phone) -> None:
    lab.rows("Sync_Setting", {"Name": "d", "Setting": "Deferred_Processing", "Value": "true"})
    one = sarah.save(create("Shop", sarah.new_id("Shop"), Name="x"))
    sarah.upload(one)
    assert of(sarah, one) == [Accepted(1, 1)]


def test_nobody_is_told_of_anothers_and_nothing_of_what_nobody_sent(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "s"})
    one = sarah.save(update("Shop", shop, City=(None, "York")))
    sarah.upload(one)
    lab.person("tom")
    tom = lab.phone("tom")
    assert ask(tom, (1, one.id)) == Outcomes(())
    assert ask(sarah, (1, "no such thing"), (2, "0" * 36)) == Outcomes(())
    iphone = lab.phone("sarah", "iphone")
    assert ask(iphone, (1, one.id)) == Outcomes(()), "nor another device of the same person"


def test_too_many_at_once_are_refused(sarah: Phone) -> None:
    with pytest.raises(Refused) as refused:
        ask(sarah, *((n, str(n)) for n in range(limits.OPEN_SAVES_MAX + 1)))
    assert refused.value.problem.code is Code.BAD_REQUEST
