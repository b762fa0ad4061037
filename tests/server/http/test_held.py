"""A feed request that waits: answered once, with what the feed says behind the cursor that was shown, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from threading import Event

import httpx
import msgspec
import pytest
from tests.ports import free_port
from tests.server.http.running import running_server, served_here
from tests.server.lab import START, Lab, Phone, create

from fieldsync.base.world import system_world
from fieldsync.protocol.events import PAGE_BYTES_MAX
from fieldsync.protocol.feed import FeedPage
from fieldsync.protocol.upload import UploadRequest
from fieldsync.server.http.app import create_app
from fieldsync.server.http.wake.page import NextPage
from fieldsync.server.postgres.work import Connection, transaction
from fieldsync.server.postgres.work.trip import Answer, Step
from fieldsync.server.sync.session import close

OPEN, NEWS = ("open", "{}"), ("news", "{}")


class Two:
    """A person's phone that saves, and her pad that listens over HTTP. `beside`: another process does what is saved."""

    def __init__(self, lab: Lab, http: httpx.Client, *, beside: bool) -> None:
        lab.person("sarah")
        self._beside = beside
        self.phone, self.pad, self._http = lab.phone("sarah", "iphone"), lab.phone("sarah", "ipad"), http
        self.pad.download()

    def save(self, name: str = "Corner") -> str:
        made = self.phone.new_id("Shop")
        saved = self.phone.save(create("Shop", made, Name=name))
        if self._beside:
            self.phone.upload(saved)
        else:
            asked = msgspec.json.encode(UploadRequest(self.phone.number, 0, (saved,)))
            told = {"authorization": f"Bearer {self.phone.token}"}
            assert self._http.post("/sync/v1/upload", content=asked, headers=told).status_code == 200
        return made

    def listen(self, cursor: str | None, *, looked: bool = False, by: Phone | None = None) -> Iterator[tuple[str, str]]:
        """Name and data of each event."""
        asked = {} if cursor is None else {"cursor": cursor, "looked": str(looked).lower()}
        told = {"authorization": f"Bearer {(by or self.pad).token}"}
        with self._http.stream("GET", "/sync/v1/events", params=asked, headers=told) as answer:
            assert answer.status_code == 200
            name = ""
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                if line.startswith("data: "):
                    yield name, line.removeprefix("data: ")


@pytest.fixture(params=["saved beside", "saved by the server that is asked"])
def two(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Two]:
    """In real time, as the server process lives in it."""
    lab.clock.jump((datetime.now(UTC) - START).total_seconds())
    with running_server(lab.uri) as (address, _), httpx.Client(base_url=address, timeout=60) as http:
        yield Two(lab, http, beside=request.param == "saved beside")


def page_of(event: tuple[str, str]) -> FeedPage:
    assert event[0] == "page"
    return msgspec.json.decode(event[1], type=FeedPage)


async def ended(lab: Lab, phone: Phone) -> None:
    """The session is signed out of."""
    async with transaction(lab.org.pool) as work:
        await close(lab.org, work, phone.token)


def test_what_was_saved_before_is_answered_at_once_and_what_is_saved_later_when_it_is(two: Two) -> None:
    first = two.save()
    told, page = two.listen(two.pad.cursor)
    assert told == OPEN
    assert [family.root.id for family in page_of(page).families] == [first]
    assert page_of(page) == msgspec.structs.replace(two.pad.feed(), cursor=page_of(page).cursor)

    listening = two.listen(page_of(page).cursor)
    assert next(listening) == OPEN
    second = two.save()
    assert [family.root.id for family in page_of(next(listening)).families] == [second]
    assert next(listening, None) is None, "one request has one answer"


def test_who_looked_by_himself_waits_for_what_comes_then(two: Two) -> None:
    first = two.save()
    listening = two.listen(two.pad.cursor, looked=True)
    assert next(listening) == OPEN
    second = two.save()
    assert {family.root.id for family in page_of(next(listening)).families} == {first, second}


def test_what_the_feed_would_refuse_is_to_be_asked_for_and_so_is_a_long_page(two: Two) -> None:
    assert list(two.listen("made up")) == [OPEN, ("page", "")]
    assert list(two.listen(two.pad.cursor, by=two.phone)) == [OPEN, ("page", "")], "another device's"
    long = tuple(
        two.phone.save(create("Shop", two.phone.new_id("Shop"), Name="long" * 50)) for _ in range(PAGE_BYTES_MAX // 200)
    )
    two.phone.upload(*long)
    assert list(two.listen(two.pad.cursor)) == [OPEN, ("page", "")]


def test_rights_are_those_of_the_moment_of_reading(two: Two, lab: Lab) -> None:
    listening = two.listen(two.pad.cursor)
    assert next(listening) == OPEN
    lab.run(ended(lab, two.pad))
    two.save()
    assert next(listening) == ("page", ""), "whose token ended is told nothing but to come"


def test_without_a_cursor_news_are_only_told(two: Two) -> None:
    listening = two.listen(None)
    assert next(listening) == NEWS
    two.save()
    assert next(listening) == NEWS


def test_what_the_server_itself_saved_is_read_with_the_end_of_the_save(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page costs no trip of its own, and is what a trip of its own brings."""
    lab.clock.jump((datetime.now(UTC) - START).total_seconds())
    app = create_app(lab.uri, system_world(), jobs=False)
    port, trips, counting = free_port(), [0], Event()
    right = Connection.trip

    async def trip(self: Connection, steps: Sequence[Step], behind: Sequence[Step] = ()) -> list[Answer]:
        trips[0] += counting.is_set()
        return await right(self, steps, behind)

    monkeypatch.setattr(Connection, "trip", trip)
    with served_here(app, port), httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
        two = Two(lab, http, beside=False)
        two.save()  # so that both devices are known
        listening = two.listen(two.pad.cursor)
        assert (next(listening)[0], page_of(next(listening)).more) == ("open", False)
        cursor = two.pad.feed().cursor
        listening = two.listen(cursor, looked=True)
        assert next(listening) == OPEN
        counting.set()
        made = two.save()
        page = page_of(next(listening))
        counting.clear()
        assert ([family.root.id for family in page.families], trips[0]) == ([made], 2)
        own = two.pad.feed()
        assert msgspec.structs.replace(page, cursor=own.cursor) == own

        def unforeseeable(*_: object) -> None:
            raise KeyError("a bug")

        monkeypatch.setattr(NextPage, "questions", unforeseeable)
        listening = two.listen(two.pad.cursor, looked=True)
        assert next(listening) == OPEN
        made = two.save()
        assert [family.root.id for family in page_of(next(listening)).families] == [made], (
            "it stops no save and no page"
        )
