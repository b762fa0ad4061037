"""Who is woken by what: the device that sent a save has it already."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from fieldsync.server.http.wake import Hub, Waiting
from fieldsync.server.postgres.listen import news_for


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
