"""Sending again changes nothing (law L2): days of mixed work whose uploads are lost and doubled end as the day on a
perfect network does: rows, journal, feed, queue, errors, roll-ups.

`FIELDSYNC_REPLAY_SEEDS=200` tries more days than `make test` does.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from tests.scenarios.replay.ending import Ending
from tests.scenarios.replay.running import SEEDS, Shops
from tests.scenarios.replay.script import drain
from tests.scenarios.replay.wires import Harm, always, each_once, only

from fieldsync.base import limits
from fieldsync.base.problems import Refused
from fieldsync.device import Device, State


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_ends_the_same_whatever_happened_to_its_uploads(
    shops: Shops, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "QUEUE_TRANSACTIONS_PER_REQUEST_MAX", (500, 2)[seed % 2])
    calm, uploads = shops.worked(seed)
    assert calm.queue == []
    assert len(calm.journal) > 8
    for at in range(uploads):
        assert shops.worked(seed, only(Harm.REPLY_LOST, at)) == (calm, uploads + 1), f"the reply to upload {at} lost"
    for harms in (each_once(Harm.REPLY_LOST), each_once(Harm.REQUEST_LOST)):
        assert shops.worked(seed, harms) == (calm, 2 * uploads)
    for harm in (Harm.TWICE, Harm.FIRST_COUNTS, Harm.AT_ONCE):
        assert shops.worked(seed, always(harm)) == (calm, uploads), harm


@pytest.mark.parametrize("seed", SEEDS)
def test_saves_made_while_a_reply_is_missing_are_neither_lost_nor_mixed_up(shops: Shops, seed: int) -> None:
    calm, _ = shops.worked(seed)
    day, _ = shops.day(seed, each_once(Harm.REPLY_LOST))
    day.upload = lambda: send_once(day.device)
    day.work()
    drain(day.device)
    rough = shops.ended(day)
    assert (rough.rows, rough.held, rough.queue) == (calm.rows, calm.held, [])
    assert refusals(rough) == refusals(calm)


def send_once(device: Device) -> None:
    """One try; the day goes on whether or not an answer came."""
    device.go_online()
    with suppress(Refused):
        device.step()


def refusals(end: Ending) -> list[object]:
    """What was refused and why. How many saves wait behind that depends on when the device knew of it."""
    return [(error[1], error[3]) for error in end.errors if error[1] is State.FAILED]
