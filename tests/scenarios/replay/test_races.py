"""Two devices upload at the same time: the end is that of one of the two orders, each request whole before the other.

Of one person they wait for his head row, of two for the rows that both change. Requests are lost and doubled too.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from tests.scenarios.replay.running import SEEDS, Shops
from tests.scenarios.replay.script import Day, drain
from tests.scenarios.replay.wires import Harm, always, each_once

Send = Callable[[Day, Day], None]


def calm(_: int) -> None:
    """Nothing happens to a request."""


def first_then_second(first: Day, second: Day) -> None:
    drain(first.device)
    drain(second.device)


def second_then_first(first: Day, second: Day) -> None:
    first_then_second(second, first)


def both_at_once(first: Day, second: Day) -> None:
    ready = Barrier(2)

    def send(day: Day) -> None:
        ready.wait()
        drain(day.device)

    with ThreadPoolExecutor(2) as threads:
        for sent in [threads.submit(send, day) for day in (first, second)]:
            sent.result()


def ended(shops: Shops, seed: int, send: Send, harm: Callable[[int], Harm | None], *, people: int) -> Any:
    """Both work offline on what both have and on what they make, and then send: everything that is left at the end."""
    days = shops.two_days(seed, harm, people=people)
    for day, value in zip(days, ("one", "two"), strict=True):
        with day.device.edit() as edit:
            edit.update("Shop", day.ids["Shop 0"], {"City": value})
        with day.device.edit() as edit:
            edit.update("Visit", day.ids["Visit 0"], {"Notes": value})
            line = edit.create("Visit_Line", {"VisitId": day.ids["Visit 0"], "Product": value})
        day.ids[f"Visit_Line {day.sign}0"] = line
        day.work()
    send(*days)
    return shops.both_ended(*days)


@pytest.mark.parametrize("people", [1, 2], ids=["of_one_person", "of_two_people"])
@pytest.mark.parametrize("seed", SEEDS)
def test_two_devices_at_once_end_as_one_after_the_other(shops: Shops, seed: int, people: int) -> None:
    orders = [ended(shops, seed, send, calm, people=people) for send in (first_then_second, second_then_first)]
    assert orders[0] != orders[1], "the days do not meet"
    for harms in (calm, calm, always(Harm.AT_ONCE), each_once(Harm.REPLY_LOST)):
        assert ended(shops, seed, both_at_once, harms, people=people) in orders
