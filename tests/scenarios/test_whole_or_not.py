"""What comes down is shown whole or not at all, wherever the line breaks (FEATURES D01, D06, D07; laws L3, L5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from tests.scenarios.stage import Stage, two_made
from tests.scenarios.test_long_saves import PACK, lines_of

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.device import Device
from fieldsync.device.transport import HttpTransport, Reply, Unreachable
from fieldsync.protocol.feed import FeedPage
from fieldsync.protocol.session import Platform


class BrokenWire(HttpTransport):
    """HTTP on which the feed may lose the rows of an object, and streams may break off."""

    loses: str | None = None
    lines_left: int | None = None

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        reply = super().request(method, path, body, headers)
        if self.loses is None or "/feed" not in path:
            return reply
        page = msgspec.json.decode(reply.body, type=FeedPage)
        kept = tuple(block for block in page.rows if block.object != self.loses)
        return Reply(reply.status, reply.headers, msgspec.json.encode(msgspec.structs.replace(page, rows=kept)))

    def stream(self, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Iterator[bytes]:
        for line in super().stream(path, headers, body):
            if self.lines_left is not None:
                if self.lines_left == 0:
                    raise Unreachable("the line is cut")
                self.lines_left -= 1
            yield line


class Sarah:
    """Her two devices. The network of her iPhone breaks now and then."""

    def __init__(self, stage: Stage, username: str) -> None:
        wires: list[BrokenWire] = []

        def wire(address: str) -> BrokenWire:
            wires.append(BrokenWire(address))
            return wires[-1]

        self.ipad = stage.device(username, "ipad", started=False)
        self.iphone = stage.device(username, "iphone", Platform.IPHONE, started=False, wire=wire)
        [self.wire] = wires

    def visit(self, lines: int = 3) -> RecordId:
        """Saved on the iPad, and on the server."""
        with self.ipad.edit() as edit:
            root = edit.create("Visit", {"Name": "v", "City": "Bonn"})
            for number in range(lines):
                edit.create("Visit_Line", {"Name": f"{number}", "VisitId": root})
        assert self.ipad.sync("upload_only").successful
        return root


@pytest.fixture
def sarah(made: str, tmp_path: Path) -> Iterator[Sarah]:
    with two_made(made, tmp_path, PACK) as (stage, username, _):
        yield Sarah(stage, username)


def shown(device: Device, root: RecordId) -> tuple[bool, int]:
    """Whether a visit is there, and how many of its lines."""
    return device.get("Visit", root) is not None, lines_of(device, root)


def cut(sarah: Sarah, kind: str, lines: int) -> bool:
    """A sync of the iPhone whose stream breaks behind so many lines; whether it was long enough to break."""
    sarah.wire.lines_left = lines
    try:
        sarah.iphone.sync(kind)
    except Refused as refused:
        if refused.problem.code is not Code.OFFLINE:
            raise
        return True
    finally:
        sarah.wire.lines_left = None
    return False


def test_a_header_without_its_lines_is_not_shown(sarah: Sarah) -> None:
    """The feed names every member of the visit; as long as one is missing the visit waits (D01)."""
    root = sarah.visit()
    sarah.wire.loses = "Visit_Line"
    sarah.iphone.wake()
    sarah.iphone.step()
    assert shown(sarah.iphone, root) == (False, 0), "the header is here, and is not shown without its lines"
    sarah.wire.loses = None
    assert sarah.iphone.sync().successful
    assert shown(sarah.iphone, root) == (True, 3)


def test_news_of_a_visit_wait_for_all_of_it_and_what_was_there_stays(sarah: Sarah) -> None:
    root = sarah.visit()
    assert sarah.iphone.sync().successful
    sarah.wire.loses = "Visit_Line"
    with sarah.ipad.edit() as edit:
        edit.update("Visit", root, {"City": "Köln"})
        edit.create("Visit_Line", {"Name": "new", "VisitId": root})
    assert sarah.ipad.sync("upload_only").successful
    sarah.iphone.wake()
    sarah.iphone.step()
    assert shown(sarah.iphone, root) == (True, 3)
    assert sarah.iphone.get("Visit", root).values["City"] == "Bonn"  # type: ignore[union-attr]
    sarah.wire.loses = None
    assert sarah.iphone.sync().successful
    assert shown(sarah.iphone, root) == (True, 4)
    assert sarah.iphone.get("Visit", root).values["City"] == "Köln"  # type: ignore[union-attr]


def test_a_download_that_breaks_anywhere_shows_nothing_of_it_and_the_next_brings_all(sarah: Sarah) -> None:
    roots = [sarah.visit(lines=12) for _ in range(3)]
    broken = 0
    while cut(sarah, "incremental", broken):
        assert [shown(sarah.iphone, root) for root in roots] == [(False, 0)] * 3
        broken += 1
    assert broken >= 3, "head, rows, end: each was cut once"
    assert [shown(sarah.iphone, root) for root in roots] == [(True, 12)] * 3


def test_a_refresh_that_fails_at_its_very_end_leaves_everything_as_it_was(sarah: Sarah) -> None:
    """The old database stays until the new one is whole; what she saves meanwhile is in both (D07)."""
    before = sarah.visit()
    assert sarah.iphone.sync().successful
    after = sarah.visit()
    with sarah.iphone.edit() as edit:
        mine = edit.create("Visit", {"Name": "mine", "City": "Trier"})
    lines = 0
    while cut(sarah, "full", lines):
        assert shown(sarah.iphone, before) == (True, 3)
        assert shown(sarah.iphone, after)[0] is False
        assert shown(sarah.iphone, mine) == (True, 0)
        lines += 1
    assert lines >= 3
    assert [shown(sarah.iphone, one) for one in (before, after, mine)] == [(True, 3), (True, 3), (True, 0)]
    assert (sarah.iphone.queue(), sarah.iphone.errors()) == ([], [])
