"""Sarah's iPad is broken, and its image of this morning is put on another: what she had saved before and sent since is
sent again, and is there once; what she made of the image goes on (law L2)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scenarios.stage import Stage, org_with_two

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.base.world import SeededChance, World
from fieldsync.device import Device
from fieldsync.device.queue.states import State
from fieldsync.device.transport import HttpTransport

PACK = """
name: image
label: Image
objects:
  - name: Shop
    label: Shop
    prefix: a00
    fields:
      - {name: City, type: text, label: City, length: 40}
    validation_rules: [{name: Somewhere, condition: 'AND(City = "nowhere", OR(ISNEW(), TRUE))', message: Say where.}]
profiles:
  - name: Rep
    label: Rep
    objects: {Shop: [read, create, edit, delete], User: [read]}
"""


class Ipad:
    """Sarah's, whose folder can be kept and put back."""

    def __init__(self, stage: Stage, username: str) -> None:
        self._stage, self._username = stage, username
        self._folder, self._image = stage.folder / "ipad", stage.folder / "image"
        self._key, self._images = bytes(range(32)), 0
        self.device = self._opened()
        self.sign_in()
        self.device.sync()

    def _opened(self) -> Device:
        self._images += 1
        world = World(self._stage.world.clock, SeededChance(f"ipad {self._images}"))
        return Device.open(self._folder, self._key, world=world, transport=HttpTransport(self._stage.address))

    def keep_image(self, *, while_it_runs: bool = False) -> None:
        """A backup closes the app first, or copies its files beside it."""
        if while_it_runs:
            shutil.copytree(self._folder, self._image)
            return
        self.device.close()
        shutil.copytree(self._folder, self._image)
        self.device = self._opened()

    def start_anew(self) -> None:
        """The app ends and is opened again: what is saved from here on is an entry of its own."""
        self.device.close()
        self.device = self._opened()

    def put_back_image(self) -> None:
        """The session of the image is over: who put it back signs in."""
        self.device.close()
        shutil.rmtree(self._folder)
        shutil.copytree(self._image, self._folder)
        self.device = self._opened()
        self.sign_in()

    def sign_in(self) -> None:
        """She gives her password."""
        self._stage.sign_in(self.device, self._username, "ipad")

    def shop(self, name: str, city: str | None = None) -> str:
        with self.device.edit() as edit:
            return str(edit.create("Shop", {"Name": name, "City": city}))

    def correct(self, shop: str, city: str) -> None:
        """What was refused says where it is now, and goes again."""
        [refused] = self.device.errors()
        self.change(shop, City=city)
        self.device.resend(refused.n)

    def rename(self, shop: str, name: str) -> None:
        self.change(shop, Name=name)

    def change(self, shop: str, **values: str) -> None:
        with self.device.edit() as edit:
            edit.update("Shop", RecordId(shop), values)


@pytest.fixture
def place(database: str, tmp_path: Path) -> Iterator[tuple[Stage, Ipad]]:
    with org_with_two(database, tmp_path, PACK) as (stage, sarah, _):
        ipad = Ipad(stage, sarah)
        yield stage, ipad
        ipad.device.close()


def names(stage: Stage) -> list[str]:
    return sorted(str(row["Name"]) for row in stage.rows("Shop").values())


def test_what_was_sent_since_is_there_once(place: tuple[Stage, Ipad]) -> None:
    stage, ipad = place
    morning = ipad.shop("morning")
    ipad.keep_image()
    ipad.device.sync()
    ipad.shop("noon")
    ipad.device.sync()
    ipad.device.sync()  # the server is told by now that the outcome of the first is stored
    ipad.put_back_image()
    ipad.device.sync()
    assert names(stage) == ["morning", "noon"]
    assert {record.id for record in ipad.device.find("Shop")} == set(stage.rows("Shop"))
    assert morning in stage.rows("Shop"), "and nobody gave it another id"
    assert ipad.device.queue() == ipad.device.errors() == []


def test_what_is_made_of_the_image_goes_on_beside_what_was_sent_since(place: tuple[Stage, Ipad]) -> None:
    stage, ipad = place
    ipad.shop("morning")
    ipad.keep_image()
    ipad.device.sync()
    ipad.shop("noon")
    ipad.device.sync()
    ipad.put_back_image()
    ipad.shop("evening")  # under the number that the other had
    ipad.device.sync()
    ipad.device.sync()
    assert names(stage) == ["evening", "morning", "noon"]
    assert {record.id for record in ipad.device.find("Shop")} == set(stage.rows("Shop"))
    assert ipad.device.queue() == ipad.device.errors() == []


def test_what_is_made_of_the_image_never_takes_the_place_of_what_a_sync_brought_back(place: tuple[Stage, Ipad]) -> None:
    """The image counts on from where it was: the next id is one that the other history gave away."""
    stage, ipad = place
    ipad.shop("morning")
    ipad.device.sync()
    ipad.keep_image()
    noon = ipad.shop("noon")
    ipad.device.sync()
    ipad.put_back_image()
    ipad.device.sync()
    evening = ipad.shop("evening")
    assert evening != noon
    assert sorted(str(shop.values["Name"]) for shop in ipad.device.find("Shop")) == ["evening", "morning", "noon"]
    ipad.device.sync()
    ipad.device.sync()
    assert names(stage) == ["evening", "morning", "noon"]
    assert ipad.device.queue() == ipad.device.errors() == []


@pytest.mark.parametrize("went_on", [False, True], ids=["sent as it was", "edited once more first"])
def test_a_record_that_was_sent_since_is_there_once_also_when_it_is_edited_in_the_image(
    place: tuple[Stage, Ipad], *, went_on: bool
) -> None:
    stage, ipad = place
    morning = ipad.shop("morning")
    ipad.keep_image(while_it_runs=went_on)
    if went_on:
        ipad.rename(morning, "noon")
    ipad.device.sync()
    ipad.put_back_image()
    ipad.rename(morning, "evening")
    ipad.device.sync()
    ipad.device.sync()
    assert list(stage.rows("Shop")) == [morning]
    assert [record.id for record in ipad.device.find("Shop")] == [morning]
    said = [change.new for entry in ipad.device.errors() for change in entry.content]
    assert (names(stage), said) == ((["noon"], ["evening"]) if went_on else (["evening"], [])), "nothing unseen goes"


def test_a_record_that_was_sent_since_can_be_deleted_in_the_image(place: tuple[Stage, Ipad]) -> None:
    stage, ipad = place
    morning = ipad.shop("morning")
    ipad.keep_image()
    ipad.device.sync()
    ipad.put_back_image()
    with ipad.device.edit() as edit:
        edit.delete("Shop", RecordId(morning))
    ipad.device.sync()
    ipad.device.sync()
    assert stage.rows("Shop") == {}
    assert (ipad.device.find("Shop"), ipad.device.errors()) == ([], [])


@pytest.mark.parametrize(
    ("city", "more"), [("Rome", False), ("Oslo", True)], ids=["as before", "another way and behind another save"]
)
def test_what_was_refused_and_sent_again_is_there_once_also_when_it_is_sent_again_from_the_image(
    place: tuple[Stage, Ipad], city: str, *, more: bool
) -> None:
    """Neither the numbers nor the ids of the two transactions are the same: the record is."""
    stage, ipad = place
    morning = ipad.shop("morning", "nowhere")
    ipad.device.sync()
    ipad.keep_image()
    ipad.correct(morning, "Rome")
    ipad.device.sync()
    assert list(stage.rows("Shop")) == [morning]
    ipad.put_back_image()
    if more:
        ipad.shop("noon")
    ipad.correct(morning, city)
    ipad.device.sync()
    ipad.device.sync()
    assert names(stage) == (["morning", "noon"] if more else ["morning"])
    said = [change.new for entry in ipad.device.errors() for change in entry.content if change.column == "City"]
    assert said == ([] if city == "Rome" else [city]), "what the person wrote unseen is his to decide"
    assert stage.rows("Shop")[morning]["City"] == "Rome"
    assert {record.id for record in ipad.device.find("Shop")} == set(stage.rows("Shop"))
    for entry in ipad.device.errors():
        ipad.device.resend(entry.n)  # he has seen what is there now, and means it
    ipad.device.sync()
    assert (ipad.device.errors(), stage.rows("Shop")[morning]["City"]) == ([], city)


def test_what_was_written_since_is_not_overwritten_by_who_never_saw_it(place: tuple[Stage, Ipad]) -> None:
    """It was this device, in the history that the image knows nothing of: that is as good as another."""
    stage, ipad = place
    shop = ipad.shop("morning", "Oslo")
    ipad.device.sync()
    ipad.keep_image()
    ipad.change(shop, City="Rome")
    ipad.device.sync()
    ipad.put_back_image()
    ipad.rename(shop, "evening")
    ipad.start_anew()
    ipad.change(shop, City="Bonn")
    ipad.device.sync()
    assert (stage.rows("Shop")[shop]["Name"], stage.rows("Shop")[shop]["City"]) == ("evening", "Rome")
    [refused] = ipad.device.errors()
    assert [(p.code, p.details["theirs"]) for p in refused.problems] == [(Code.CONFLICT_OLD_VALUE, "Rome")]


def test_what_builds_on_a_refusal_of_the_earlier_history_waits_for_it(place: tuple[Stage, Ipad]) -> None:
    """The image sends the refused save and one behind it together, and the histories part at the second (law L7)."""
    stage, ipad = place
    morning = ipad.shop("morning", "nowhere")
    ipad.keep_image()
    ipad.device.sync()
    ipad.shop("noon")
    ipad.device.sync()
    ipad.put_back_image()
    ipad.rename(morning, "evening")
    ipad.device.sync()
    ipad.device.sync()
    refused, behind = ipad.device.errors()
    assert (refused.state, behind.state, behind.waiting_for) == (State.FAILED, State.HELD, (refused.n,))
    ipad.change(morning, City="Rome")
    ipad.device.resend(refused.n)
    ipad.device.sync()
    assert (names(stage), ipad.device.errors(), ipad.device.queue()) == (["evening", "noon"], [], [])
    assert stage.rows("Shop")[morning]["City"] == "Rome"
    statuses = sorted(str(row["Status"]) for row in stage.rows("Sync_Transaction").values())
    assert statuses == ["Canceled", "Success", "Success"], "nobody looks at what was taken back"


def test_an_image_that_was_never_told_of_what_was_sent_since_asks_for_a_sync(place: tuple[Stage, Ipad]) -> None:
    """What she had saved on this iPad is not news that other devices brought: the feed says nothing of it."""
    stage, ipad = place
    ipad.keep_image()
    ipad.shop("noon")
    assert ipad.device.sync().successful
    assert not ipad.device.widget().sync_required
    ipad.put_back_image()
    ipad.device.step()
    assert ipad.device.find("Shop") == []
    assert ipad.device.widget().sync_required
    assert ipad.device.sync().successful
    assert names(stage) == [str(shop.values["Name"]) for shop in ipad.device.find("Shop")] == ["noon"]
    assert not ipad.device.widget().sync_required
