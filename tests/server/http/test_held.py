"""A feed request that waits: answered once, with what the feed says behind the cursor that was shown, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import msgspec
import pytest
from tests.server.http.running import running_server
from tests.server.lab import START, Lab, Phone, create

from fieldsync.protocol.events import PAGE_BYTES_MAX
from fieldsync.protocol.feed import FeedPage
from fieldsync.server.postgres.work import transaction
from fieldsync.server.sync.session import close

OPEN, NEWS = ("open", "{}"), ("news", "{}")


class Two:
    """A person's phone that saves, and her pad that listens over HTTP."""

    def __init__(self, lab: Lab, http: httpx.Client) -> None:
        lab.person("sarah")
        self.phone, self.pad, self._http = lab.phone("sarah", "iphone"), lab.phone("sarah", "ipad"), http
        self.pad.download()

    def save(self, name: str = "Corner") -> str:
        made = self.phone.new_id("Shop")
        self.phone.upload(self.phone.save(create("Shop", made, Name=name)))
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


@pytest.fixture
def two(lab: Lab) -> Iterator[Two]:
    """In real time, as the server process lives in it."""
    lab.clock.jump((datetime.now(UTC) - START).total_seconds())
    with running_server(lab.uri) as (address, _), httpx.Client(base_url=address, timeout=60) as http:
        yield Two(lab, http)


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
