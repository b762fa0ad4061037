"""How long the feed keeps, how often it is asked, and what it says of itself (FEATURES C07, C08, C10, C14)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from tests.server.http.running import running_server
from tests.server.lab import PASSWORD, Lab, Phone, create

from fieldsync.base.problems import Code, Refused
from fieldsync.server.org.upkeep import keep_up
from fieldsync.server.oversight.feeds import FeedLength, feeds
from fieldsync.server.postgres.work import snapshot

HOUR, DAY = 3_600, 86_400


@pytest.fixture
def sarah(lab: Lab) -> Phone:
    lab.person("sarah")
    return lab.phone("sarah")


def device_behind(lab: Lab) -> Phone:
    """A device of Sarah's that has read nothing since its first download."""
    phone = lab.phone("sarah", f"behind {lab.clock.now()}")
    phone.download()
    return phone


def later(lab: Lab, seconds: float) -> None:
    lab.clock.advance(seconds)
    keep_up(lab.uri, "small", lab.world)


def brought(phone: Phone) -> list[str]:
    phone.renew()
    return [family.root.id for family in phone.feed().families]


def refused(phone: Phone) -> Code:
    phone.renew()
    with pytest.raises(Refused) as found:
        phone.feed()
    return found.value.problem.code


def test_an_entry_is_delivered_for_seven_days_and_gone_an_hour_later(lab: Lab, sarah: Phone) -> None:
    early, late = device_behind(lab), device_behind(lab)
    shop = sarah.new_id("Shop")
    sarah.outcome(create("Shop", shop, Name="x"))
    later(lab, 7 * DAY)
    assert brought(early) == [shop]
    later(lab, HOUR)
    assert refused(late) is Code.INCREMENTAL_REQUIRED
    late.download()
    assert brought(late) == []


@pytest.mark.parametrize("days", [1, 30])
def test_a_setting_says_how_long(lab: Lab, sarah: Phone, days: int) -> None:
    lab.rows("Sync_Setting", {"Name": "f", "Setting": "Feed_Days", "Value": str(days)})
    early, late = device_behind(lab), device_behind(lab)
    shop = sarah.new_id("Shop")
    sarah.outcome(create("Shop", shop, Name="x"))
    later(lab, days * DAY)
    assert brought(early) == [shop]
    later(lab, HOUR)
    assert refused(late) is Code.INCREMENTAL_REQUIRED


def test_a_setting_of_a_profile_counts_for_its_people(lab: Lab, sarah: Phone) -> None:
    [(rep,)] = lab.query("""SELECT "Id" FROM "Profile" WHERE "Name" = 'Rep'""")
    lab.rows("Sync_Setting", {"Name": "f", "Setting": "Feed_Days", "Value": "1"})
    lab.rows("Sync_Setting", {"Name": "f", "Setting": "Feed_Days", "Value": "20", "ProfileId": rep})
    behind = device_behind(lab)
    shop = sarah.new_id("Shop")
    sarah.outcome(create("Shop", shop, Name="x"))
    later(lab, 19 * DAY)
    assert brought(behind) == [shop]


def test_what_is_younger_stays_when_what_is_older_goes(lab: Lab, sarah: Phone) -> None:
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="old"))
    middle = device_behind(lab)
    later(lab, 3 * DAY)
    shop = sarah.new_id("Shop")
    sarah.renew()
    sarah.outcome(create("Shop", shop, Name="young"))
    later(lab, 5 * DAY)
    assert brought(middle) == [shop]


def test_a_server_that_kept_nothing_up_loses_no_news(lab: Lab, sarah: Phone) -> None:
    """The part of the log is gone and no floor was moved: the device is told, instead of going on behind the gap."""
    behind = device_behind(lab)
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="gone"))
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="there"))
    lab.query("DELETE FROM _change WHERE feed_position = 1 RETURNING 1")
    assert refused(behind) is Code.INCREMENTAL_REQUIRED


@pytest.mark.usefixtures("patient")
def test_a_save_that_comes_while_floors_are_moved_is_not_lost(lab: Lab, sarah: Phone) -> None:
    """Upkeep has seen the feed and waits for the head row; the save that holds it commits first."""
    behind = device_behind(lab)
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="old"))
    lab.clock.advance(8 * DAY)
    sarah.renew()
    behind.renew()
    shop = sarah.new_id("Shop")

    async def both() -> None:
        org = lab.org
        async with org.pool.connection() as connection:
            await connection.execute("SELECT FROM _user_head FOR UPDATE")
            keeping = asyncio.create_task(asyncio.to_thread(keep_up, lab.uri, "small", lab.world))
            saving = asyncio.create_task(sarah.send(sarah.save(create("Shop", shop, Name="young"))))
            await asyncio.sleep(0.3)
            await connection.rollback()
            await asyncio.gather(keeping, saving)

    lab.run(both())
    [(position, floor)] = lab.query("SELECT position, floor FROM _user_head WHERE position > 0")
    assert (position, floor) == (2, 1)


def test_each_answer_says_when_to_ask_again_and_a_setting_says_what(lab: Lab, sarah: Phone) -> None:
    sarah.download()
    assert sarah.feed().poll_seconds == 30.0
    lab.rows("Sync_Setting", {"Name": "p", "Setting": "Poll_Seconds", "Value": "90"})
    assert sarah.feed().poll_seconds == 90.0
    other = lab.phone("sarah", "iphone")
    other.outcome(create("Shop", other.new_id("Shop"), Name="x"))
    page = sarah.feed()
    assert (len(page.families), page.poll_seconds) == (1, 90.0)
    assert lab.phone("sarah", "third").session.settings.poll_seconds == 90.0


def test_feeds_are_told_by_length_and_age(lab: Lab, sarah: Phone) -> None:
    lab.person("tom")
    tom = lab.phone("tom")
    for phone, count in ((sarah, 2), (tom, 3)):
        for _ in range(count):
            phone.outcome(create("Shop", phone.new_id("Shop"), Name="x"))
            lab.clock.advance(60)

    async def ask() -> object:
        async with snapshot(lab.org.pool) as database:
            return await feeds(lab.org, database)

    started = lab.clock.now() - timedelta(seconds=300)
    found = lab.run(ask())
    of_tom, of_sarah = found.longest  # type: ignore[attr-defined]
    assert (found.people, found.entries) == (2, 5)  # type: ignore[attr-defined]
    assert (of_tom.user, of_tom.length) == ("tom@small.example", 3)
    assert isinstance(of_sarah, FeedLength)
    assert of_sarah.oldest_at == started.isoformat(timespec="seconds")
    later(lab, 8 * DAY)
    assert lab.run(ask()).people == 0  # type: ignore[attr-defined]


def test_the_console_shows_what_waits_for_devices(lab: Lab, sarah: Phone) -> None:
    """FEATURES C14, as an admin sees it."""
    for _ in range(3):
        sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x"))
    with running_server(lab.uri) as (address, _), httpx.Client(base_url=address, follow_redirects=True) as browser:
        form = {"org": "small", "username": "admin@small.example", "password": PASSWORD}
        browser.post("/console/enter", data=form, headers={"origin": address})
        page = browser.get("/console/devices").text
    assert "3 of 1 people" in page
    assert 'data-label="Entries">3<' in page
