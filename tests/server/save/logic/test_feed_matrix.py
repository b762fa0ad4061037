"""Who gets what of a save by his feed: writer by record by reader, from one table (FEATURES C05, C06, C11, C15).

Sarah has a line put into her order; a trigger then notes that on another order, the twin. The line's masters are the
order and its buyer, which both sum up. A rule brings orders to iPads, and none to her iPhone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from tests.server.lab import PASSWORD, Lab, Phone, create, table, update
from tests.server.processor.test_acts import do, journaled
from tests.server.save.logic.test_async_triggers import run
from tests.server.save.logic.test_triggers import install

from fieldsync.base.ids import RecordId
from fieldsync.protocol.feed import FeedPage
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.session import Platform
from fieldsync.protocol.upload import Accepted, Operation, Rejected, Saved
from fieldsync.server.http.context import calling
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.oversight.editing import save_from_page
from fieldsync.server.postgres.work import transaction
from fieldsync.server.processor.jobs import process
from fieldsync.server.processor.states import Act, Status
from fieldsync.server.save.logic.trigger import Batch, Trigger, When
from fieldsync.server.sync import session

CREATES = frozenset({Operation.CREATE})
ALL = frozenset({"line", "order", "buyer", "twin"})
NAMED = frozenset({"line", "order", "buyer"})
NONE: frozenset[str] = frozenset()


@dataclass
class Scene:
    """The records, the devices, and who writes by which way."""

    lab: Lab
    sarah: Phone
    readers: dict[str, Phone]
    buyer: RecordId
    order: RecordId
    another: RecordId
    twin: RecordId


@pytest.fixture
def scene(lab: Lab, sarah: Phone) -> Scene:
    for other in ("tom", "grace"):
        lab.person(other)
    [buyer, another] = lab.rows("Buyer", {"Name": "Corner"}, {"Name": "Elsewhere"})
    [order] = lab.rows("Purchase", {"Name": "o", "BuyerId": buyer})
    [twin] = lab.rows("Purchase", {"Name": "twin", "BuyerId": another})
    none = {"Name": "none", "Object_Name": "Purchase", "Device_Type": "iPhone", "Type": "top_level", "Active": True}
    lab.rows("Sync_Rule", {**none, "Where_Clause": "Name = 'never'"})
    readers = {
        "the device itself": sarah,
        "her other iPad": lab.phone("sarah", "second"),
        "her iPhone": lab.phone("sarah", "iphone", Platform.IPHONE),
        "Tom's iPad": lab.phone("tom"),
    }
    for phone in readers.values():
        phone.download()
    return Scene(lab, sarah, readers, buyer, order, another, twin)


def noting(scene: Scene, when: When = When.AFTER, *, feed: bool = False) -> None:
    """The trigger: whatever line comes, the twin gets a note."""

    async def note(batch: Batch) -> None:
        for record in batch.records:
            batch.update(record, "Purchase", scene.twin, Notes=f"after {record.id}")

    install(scene.lab, Trigger("Purchase_Line", note, when, CREATES, feed=feed))


def by_device(scene: Scene) -> None:
    noting(scene)
    line = create("Purchase_Line", scene.sarah.new_id("Purchase_Line"), PurchaseId=scene.order, Name="l", Price=5)
    assert scene.sarah.outcome(line) == Saved()


def by_device_deferred(scene: Scene) -> None:
    noting(scene)
    scene.lab.rows("Sync_Setting", {"Name": "d", "Setting": "Deferred_Processing", "Value": "true"})
    line = create("Purchase_Line", scene.sarah.new_id("Purchase_Line"), PurchaseId=scene.order, Name="l", Price=5)
    assert isinstance(scene.sarah.outcome(line), Accepted)
    scene.lab.run(process(scene.lab.org, scene.sarah.number))


def by_device_and_an_admins_retry(scene: Scene) -> None:
    """It was refused because the buyer is closed; somebody opens the buyer, and an admin has it run again."""
    grace = scene.lab.phone("grace")
    assert grace.outcome(update("Buyer", scene.buyer, Name=("Corner", "Closed"))) == Saved()
    noting(scene)
    line = create("Purchase_Line", scene.sarah.new_id("Purchase_Line"), PurchaseId=scene.order, Name="l", Price=5)
    assert isinstance(scene.sarah.outcome(line), Rejected)
    assert grace.outcome(update("Buyer", scene.buyer, Name=("Closed", "Corner"))) == Saved()
    assert do(scene.lab, journaled(scene.lab)[1][0], Act.RETRY) is Status.SUCCESS


def by_page(scene: Scene) -> None:
    """Sarah herself, in a browser."""
    noting(scene)
    org = scene.lab.org

    async def save() -> object:
        async with transaction(org.pool) as work:
            _, token = await session.open_console(org, work, "sarah@small.example", PASSWORD)
        [line] = await draw_ids(org, ["Purchase_Line"])
        item = create("Purchase_Line", line, PurchaseId=scene.order, Name="l", Price=5)
        return await save_from_page(org, lambda: calling(org, token), item)

    assert scene.lab.run(save()) == Saved()


def by_import(scene: Scene) -> None:
    scene.lab.rows("Purchase_Line", {"Name": "l", "PurchaseId": scene.order, "Price": 5})


def by_a_job(scene: Scene) -> None:
    """The upload is read by everybody; then the deferred trigger runs."""
    noting(scene, When.ASYNC)
    line = create("Purchase_Line", scene.sarah.new_id("Purchase_Line"), PurchaseId=scene.order, Name="l", Price=5)
    assert scene.sarah.outcome(line) == Saved()
    for phone in scene.readers.values():
        phone.feed()
    run(scene.lab)


def by_a_job_that_feeds(scene: Scene) -> None:
    noting(scene, When.ASYNC, feed=True)
    line = create("Purchase_Line", scene.sarah.new_id("Purchase_Line"), PurchaseId=scene.order, Name="l", Price=5)
    assert scene.sarah.outcome(line) == Saved()
    for phone in scene.readers.values():
        phone.feed()
    run(scene.lab)


TWIN, ITS_BUYER = frozenset({"twin", "buyer of twin"}), frozenset({"buyer of twin"})
TABLE: dict[Callable[[Scene], None], tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str]]] = {
    # writer: the device itself, her other iPad, her iPhone, Tom's iPad
    by_device: (NONE, ALL, NAMED, NONE),
    by_device_deferred: (NONE, ALL, NAMED, NONE),
    by_device_and_an_admins_retry: (NONE, ALL, NAMED, NONE),
    by_page: (NONE, NONE, NONE, NONE),
    by_import: (NONE, NONE, NONE, NONE),
    by_a_job: (NONE, NONE, NONE, NONE),
    by_a_job_that_feeds: (TWIN, TWIN, ITS_BUYER, NONE),
}


def brought(scene: Scene, page: FeedPage) -> frozenset[str]:
    """What a page brings as families; outcomes that are told with their records are another matter."""
    members = {ref for family in page.families for ref in (family.root, *family.members)}
    names = {scene.buyer: "buyer", scene.order: "order", scene.twin: "twin", scene.another: "buyer of twin"}
    found = {names.get(ref.id, "line") for ref in members}
    rows = {name: table(page.rows, name) for name in ("Buyer", "Purchase", "Purchase_Line")}
    assert all(ref.id in rows[ref.object] for ref in members), "a family comes with its rows"
    return frozenset(found)


@pytest.mark.parametrize("writer", TABLE, ids=lambda writer: writer.__name__)
def test_the_feed_brings_to_each_reader_what_the_table_says(scene: Scene, writer: Callable[[Scene], None]) -> None:
    writer(scene)
    found = {reader: brought(scene, phone.feed()) for reader, phone in scene.readers.items()}
    assert found == dict(zip(scene.readers, TABLE[writer], strict=True))
    again = {reader: brought(scene, phone.feed()) for reader, phone in scene.readers.items()}
    assert set(again.values()) == {NONE}, "each once (law L9)"


def test_what_no_rule_selects_was_never_on_the_device_by_its_feed(scene: Scene) -> None:
    """Law L4: not even the ids of what a trigger changed elsewhere."""
    by_device(scene)
    page = scene.readers["her iPhone"].feed()
    assert RecordRef("Purchase", scene.twin) not in {ref for family in page.families for ref in family.members}
    assert scene.twin not in str(page)
