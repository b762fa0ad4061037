"""Receipts, replays, forks and parts: a transaction has its effect once, whatever is sent (laws L1, L2)."""

from __future__ import annotations

import msgspec
import pytest
from tests.server.lab import Lab, Phone, create, table, update

from fieldsync.base import limits
from fieldsync.base.ids import uuid7
from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.upload import Accepted, Rejected, Saved, Transaction, encode_items, hash_of
from fieldsync.server.org.upkeep import keep_up


@pytest.fixture
def sarah(lab: Lab) -> Phone:
    lab.person("sarah")
    return lab.phone("sarah")


def test_a_replay_gets_the_recorded_outcome_and_has_no_second_effect(lab: Lab, sarah: Phone) -> None:
    good = sarah.save(create("Shop", sarah.new_id("Shop"), Name="x"))
    bad = sarah.save(create("Shop", sarah.new_id("Shop")))
    first = sarah.upload(good, bad)
    lab.reopen()
    again = sarah.upload(good, bad)
    assert again.results == first.results
    assert lab.query('SELECT count(*) FROM "Shop"') == [(1,)]
    assert lab.query("SELECT count(*) FROM _change WHERE object = 'Shop'") == [(1,)]
    assert lab.query('SELECT count(*) FROM "Sync_Transaction"') == [(2,)]


def test_a_replay_brings_the_records_as_they_are_now(lab: Lab, sarah: Phone) -> None:
    shop = sarah.new_id("Shop")
    first = sarah.save(create("Shop", shop, Name="x", City="Graz"))
    sarah.upload(first)
    lab.phone("sarah", "iphone").outcome(update("Shop", shop, City=("Graz", "Lyon")))
    assert table(sarah.upload(first).rows, "Shop")[shop]["City"] == "Lyon"


def test_other_content_under_a_known_number_is_a_fork_and_changes_nothing(lab: Lab, sarah: Phone) -> None:
    before = sarah.save(create("Shop", sarah.new_id("Shop"), Name="shared history"))
    sarah.upload(before, sarah.save(create("Shop", sarah.new_id("Shop"), Name="original")))
    other = sarah.save(create("Shop", sarah.new_id("Shop"), Name="restored image"), n=2)
    later = sarah.save(create("Shop", sarah.new_id("Shop"), Name="later"), n=3)
    response = sarah.upload(before, other, later)
    assert response.fork_at == 2
    assert [result.n for result in response.results] == [1]
    assert lab.query('SELECT count(*) FROM "Shop"') == [(2,)]


def test_behind_a_fork_what_the_server_knows_as_it_comes_has_its_outcome_and_is_not_to_be_sent_anew(
    lab: Lab, sarah: Phone
) -> None:
    """An image of a queue: the first save was folded before it went, the second went as it was, the third is new."""
    shop = sarah.new_id("Shop")
    as_it_was = sarah.save(create("Shop", shop, Name="as it was"), n=1)
    folded = sarah.save(create("Shop", shop, Name="folded"), n=1)
    same = sarah.save(create("Shop", sarah.new_id("Shop"), Name="same"), n=2)
    other = sarah.save(create("Shop", sarah.new_id("Shop"), Name="other"), n=3)
    sarah.upload(msgspec.structs.replace(folded, id=as_it_was.id), same, other)
    response = sarah.upload(as_it_was, same, sarah.save(create("Shop", sarah.new_id("Shop"), Name="third"), n=3))
    assert response.fork_at == 1
    assert [(result.n, type(result.outcome)) for result in response.results] == [(1, Saved), (2, Saved)]
    assert lab.query('SELECT "Name" FROM "Shop" ORDER BY 1') == [("folded",), ("other",), ("same",)]


def test_a_create_of_an_existing_id_is_a_fork_and_what_came_before_it_is_saved(lab: Lab, sarah: Phone) -> None:
    shop = sarah.new_id("Shop")
    sarah.upload(sarah.save(create("Shop", shop, Name="x")))
    fine = sarah.save(create("Shop", sarah.new_id("Shop"), Name="fine"))
    response = sarah.upload(fine, sarah.save(create("Shop", shop, Name="again")))
    assert response.fork_at == 3
    assert [(r.n, type(r.outcome)) for r in response.results] == [(2, Saved)]


def test_a_confirmed_save_that_an_older_image_of_the_device_sends_again_gets_its_outcome(
    lab: Lab, sarah: Phone
) -> None:
    first = sarah.save(create("Shop", sarah.new_id("Shop"), Name="x"))
    told = sarah.upload(first)
    sarah.upload(sarah.save(create("Shop", sarah.new_id("Shop"), Name="y")), confirmed=1)
    again = sarah.upload(first)
    assert (again.results, again.fork_at) == (told.results, None)
    other = msgspec.structs.replace(sarah.save(create("Shop", sarah.new_id("Shop"), Name="z")), n=1)
    assert sarah.upload(other).fork_at == 1, "a number is used once"
    assert lab.query('SELECT count(*) FROM "Shop"') == [(2,)]


def test_a_receipt_goes_when_no_image_so_old_is_expected_and_its_number_is_never_used_again(
    lab: Lab, sarah: Phone
) -> None:
    first, second = (sarah.save(create("Shop", sarah.new_id("Shop"), Name=n)) for n in "xy")
    sarah.upload(first)
    sarah.upload(second, confirmed=1)
    kept = []
    for days in (limits.RECEIPT_KEEP_DAYS, 1):
        lab.clock.advance(days * 86_400)
        keep_up(lab.uri, "small", lab.world)
        kept.append([n for (n,) in lab.query("SELECT n FROM _receipt ORDER BY n")])
    assert kept == [[1, 2], [2]], "what the device has not confirmed stays"
    assert lab.phone("sarah").upload(first).fork_at == 1


def test_after_a_fork_the_device_goes_on_under_a_new_number(lab: Lab, sarah: Phone) -> None:
    from fieldsync.server.http.context import calling
    from fieldsync.server.sync.session import new_number

    old_id = sarah.new_id("Shop")

    async def ask() -> str:
        async with calling(lab.org, sarah.token) as (work, caller):
            return (await new_number(lab.org, work, caller)).device_number

    number = lab.run(ask())
    assert number != sarah.number
    sarah.upload(sarah.save(create("Shop", sarah.new_id("Shop"), Name="the image that went on")))
    sarah.number, sarah.n = number, 0
    assert isinstance(sarah.outcome(create("Shop", old_id, Name="minted under the old number")), Saved)


def parted(phone: Phone, count: int, parts: int) -> list[Transaction]:
    [shop] = phone.lab.rows("Shop", {"Name": "Corner"})
    visit = phone.new_id("Visit")
    items = [create("Visit", visit, ShopId=shop)]
    items += [create("Visit_Line", phone.new_id("Visit_Line"), VisitId=visit) for _ in range(count - 1)]
    size = -(-count // parts)
    raw = [encode_items(tuple(items[i : i + size])) for i in range(0, count, size)]
    phone.n += 1
    txn = uuid7(1, phone.lab.world.chance.bytes(10))
    whole = hash_of(tuple(raw))
    return [
        Transaction(txn, phone.n, whole, "2026-03-02T08:00:00+00:00", msgspec.Raw(part), i, len(raw), count)
        for i, part in enumerate(raw, 1)
    ]


def test_a_long_save_runs_when_its_last_part_is_there(lab: Lab, sarah: Phone) -> None:
    one, two, three = parted(sarah, 25, 3)
    assert sarah.upload(one).results[0].outcome == Accepted(9, 25)
    assert lab.query('SELECT count(*) FROM "Visit"') == [(0,)]
    assert sarah.upload(two).results[0].outcome == Accepted(18, 25)
    assert sarah.upload(two).results[0].outcome == Accepted(18, 25)
    assert isinstance(sarah.upload(three).results[0].outcome, Saved)
    assert lab.query('SELECT count(*) FROM "Visit_Line"') == [(24,)]
    assert lab.query("SELECT count(*) FROM _part") == [(0,)]
    assert isinstance(sarah.upload(one, two, three).results[0].outcome, Saved)


def test_parts_in_one_request_are_one_save_and_a_failure_in_the_last_undoes_all(lab: Lab, sarah: Phone) -> None:
    assert isinstance(sarah.upload(*parted(sarah, 25, 3)).results[0].outcome, Saved)
    one, two, three = parted(sarah, 25, 3)
    items = bytes(three.items).replace(b'"VisitId"', b'"NoField"')
    raw = (bytes(one.items), bytes(two.items), items)
    spoiled = [
        msgspec.structs.replace(p, hash=hash_of(raw), items=msgspec.Raw(r))
        for p, r in zip((one, two, three), raw, strict=True)
    ]
    assert isinstance(sarah.upload(*spoiled).results[0].outcome, Rejected)
    assert lab.query('SELECT count(*) FROM "Visit"') == [(1,)]


def test_parts_that_never_complete_change_nothing_and_hold_nothing_up_elsewhere(lab: Lab, sarah: Phone) -> None:
    one, _, _ = parted(sarah, 25, 3)
    sarah.upload(one)
    other = lab.phone("sarah", "iphone")
    assert isinstance(other.outcome(create("Shop", other.new_id("Shop"), Name="x")), Saved)
    assert lab.query('SELECT count(*) FROM "Visit"') == [(0,)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: msgspec.structs.replace(t, hash="0" * 32),
        lambda t: msgspec.structs.replace(t, id="not-a-uuid"),
        lambda t: msgspec.structs.replace(t, n=0),
        lambda t: msgspec.structs.replace(t, part=2, parts=1),
        lambda t: msgspec.structs.replace(t, expected=2),
        lambda t: msgspec.structs.replace(
            t, items=msgspec.Raw(b'[{"object":"Shop"}]'), hash=hash_of((b'[{"object":"Shop"}]',))
        ),
    ],
)
def test_a_transaction_that_cannot_be_read_is_refused_and_changes_nothing(
    lab: Lab, sarah: Phone, spoil: object
) -> None:
    assert callable(spoil)
    broken = spoil(sarah.save(create("Shop", sarah.new_id("Shop"), Name="x")))
    with pytest.raises(Refused) as refused:
        sarah.upload(broken)
    assert refused.value.problem.code is Code.BAD_REQUEST
    assert lab.query('SELECT count(*) FROM "Shop"') == [(0,)]


def test_a_revoked_user_changes_nothing_from_the_moment_it_commits(lab: Lab, sarah: Phone) -> None:
    lab.query("UPDATE _user_head SET revoked = true WHERE user_id = %(u)s RETURNING 1", u=sarah.session.user.id)
    with pytest.raises(Refused) as refused:
        sarah.upload(sarah.save(create("Shop", sarah.new_id("Shop"), Name="x")))
    assert refused.value.problem.code is Code.AUTH


def test_a_number_of_another_device_is_refused(lab: Lab, sarah: Phone) -> None:
    lab.person("tom")
    tom = lab.phone("tom")
    sarah_number, sarah.number = sarah.number, tom.number
    with pytest.raises(Refused) as refused:
        sarah.upload(sarah.save(create("Shop", sarah.new_id("Shop"), Name="x")))
    assert refused.value.problem.code is Code.FORBIDDEN
    assert sarah_number != tom.number


def test_a_save_whose_values_were_there_already_brings_the_row_all_the_same(lab: Lab, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "x", "City": "Lyon"})
    response = sarah.upload(sarah.save(update("Shop", shop, City=("Graz", "Lyon"))))
    assert table(response.rows, "Shop")[shop]["City"] == "Lyon"
    changes = lab.query("SELECT kind, old FROM _change WHERE object = 'Shop'")
    assert changes == [("created", None), ("fed", None)], "nothing was written; the feed names what was uploaded"
