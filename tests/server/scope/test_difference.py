"""What an incremental sync brings and takes: exactly the difference, also where nobody would look for it."""

from __future__ import annotations

import pytest
from tests.server.lab import create, update
from tests.server.scope.proof.conditions import Cond, Row, Sight, low, up
from tests.server.scope.proof.device import Device
from tests.server.scope.proof.fresh import fresh, world
from tests.server.scope.proof.script import Fresh
from tests.server.scope.proof.selections import BY_TERRITORY
from tests.server.scope.proof.world import World

from fieldsync.protocol.download import End, Line, Removed, Rows
from fieldsync.protocol.rows import decode_rows
from fieldsync.schema.sync_rule import RuleType, SyncRule

__all__ = ["fresh", "world"]

IN_GRAZ = Cond("City = 'Graz'", lambda s, r: low(r["City"]) == "graz")
NAMED_GRAZ = Cond("Place LIKE 'graz:%'", lambda s, r: str(low(r["Place"])).startswith("graz:"))


def parent_won(sight: Sight, row: Row) -> bool:
    """The stage of the shop above a visit's shop."""
    return (up(sight, row, ("ShopId", "Shop"), ("ParentId", "Shop")) or {}).get("Stage") == "Won"


TODAY = Cond("Day = TODAY", lambda s, r: bool(r["Day"] == s.today.isoformat()))
UNDER_SHOPS = SyncRule(object="Visit", type=RuleType.RELATED, parent_object="Shop", relationship_field="ShopId")
LINES = SyncRule(object="Visit_Line", type=RuleType.RELATED, parent_object="Visit", relationship_field="VisitId")


@pytest.fixture
def sarah(world: World) -> Device:
    return world.device("sarah")


def synced(device: Device) -> tuple[set[str], set[str]]:
    """A sync that is checked against the judge: ids of rows that came, and ids that went."""
    phone = device.phone
    before = phone.checkpoint, phone.cursor
    device.sync()
    after = phone.checkpoint, phone.cursor
    phone.checkpoint, phone.cursor = before
    lines: list[Line] = phone.download()
    phone.checkpoint, phone.cursor = after
    assert isinstance(lines[-1], End)
    came = {row[1] for line in lines if isinstance(line, Rows) for row in decode_rows(line.block)}
    return came, {gone.id for line in lines if isinstance(line, Removed) for gone in line.gone}


def test_a_parent_that_leaves_takes_what_is_under_it(world: World, sarah: Device) -> None:
    world.rule(SyncRule(object="Shop"), IN_GRAZ)
    world.rule(UNDER_SHOPS)
    world.rule(LINES)
    graz, other = (world.make("Shop", Name=n, City="Graz") for n in "ab")
    visits = [world.make("Visit", ShopId=shop) for shop in (graz, other)]
    lines = [world.make("Visit_Line", VisitId=visit) for visit in visits]
    sarah.sync()
    world.change("Shop", graz, City="Wien")
    assert synced(sarah) == (set(), {graz, visits[0], lines[0]})
    world.change("Shop", graz, City="Graz")
    assert synced(sarah) == ({graz, visits[0], lines[0]}, set())


def test_the_last_row_of_an_object_leaves(world: World, sarah: Device) -> None:
    world.rule(SyncRule(object="Shop"), IN_GRAZ)
    shop = world.make("Shop", Name="only", City="Graz")
    sarah.sync()
    world.change("Shop", shop, City="Wien")
    assert synced(sarah) == (set(), {shop})
    assert sarah.rows["Shop"] == {}


def test_a_change_of_a_child_brings_the_child_alone(world: World, sarah: Device) -> None:
    world.rule(SyncRule(object="Shop"), IN_GRAZ)
    world.rule(UNDER_SHOPS)
    shop = world.make("Shop", Name="a", City="Graz")
    visit, _ = (world.make("Visit", ShopId=shop, Notes=n) for n in "xy")
    sarah.sync()
    world.change("Visit", visit, Notes="z")
    assert synced(sarah) == ({visit}, set())
    assert synced(sarah) == (set(), set())


def test_a_rule_changed_brings_and_takes_exactly_the_difference(world: World, sarah: Device) -> None:
    rule = world.rule(SyncRule(object="Shop"), IN_GRAZ)
    graz, both, wien = (
        world.make("Shop", Name="s", City=c, Flag=f) for c, f in (("Graz", False), ("Graz", True), ("Wien", True))
    )
    sarah.sync()
    flagged = Cond("Flag = true", lambda s, r: bool(r["Flag"]))
    world.meanings[flagged.text] = flagged
    world.look()
    world.change("Sync_Rule", rule, Where_Clause=flagged.text)
    assert synced(sarah) == ({wien}, {graz})
    assert both in sarah.rows["Shop"]


def test_an_alignment_brings_and_takes_exactly_the_difference_and_nothing_to_others(
    world: World, sarah: Device
) -> None:
    world.rule(SyncRule(object="Shop"), BY_TERRITORY)
    north, south = (t["Id"] for t in world.alive("Territory") if t["Name"] in ("North", "South"))
    first, second = (world.make("Shop", Name="s", TerritoryId=t) for t in (north, south))
    works = world.make("User_Territory", UserId=sarah.whom.user, TerritoryId=north, Active=True)
    tom = world.device("tom", "desk")
    sarah.sync()
    tom.sync()
    world.look()
    world.change("User_Territory", works, TerritoryId=south)
    assert synced(sarah) == ({second, works}, {first})
    assert synced(tom) == ({works}, set())


def test_the_day_alone_moves_rows(world: World, sarah: Device) -> None:
    world.rule(SyncRule(object="Visit"), TODAY)
    today, tomorrow = (world.make("Visit", Day=f"2026-03-0{day}") for day in (2, 3))
    sarah.sync()
    world.lab.clock.advance(86_400)
    assert synced(sarah) == ({tomorrow}, {today})


def test_what_the_feed_brought_beyond_the_rules_goes_with_the_next_sync(world: World, sarah: Device) -> None:
    """Lines too, also one that meanwhile is gone for good."""
    visit = world.make("Visit", Notes="a")
    stays, gone = (world.make("Visit_Line", VisitId=visit, Note=n) for n in ("1", "2"))
    phone = world.device("sarah", "phone")
    sarah.sync()
    phone.sync()
    world.look()
    sarah.phone.outcome(update("Visit", visit, Notes=("a", "mine")))
    world.look()
    phone.take_answer(phone.phone.feed())
    assert set(phone.rows["Visit_Line"]) == {stays, gone}
    world.purge("Visit_Line", gone)
    phone.sync()
    assert phone.rows.get("Visit_Line", {}) == {}


def test_what_the_feed_brought_goes_also_where_its_reader_has_lost_it(fresh: Fresh) -> None:
    """A line that others added after his save came with the family; then it became another's."""
    world = fresh("links")
    world.strict = True
    sarah, phone = world.device("sarah"), world.device("sarah", "phone")
    visit = world.make("Visit", Notes="a", OwnerId=sarah.whom.user)
    sarah.sync()
    phone.sync()
    sarah.phone.outcome(update("Visit", visit, Notes=("a", "mine")))
    line = world.make("Visit_Line", VisitId=visit, OwnerId=sarah.whom.user)
    world.look()
    phone.take_answer(phone.phone.feed())
    assert line in phone.rows["Visit_Line"]
    world.change("Visit_Line", line, OwnerId=world.device("bob").whom.user)
    assert synced(phone) == (set(), {visit, line})
    assert line not in synced(sarah)[1], "her other device never heard of it"
    world.close()


def test_a_save_that_changes_nothing_leaves_nothing_behind(world: World, sarah: Device) -> None:
    """The answer, and the feed of the other device, show rows beyond the rules though nothing was written."""
    visit = world.make("Visit", Notes="a")
    line = world.make("Visit_Line", VisitId=visit, Note="1")
    phone = world.device("sarah", "phone")
    sarah.sync()
    phone.sync()
    world.look()
    answer = sarah.phone.upload(sarah.phone.save(update("Visit_Line", line, Note=("1", "1"))))
    sarah.take_answer(answer)
    phone.take_answer(phone.phone.feed())
    assert line in sarah.rows["Visit_Line"]
    sarah.sync()
    phone.sync()


def test_what_a_refusal_showed_leaves_nothing_behind(world: World, sarah: Device) -> None:
    """A conflict comes with the row as it is now, also where no rule selects it any more."""
    shop = world.make("Shop", Name="a", City="Graz")
    sarah.sync()
    world.look()
    answer = sarah.phone.upload(sarah.phone.save(update("Shop", shop, City=("Wien", "Lyon"))))
    sarah.take_answer(answer)
    assert shop in sarah.rows["Shop"]
    sarah.sync()


def test_a_parents_change_moves_rows_that_are_chosen_by_a_formula(world: World, sarah: Device) -> None:
    world.rule(SyncRule(object="Visit"), NAMED_GRAZ)
    world.rule(LINES)
    shop = world.make("Shop", Name="a", City="Graz")
    visit = world.make("Visit", ShopId=shop)
    line = world.make("Visit_Line", VisitId=visit)
    sarah.sync()
    world.look()
    world.change("Shop", shop, City="Wien")
    assert synced(sarah) == (set(), {visit, line})
    world.look()
    world.change("Shop", shop, City="Graz")
    assert synced(sarah) == ({visit, line}, set())


def test_a_parents_change_moves_rows_that_are_chosen_through_it(world: World, sarah: Device) -> None:
    """Two steps up, and over a sub-select of rows that are chosen so."""
    world.rule(SyncRule(object="Visit"), Cond("Shop.Parent.Stage = 'Won'", parent_won))
    world.rule(LINES)
    top = world.make("Shop", Name="top", Stage="Won")
    visit = world.make("Visit", ShopId=world.make("Shop", Name="a", ParentId=top))
    line = world.make("Visit_Line", VisitId=visit)
    sarah.sync()
    world.change("Shop", top, Stage="Open")
    assert synced(sarah) == (set(), {visit, line})
    world.change("Shop", top, Stage="Won")
    assert synced(sarah) == ({visit, line}, set())


def test_a_record_that_is_gone_for_good_goes(world: World, sarah: Device) -> None:
    world.rule(SyncRule(object="Shop"), IN_GRAZ)
    gone, foreign = (world.make("Shop", Name="a", City=c) for c in ("Graz", "Wien"))
    sarah.sync()
    for shop in (gone, foreign):
        world.purge("Shop", shop)
    assert synced(sarah) == (set(), {gone})


def test_rows_of_an_object_without_a_rule_select_nothing(world: World, sarah: Device) -> None:
    of_shops = Cond("ShopId IN ({SHOP.IDS})", lambda s, r: r["ShopId"] in s.selected("Shop"))
    world.rule(SyncRule(object="Visit"), of_shops)
    world.rule(LINES)
    visit = world.make("Visit", ShopId=world.make("Shop", Name="a"))
    world.make("Visit_Line", VisitId=visit)
    sarah.sync()
    assert sarah.rows.get("Visit", {}) == {}


def test_what_a_formula_showed_is_gone_with_the_right_to_read_it(fresh: Fresh) -> None:
    """Also where the row is older than what the formula looked at."""
    world = fresh("open")
    sarah = world.device("sarah")
    world.rule(SyncRule(object="Shop", type=RuleType.FULL))
    parent = world.make("Shop", Name="p", City="Graz")
    shop = world.make("Shop", Name="a", ParentId=parent)
    world.look()
    world.change("Shop", parent, City="Wien")
    world.look()
    sarah.sync()
    [rule] = [r for r in world.alive("Sync_Rule") if r["Object_Name"] == "Shop"]
    world.change("Sync_Rule", rule["Id"], Exclude_Fields="Label")
    sarah.sync()
    assert "Label" not in sarah.rows["Shop"][shop]
    world.close()


def test_an_upload_of_a_family_is_whole_on_the_other_device(world: World, sarah: Device) -> None:
    phone = world.device("sarah", "phone")
    world.rule(SyncRule(object="Visit", device="iPhone", type=RuleType.FULL))
    sarah.sync()
    phone.sync()
    new = sarah.phone.new_id("Visit")
    line = sarah.phone.new_id("Visit_Line")
    sarah.phone.outcome(create("Visit", new, Name="v"), create("Visit_Line", line, Name="l", VisitId=new))
    world.look()
    page = phone.phone.feed()
    phone.take_answer(page)
    assert {new, line} <= {*phone.rows["Visit"], *phone.rows["Visit_Line"]}
    assert synced(phone) == ({new}, {line})
