"""Pages that come by themselves: taken only where the device still stands, and nothing goes round and round."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import pytest
from tests.device.lab import Lab

from fieldsync.base.ids import RecordId
from fieldsync.device.sync.background.listener import EVENTS_PATH, Listener
from fieldsync.device.sync.feed import Brought
from fieldsync.device.transport import Heard
from fieldsync.protocol.events import NEWS_EVENT, OPEN_EVENT, PAGE_EVENT
from fieldsync.protocol.feed import FamilyImage, FeedPage
from fieldsync.protocol.rows import RecordRef


def page_of(lab: Lab, cursor: str, city: str) -> tuple[FeedPage, RecordId]:
    """A page that brings one shop, and leads to this cursor."""
    shop = lab.server_id("Shop", 1)
    ref = RecordRef("Shop", shop)
    row = {"Id": shop, "_stamp": 20, "Name": "Corner", "City": city, "IsDeleted": False}
    return FeedPage(cursor, (FamilyImage(ref, (ref,)),), (lab.block("Shop", row),)), shop


def feeds(lab: Lab) -> list[str]:
    return [path for _, path, _ in lab.script.asked if path.startswith("/sync/v1/feed?")]


@pytest.fixture
def standing(lab: Lab) -> Lab:
    """A device that stands at `cursor`, and has read its feed."""
    lab.download()
    lab.script.then("feed", FeedPage("cursor"))
    lab.device.step()
    lab.script.asked.clear()
    return lab


def test_a_page_behind_the_cursor_is_taken_and_nothing_is_asked(standing: Lab) -> None:
    page, shop = page_of(standing, "cursor2", "Leeds")
    standing.device._engine.brings(Brought("cursor", msgspec.json.encode(page)))
    standing.device.step()
    assert standing.device.find("Shop")[0].id == shop
    assert feeds(standing) == []


@pytest.mark.parametrize(("cursor", "content"), [("older", None), ("cursor", b'{"cursor": 4'), ("cursor", b"")])
def test_any_other_page_is_asked_for(standing: Lab, cursor: str, content: bytes | None) -> None:
    brought, _ = page_of(standing, "cursor3", "Hull")
    right, shop = page_of(standing, "cursor2", "Leeds")
    standing.script.then("feed", right)
    standing.device._engine.brings(Brought(cursor, msgspec.json.encode(brought) if content is None else content))
    standing.device.step()
    assert feeds(standing) == ["/sync/v1/feed?cursor=cursor"]
    assert [found.id for found in standing.device.find("Shop", where={"City": "Leeds"})] == [shop]


class Streams:
    """What each stream of events says, one after the other; the paths that were asked for."""

    def __init__(self, lab: Lab, *said: list[tuple[str, bytes]]) -> None:
        self.said, self.asked, self._lab = list(said), [], lab  # type: ignore[var-annotated]

    def __call__(self, path: str, _headers: object, heard: Heard, _stop: threading.Event) -> None:
        self.asked.append(path.removeprefix(EVENTS_PATH))
        for name, data in self.said.pop(0):
            heard(name, data)
            if name == PAGE_EVENT:
                self._lab.device.step()
                self._lab.device._engine.taken.set()


def listening(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, *said: list[tuple[str, bytes]]
) -> tuple[Callable[[], bool], Streams]:
    streams = Streams(lab, *said)
    monkeypatch.setattr(lab.script, "events", streams)
    return Listener(lab.device._engine, threading.Event()).hear, streams


def test_each_request_shows_where_the_device_stands_by_then(standing: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = (OPEN_EVENT, b"{}")
    first = msgspec.json.encode(page_of(standing, "cursor2", "Leeds")[0])
    hear, streams = listening(standing, monkeypatch, [opened, (PAGE_EVENT, first)], [opened])
    assert hear()
    assert standing.device.count("Shop", {"City": "Leeds"}) == 1
    assert not hear(), "a stream that ends without an answer was cut"
    assert streams.asked == ["?cursor=cursor&looked=true", "?cursor=cursor2"]
    assert feeds(standing) == []


def test_who_does_not_move_on_asks_by_himself_in_his_own_time(standing: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page he cannot take would come again and again at once."""
    opened, there = (OPEN_EVENT, b"{}"), (PAGE_EVENT, b"")
    standing.script.always["feed"] = FeedPage("cursor")
    hear, streams = listening(standing, monkeypatch, [opened, there], [opened], [(NEWS_EVENT, b"{}")])
    assert hear()
    assert len(feeds(standing)) == 1
    assert not hear()
    assert streams.asked == ["?cursor=cursor&looked=true"] * 2
    assert standing.device._engine.news, "what came while nobody listened is looked for"
    standing.device._engine.news = False
    assert not hear()
    assert standing.device._engine.news, "a server that only tells is asked"
