"""Where a device stands: what its snapshot had not seen comes, whatever commits late, is restored, or is old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tests.server.lab import Lab
from tests.server.scope.proof.device import Device
from tests.server.scope.proof.fresh import fresh, world
from tests.server.scope.proof.pack import MODELS
from tests.server.scope.proof.selections import BY_TERRITORY
from tests.server.scope.proof.world import SlowTransaction, World
from tests.server.scope.test_difference import IN_GRAZ, TODAY, synced
from tests.server.sync.test_digest import ask

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.upload import Item
from fieldsync.schema.sync_rule import RuleType, SyncRule
from fieldsync.server.sync.download import Asked

if TYPE_CHECKING:
    from tests.conftest import Databases

__all__ = ["fresh", "world"]


@pytest.fixture
def sarah(world: World) -> Device:
    world.rule(SyncRule(object="Shop"), IN_GRAZ)
    return world.device("sarah")


@contextmanager
def transaction_of(device: Device) -> Iterator[Callable[..., None]]:
    """A transaction that begins now and commits when the block ends; called, it saves."""
    slow = SlowTransaction(device.world.lab, device.phone.token)

    def saves(*items: Item) -> None:
        assert slow.save(*items)

    yield saves
    slow.commit()


def refusal(ask: Callable[[], Any]) -> Code:
    """The code with which something is refused."""
    with pytest.raises(Refused) as refused:
        ask()
    return refused.value.problem.code


def test_what_commits_around_a_checkpoint_comes_once(world: World, sarah: Device) -> None:
    """One save is open while the device syncs twice; what was made meanwhile is younger and comes before it."""
    old, late = (world.make("Shop", Name=n, City="Graz") for n in "ab")
    sarah.sync()
    with transaction_of(world.device("bob")) as saves:
        saves(world.changing("Shop", late, City="Wien"), world.changing("Shop", old, Score=4))
        early = world.make("Shop", Name="c", City="Graz")
        assert synced(sarah) == ({early}, set())
        assert synced(sarah) == (set(), set())
    assert synced(sarah) == ({old}, {late})
    assert synced(sarah) == (set(), set())


def test_a_row_that_an_older_transaction_wrote_last_comes(world: World, sarah: Device) -> None:
    """It began before the checkpoint and reached the rows after it: a row's stamps do not go back (ADR 9)."""
    left, edited = (world.make("Shop", Name=n, City="Graz") for n in "ab")
    sarah.sync()
    with transaction_of(world.device("bob")) as saves:
        world.change("Shop", left, City="Wien")
        world.change("Shop", edited, Score=5)
        assert synced(sarah) == ({edited}, {left})
        saves(world.changing("Shop", left, City="Graz"), world.changing("Shop", edited, Score=6))
    assert synced(sarah) == ({left, edited}, set())


def test_a_row_whose_stamp_is_ahead_of_all_transactions_goes_all_the_same(world: World, sarah: Device) -> None:
    """Older transactions wrote it last, each with one stamp more; then it leaves without being written again."""
    world.rule(SyncRule(object="Visit"), TODAY)
    visit = world.make("Visit", Day="2026-03-02")
    people = [world.device("bob"), world.device("ann"), world.device("tom", "desk"), world.device("sarah", "phone")]
    with ExitStack() as begun:
        older = [ExitStack() for _ in people]
        saves = [stack.enter_context(transaction_of(person)) for stack, person in zip(older, people, strict=True)]
        for stack in older:
            begun.enter_context(stack)
        world.look()
        world.change("Visit", visit, Notes="0")
        for number, (stack, saved) in enumerate(zip(older, saves, strict=True)):
            world.look()
            saved(world.changing("Visit", visit, Notes=f"{number + 1}"))
            stack.close()
    sarah.sync()
    world.lab.clock.advance(86_400)
    assert synced(sarah) == (set(), {visit})


def test_what_was_written_after_an_older_transaction_is_told_in_its_order(world: World, sarah: Device) -> None:
    """The older one's version is the younger one's stamp: what the row held first is still known."""
    shop, other = (world.make("Shop", Name=n, City="Wien") for n in "ab")
    sarah.sync()
    with transaction_of(world.device("bob")) as saves:
        world.change("Shop", shop, Score=5)
        world.look()
        saves(world.changing("Shop", other, Score=6), world.changing("Shop", shop, City="Graz"))
    world.look()
    world.change("Shop", shop, City="Lyon")
    assert synced(sarah) == (set(), set())


def test_a_long_transaction_elsewhere_in_the_cluster_holds_nothing_up(
    world: World, sarah: Device, databases: Databases
) -> None:
    shop = world.make("Shop", Name="a", City="Graz")
    with psycopg.connect(databases.server.uri) as elsewhere:
        elsewhere.execute("SELECT pg_current_xact_id()")
        sarah.sync()
        for city, comes in (("Wien", (set(), {shop})), ("Graz", ({shop}, set()))):
            world.look()
            world.change("Shop", shop, City=city)
            assert synced(sarah) == comes
            assert synced(sarah) == (set(), set())


def test_a_restored_server_is_told_from_the_one_before(world: World, sarah: Device, databases: Databases) -> None:
    """A copy of the database, as a dump in a fresh cluster: what was saved after it was taken is lost, and goes."""
    kept = world.make("Shop", Name="a", City="Graz")
    sarah.sync()
    world.lab.close()
    name = world.lab.uri.rpartition("/")[2].partition("?")[0]
    copy = databases.create(name)
    world.lab = sarah.phone.lab = Lab(databases.uri(name), seed=8)
    world.lab.stay_signed_in()
    lost = world.make("Shop", Name="b", City="Graz")
    world.change("Shop", kept, Score=7)
    world.make("Shop", Name="c", City="Wien")
    sarah.sync()
    assert lost in sarah.rows["Shop"]
    world.lab.close()
    world.lab = sarah.phone.lab = Lab(databases.uri(copy), seed=9)
    world.lab.stay_signed_in()
    world.look()
    made = world.make("Shop", Name="d", City="Graz")
    assert refusal(sarah.phone.download) is Code.FORK
    sarah.sync()
    assert set(sarah.rows["Shop"]) == {kept, made}
    world.lab.close()
    databases.drop(copy)
    world.lab = Lab(databases.uri(name), seed=10)


def test_a_checkpoint_is_good_for_its_device_and_person_alone(world: World, sarah: Device) -> None:
    sarah.sync()
    for other in (world.device("sarah", "phone"), world.device("tom", "desk")):
        other.phone.checkpoint = sarah.phone.checkpoint
        assert refusal(other.phone.download) is Code.BAD_CURSOR
    sarah.phone.checkpoint = str(sarah.phone.checkpoint)[:-4] + "AAAA"
    assert refusal(sarah.phone.download) is Code.BAD_CURSOR


@pytest.mark.parametrize("days", [limits.CHANGE_LOG_DAYS + 1, 730])
def test_a_device_that_was_away_for_longer_than_the_log_gets_everything(world: World, sarah: Device, days: int) -> None:
    gone, stays = (world.make("Shop", Name=n, City="Graz") for n in "ab")
    sarah.sync()
    world.look()
    world.change("Shop", gone, City="Wien")
    world.lab.clock.advance(days * 86_400)
    assert refusal(sarah.phone.download) is Code.REFRESH_REQUIRED
    sarah.sync()
    assert set(sarah.rows["Shop"]) == {stays}


def test_a_device_within_the_time_of_the_log_gets_the_difference(world: World, sarah: Device) -> None:
    gone, stays = (world.make("Shop", Name=n, City="Graz") for n in "ab")
    sarah.sync()
    world.look()
    world.lab.clock.advance((limits.CHANGE_LOG_DAYS - 1) * 86_400)
    world.change("Shop", gone, City="Wien")
    assert synced(sarah) == (set(), {gone})
    assert stays in sarah.rows["Shop"]


def test_a_route_that_is_declared_later_hides_no_earlier_change(fresh: Callable[[str], World]) -> None:
    """Entries of the log that were made before it know no route."""
    world = fresh("open")
    world.strict = True
    bare = replace(MODELS["open"], routes=())
    world.deploy(bare)
    north = next(t["Id"] for t in world.alive("Territory") if t["Name"] == "North")
    sarah = world.device("sarah")
    world.make("User_Territory", UserId=sarah.whom.user, TerritoryId=north, Active=True)
    world.rule(SyncRule(object="Shop"), BY_TERRITORY)
    shop, leaves = (world.make("Shop", Name=n, TerritoryId=north) for n in "ab")
    sarah.sync()
    world.look()
    world.change("Shop", shop, Score=7)
    world.change("Shop", leaves, TerritoryId=None)
    world.deploy(replace(MODELS["open"], routes=(("Shop", "TerritoryId"),)))
    assert synced(sarah) == ({shop}, {leaves})
    world.lab.close()


def test_a_row_that_left_the_route_and_changed_behind_it_is_taken_back(fresh: Callable[[str], World]) -> None:
    """What became of it afterwards is in entries of another route; what it was then is known all the same."""
    world = fresh("open")
    world.strict = True
    world.deploy(replace(MODELS["open"], routes=(("Shop", "TerritoryId"),)))
    north = next(t["Id"] for t in world.alive("Territory") if t["Name"] == "North")
    sarah = world.device("sarah")
    world.make("User_Territory", UserId=sarah.whom.user, TerritoryId=north, Active=True)
    world.rule(SyncRule(object="Shop"), BY_TERRITORY)
    shops = [world.make("Shop", Name=n, TerritoryId=north) for n in "abc"]
    sarah.sync()
    world.look()
    for shop in shops:
        world.change("Shop", shop, TerritoryId=None)
    world.look()
    world.remove("Shop", shops[0])
    world.change("Shop", shops[1], Score=7)
    world.change("Shop", shops[2], City="Graz")
    world.look()
    world.change("Shop", shops[2], TerritoryId=north)
    assert synced(sarah) == ({shops[2]}, set(shops[:2]))
    world.lab.close()


def test_another_scale_of_a_formula_is_another_value(fresh: Callable[[str], World]) -> None:
    """As another formula is: rows that show it come anew."""
    world = fresh("open")
    sarah = world.device("sarah")
    world.rule(SyncRule(object="Visit_Line", type=RuleType.FULL))
    shop = world.make("Shop", Name="a", Score=1.5)
    line = world.make("Visit_Line", VisitId=world.make("Visit", ShopId=shop), Amount=1.5)
    sarah.sync()
    world.deploy(replace(world.model, places=0))
    assert synced(sarah) == ({line}, set())
    world.lab.close()


@pytest.mark.parametrize("opened", ["", "Codes"])
def test_who_was_away_too_long_is_compared_only_where_rows_look_as_they_did(
    world: World, sarah: Device, opened: str
) -> None:
    """Sums of ids and versions tell nothing of a field that was opened to her meanwhile."""
    world.make("Shop", Name="a", City="Graz", Code="12")
    sarah.sync()
    world.look()
    if opened:
        [given] = (row["Id"] for row in world.alive("Permission_Set") if row["Name"] == opened)
        world.make("Permission_Set_Assignment", AssigneeId=sarah.whom.user, Permission_SetId=given)
    world.lab.clock.advance((limits.CHANGE_LOG_DAYS + 1) * 86_400)

    def compared() -> Any:
        return ask(sarah.phone, Asked(digest=True))[1].untold

    if opened:
        assert refusal(compared) is Code.REFRESH_REQUIRED
    else:
        assert compared()
