"""Hourly upkeep: the feed keeps seven days, incomplete saves do not pile up, the change log always has a place."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab, create

from fieldsync.base.problems import Code, Refused
from fieldsync.server.org.upkeep import keep_up

DAY = 86_400


def test_the_feed_delivers_at_six_days_and_needs_an_incremental_at_eight(lab: Lab) -> None:
    """FEATURES C07."""
    lab.person("sarah")
    ipad, iphone = lab.phone("sarah"), lab.phone("sarah", "iphone")
    late = lab.phone("sarah", "windows")
    for phone in (iphone, late):
        phone.download()
    shop = ipad.new_id("Shop")
    ipad.outcome(create("Shop", shop, Name="x"))
    lab.clock.advance(6 * DAY)
    keep_up(lab.uri, "small", lab.world)
    iphone.renew()
    assert [family.root.id for family in iphone.feed().families] == [shop]
    lab.clock.advance(2 * DAY)
    keep_up(lab.uri, "small", lab.world)
    late.renew()
    with pytest.raises(Refused) as refused:
        late.feed()
    assert refused.value.problem.code is Code.INCREMENTAL_REQUIRED
    late.download()
    assert late.feed().families == ()


def test_the_change_log_has_a_part_for_every_day_to_come(lab: Lab) -> None:
    lab.clock.advance(30 * DAY)
    keep_up(lab.uri, "small", lab.world)
    lab.rows("Shop", {"Name": "x"})
    [(part,)] = lab.query("SELECT DISTINCT tableoid::regclass::text FROM _change WHERE object = 'Shop'")
    assert part == "_change_20260401"


def test_what_decides_a_download_is_known_as_long_as_changes_are(lab: Lab) -> None:
    lab.person("sarah")
    phone = lab.phone("sarah")
    phone.download()
    for days, kept in ((40, 1), (40, 1), (80, 0)):
        lab.clock.advance(days * DAY)
        keep_up(lab.uri, "small", lab.world)
        assert lab.query("SELECT count(*) FROM _recipe") == [(kept,)]
        if kept:
            phone.renew()
            phone.download()
