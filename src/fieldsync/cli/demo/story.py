"""Sarah's story, on real parts: a server over PostgreSQL, encrypted stores, HTTP between. Every sentence is checked.

The steps are those of the product's own description: an offline visit, the network's return, the other device, the
colleague, the save that is refused. A sentence that turns out untrue ends the story with `Untrue`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.base.world import World, instant
from fieldsync.device import Device

WAIT_SECONDS_MAX = 20.0
SIGNATURE = base64.b64encode(b"\x89PNG a drawn line, as far as this story goes").decode()
Counts = Callable[[str, RecordId], int]
"""How many transactions the server journaled for a record of an object."""


class Untrue(Exception):
    """A sentence of the story was not as told."""


@dataclass
class Story:
    """Who takes part, and how it is told."""

    world: World
    ipad: Device
    iphone: Device
    toms: Device
    """A colleague's, who works in another territory."""
    graces: Device
    """Their manager's: the territories of both are below hers."""
    desk: Device
    """Somebody with all rights, at a desk."""
    journaled: Counts
    tell: Callable[[str], None]
    told: int = field(default=0)

    def check(self, sentence: str, truth: object) -> None:
        """Tell a sentence if it is true; end the story if not."""
        if not truth:
            raise Untrue(sentence)
        self.told += 1
        self.tell(sentence)

    def wait(self, sentence: str, true: Callable[[], object]) -> None:
        """Tell a sentence as soon as it is true."""
        deadline = self.world.clock.steady() + WAIT_SECONDS_MAX
        while not true():
            if self.world.clock.steady() > deadline:
                raise Untrue(sentence)
            time.sleep(0.005)
        self.check(sentence, truth=True)


def tell_story(story: Story) -> int:
    """The whole story; how many sentences were told. Raises Untrue."""
    account = _ackerman(story)
    story.ipad.go_offline()
    call = _visit(story, account)
    _back_online(story, call)
    _other_devices(story, call)
    _refused(story)
    _conflict(story, account)
    _handed_over(story, account, call)
    return story.told


def _ackerman(story: Story) -> RecordId:
    [found] = story.ipad.find("Account", where={"LastName": "Ackerman"})
    story.check("Sarah has Dr. Ackerman on her iPad, and on her iPhone", story.iphone.get("Account", found.id))
    story.check("her manager Grace has him too", story.graces.get("Account", found.id))
    story.check("Tom, who works in York, does not hold him at all", story.toms.get("Account", found.id) is None)
    return found.id


def _visit(story: Story, account: RecordId) -> RecordId:
    """No signal: a call with two details, two samples and a signature."""
    details = [p.id for p in story.ipad.find("Product", where={"Type": "Detail"}, limit=2)]
    samples = [p.id for p in story.ipad.find("Product", where={"Type": "Sample"}, limit=2)]
    now = instant(story.world.clock.now())
    signed = {"Signature": SIGNATURE, "Signature_Date": now, "Signee": "Dr. Ackerman"}
    with story.ipad.edit() as edit:
        call = edit.create("Call", {"AccountId": account, "Call_Date": now, "Status": "Saved", **signed})
        for product in details:
            edit.create("Call_Detail", {"CallId": call, "ProductId": product})
        for product in samples:
            edit.create("Call_Sample", {"CallId": call, "ProductId": product, "Quantity": 2, "Lot": "L-204"})
    saved = story.ipad.get("Call", call)
    story.check("offline, she saves a call with two details, two samples and his signature", saved)
    story.check("the records have their final ids", len(call) == 18 and saved is not None and saved.id == call)
    queue = story.ipad.queue()
    story.check("they queue as one transaction", len(queue) == 1 and len(queue[0].records) == 5)
    story.check("the widget shows one pending save", story.ipad.widget().pending == 1)
    story.check("the server knows nothing of it yet", story.journaled("Call", call) == 0)
    return call


def _back_online(story: Story, call: RecordId) -> None:
    story.ipad.go_online()
    story.wait("the network is back: the queue empties by itself", lambda: not story.ipad.queue())
    story.check("the call was uploaded as one transaction", story.journaled("Call", call) == 1)
    record = story.ipad.get("Call", call)
    assert record is not None
    name = str(record.values["Name"])
    story.check(f"the server's number is on the iPad: {name}", name.startswith("C-") and name[2:].isdigit())
    created = record.values["CreatedDate"]
    story.check(f"and the server's date: {created}", isinstance(created, str) and record.stamp > 0)


def _other_devices(story: Story, call: RecordId) -> None:
    def whole() -> bool:
        details = story.iphone.count("Call_Detail", {"CallId": call})
        samples = story.iphone.count("Call_Sample", {"CallId": call})
        return story.iphone.get("Call", call) is not None and (details, samples) == (2, 2)

    story.wait("her iPhone shows the call with its details and samples, nobody pressed a button", whole)
    ipad, iphone = story.ipad.get("Call", call), story.iphone.get("Call", call)
    story.check("field by field the same", ipad and iphone and ipad.values == iphone.values)
    story.graces.wake()
    time.sleep(1.0)
    story.check("Grace's device does not get it: it is not her feed", story.graces.get("Call", call) is None)
    story.graces.sync()
    story.check("her next sync brings it", story.graces.get("Call", call))


def _refused(story: Story) -> None:
    """An account is deleted online; Sarah's device does not know yet, and she plans a visit."""
    account = story.ipad.find("Account", order_by="Name", descending=True, limit=1)[0]
    with story.desk.edit() as edit:
        edit.delete("Account", account.id)
    story.wait("at a desk, an account is deleted", lambda: not story.desk.queue())
    with story.ipad.edit() as edit:
        edit.create("Call", {"AccountId": account.id, "Call_Date": instant(story.world.clock.now())})
    story.wait("Sarah plans a visit there: it comes back as a sync error", story.ipad.errors)
    [error] = story.ipad.errors()
    [problem] = error.problems
    story.check(f"with the field: {problem.field}", problem.field == "AccountId" and problem.code is Code.INVALID_REF)
    story.check(f"and a sentence: {problem.message}", problem.message)
    story.check("the widget shows an error", story.ipad.widget().state == "error")
    story.ipad.undo(error.n)
    story.check("she takes it back, and the list is empty", not story.ipad.errors())


def _conflict(story: Story, account: RecordId) -> None:
    """First save wins, and the loser sees all three values."""
    story.ipad.go_offline()
    with story.ipad.edit() as edit:
        edit.update("Account", account, {"Phone": "+44 113 111"})
    with story.graces.edit() as edit:
        edit.update("Account", account, {"Phone": "+44 113 222"})
    story.wait("Grace changes the doctor's phone while Sarah, offline, does too", lambda: not story.graces.queue())
    story.ipad.go_online()
    story.wait("hers comes second and is not applied", story.ipad.errors)
    [error] = story.ipad.errors()
    details = error.problems[0].details
    three = (details.get("mine"), details.get("theirs"))
    story.check("she is shown her value and Grace's", three == ("+44 113 111", "+44 113 222"))
    story.ipad.undo(error.n)
    record = story.ipad.get("Account", account)
    story.check("undo brings Grace's at once", record and record.values["Phone"] == "+44 113 222")


def _handed_over(story: Story, account: RecordId, call: RecordId) -> None:
    """Dr. Ackerman moves to York: sharing and sync rules follow, and what is pending waits for its person."""
    story.ipad.go_offline()
    with story.ipad.edit() as edit:
        edit.update("Account", account, {"Phone": "+44 113 333"})
    _to_york(story, account)
    story.wait("Grace gives the doctor to Tom, in York", lambda: not story.graces.queue())
    story.toms.sync()
    details = story.toms.count("Call_Detail", {"CallId": call})
    story.check("Tom's next sync brings him", story.toms.get("Account", account))
    story.check("with the call that Sarah made, and its details", story.toms.get("Call", call) and details == 2)
    story.iphone.sync()
    story.check("Sarah's iPhone has him no more", story.iphone.get("Account", account) is None)
    story.check("but her own call stays with her", story.iphone.get("Call", call))
    story.ipad.go_online()
    story.wait("her iPad kept what she had typed offline: it comes back as a sync error", story.ipad.errors)
    story.ipad.sync()
    [error] = story.ipad.errors()
    story.check(f"that says why: {error.problems[0].message}", error.problems[0].code is Code.VISIBILITY_LOST)
    story.check("and the doctor is there as long as it is open", story.ipad.get("Account", account))
    story.ipad.undo(error.n)
    story.check("she takes it back, and he is gone", story.ipad.get("Account", account) is None)


def _to_york(story: Story, account: RecordId) -> None:
    """What a manager does: the alignment and the owner."""
    [tom] = story.graces.find("User", where={"FirstName": "Tom"})
    [york] = story.graces.find("Territory", where={"Name": "York"})
    [alignment] = story.graces.find("Territory_Account", where={"AccountId": account})
    with story.graces.edit() as edit:
        edit.update("Territory_Account", alignment.id, {"TerritoryId": york.id})
        edit.update("Account", account, {"OwnerId": tom.id})
