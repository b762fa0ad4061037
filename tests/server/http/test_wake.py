"""Who is woken by what: the device that sent a save has it already."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
from tests.server.postgres.box import statement

from fieldsync.server.http.app import create_app
from fieldsync.server.http.wake.hub import SAID_MAX, Hub, Waiting
from fieldsync.server.postgres.listen import CHANNEL, Named, news_for
from fieldsync.server.postgres.stored_catalog import CATALOG_CHANNEL
from fieldsync.server.postgres.work import Question
from fieldsync.server.postgres.work.foreseen import Foreseen

if TYPE_CHECKING:
    from tests.server.lab import Lab


def woken_by(payload: str) -> list[str]:
    async def run() -> list[str]:
        hub = Hub()
        async with AsyncExitStack() as stack:
            streams = {
                f"{user} {device}": await stack.enter_async_context(hub.waiting("org_a", user, device))
                for user, device in (("sarah", "ipad"), ("sarah", "phone"), ("sarah", None), ("tom", "ipad"))
            }
            hub.wake(payload)
            found = [name for name, event in streams.items() if event.is_set()]
        assert hub.streams == 0
        return found

    return asyncio.run(run())


def test_a_save_wakes_the_other_devices_of_its_person() -> None:
    assert woken_by(news_for("org_a", "sarah", "ipad")) == ["sarah phone", "sarah None"]


def test_news_that_come_from_no_device_wake_all_of_a_person() -> None:
    assert woken_by(news_for("org_a", "sarah")) == ["sarah ipad", "sarah phone", "sarah None"]
    assert woken_by(news_for("org_b", "sarah")) == []


def test_what_was_told_here_is_not_told_again_by_its_notification_and_other_words_are() -> None:
    first, second = (news_for("org_a", "sarah", "ipad", position) for position in (7, 8))
    shop = Named("Shop", ("1",))

    async def run() -> None:
        hub = Hub()
        async with hub.waiting("org_a", "sarah", "phone") as phone:
            for speak, backend, payload in (
                (hub.tell, 20, first),
                (hub.hear, 20, first),
                (hub.hear, 20, first),
                (hub.hear, 21, second),
                (hub.hear, 20, ""),
                (hub.tell, 20, news_for("org_a", "sarah", "ipad", 9, shop)),
            ):
                speak(backend, payload)
                said.append(phone.is_set() and await phone.news_within(5))
            named = [phone.named]
            hub.tell(21, first)
            hub.tell(20, news_for("org_a", "sarah", "ipad", 10, shop))
            named.append(phone.named)
        assert named == [shop, None], "of one alone it is known what it is of"

    said: list[bool] = []
    asyncio.run(run())
    assert said == [True, False, True, True, True, True]


def test_a_notification_that_comes_before_the_word_of_its_own_process_is_the_only_one() -> None:
    """They come within a millisecond: a second wake-up would hide what the news are of."""
    shop, news = Named("Shop", ("1",)), news_for("org_a", "sarah", "ipad", 7, Named("Shop", ("1",)))

    async def run() -> None:
        hub = Hub()
        async with hub.waiting("org_a", "sarah", "phone") as phone:
            hub.hear(20, news)
            hub.tell(20, news)
            assert (await phone.news_within(5), phone.named) == (True, shop)
            assert not phone.is_set()

    asyncio.run(run())


class Paged:
    """A page that asks one thing."""

    def questions(self, named: Named, at: datetime) -> list[Question]:
        return [(statement("SELECT 1"), {"of": named.ids, "at": at})]

    async def read(self, *, woken: bool, named: Named | None = None, behind: Foreseen | None = None) -> bytes | None:
        raise NotImplementedError


def test_who_waits_for_a_page_is_told_by_the_process_that_asked_for_it_and_by_nobody_before() -> None:
    shop, at = Named("Shop", ("1",)), datetime.now(UTC)
    news, unnamed = news_for("org_a", "sarah", "ipad", 7, shop), news_for("org_a", "sarah", "ipad", 8)

    async def run() -> None:
        hub = Hub()
        async with (
            hub.waiting("org_a", "sarah", "phone", Paged()) as phone,
            hub.waiting("org_a", "sarah", "ipad", Paged()),
        ):
            assert [given["of"] for _, given in hub.asked(20, news, at)] == [("1",)], "not the device it came from"
            hub.hear(20, news)
            assert not phone.is_set(), "the answers are on their way"
            behind = Foreseen(at, [])
            hub.tell(20, news, behind)
            assert (await phone.news_within(5), phone.named, phone.behind) == (True, shop, behind)
            assert list(hub.asked(20, unnamed, at)) == [], "what they are of is not known"
            hub.hear(20, unnamed)
            assert phone.is_set()
            assert list(hub.asked(20, news_for("org_a", "sarah", "ipad", 9, shop), at)) == [], "it reads already"

    asyncio.run(run())


def test_what_is_kept_of_what_was_told_has_an_end() -> None:
    hub = Hub()
    for position in range(3_000):
        hub.tell(20, news_for("org_a", "sarah", "ipad", position))
        hub.hear(30, news_for("org_a", "sarah", "ipad", position))
    assert len(hub._told) == len(hub._heard) == SAID_MAX


def test_a_stream_hears_news_at_once_those_that_came_before_too_and_else_that_time_is_up() -> None:
    async def run() -> list[bool]:
        stream = Waiting()
        stream.set()
        stream.set()
        found = [await stream.news_within(5), await stream.news_within(0.01)]
        asyncio.get_running_loop().call_later(0.01, stream.set)
        return [*found, await stream.news_within(5), await stream.news_within(0.01)]

    assert asyncio.run(run()) == [True, False, True, False]


def test_everybody_looks_where_notifications_may_have_been_missed() -> None:
    assert len(woken_by("")) == 4


END_WHO_WAITS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def test_a_server_whose_connection_ends_while_it_takes_up_a_deploy_takes_it_up_and_goes_on_to_wake(lab: Lab) -> None:
    schema = lab.org.schema

    async def run() -> None:
        app = create_app(lab.uri, lab.world, jobs=False)
        async with app.lifespan(), await psycopg.AsyncConnection.connect(lab.uri, autocommit=True) as admin:
            served = app.state["served"]
            first = served.orgs["small"]
            await until(lambda: served.orgs["small"] is not first)  # it looks once when it begins to listen
            before = served.orgs["small"]
            async with await psycopg.AsyncConnection.connect(lab.uri) as holder:
                await holder.execute(f'LOCK TABLE "{schema}"."RecordType" IN ACCESS EXCLUSIVE MODE')
                await admin.execute("SELECT pg_notify(%s, %s)", (CATALOG_CHANNEL, schema))
                while not (await (await admin.execute(END_WHO_WAITS)).fetchall()):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await until(lambda: served.orgs["small"] is not before)
            async with served.hub.waiting(schema, "sarah", "ipad") as waiting:
                await admin.execute("SELECT pg_notify(%s, %s)", (CHANNEL, news_for(schema, "sarah")))
                await until(waiting.is_set)

    asyncio.run(run())


async def until(true: Callable[[], bool]) -> None:
    """Wait for it. Raises TimeoutError."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
