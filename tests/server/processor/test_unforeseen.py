"""A save that always ends in an error of the server's own: it holds nobody up; a fault of all blames no save (L7)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.server.lab import Lab, Phone, update
from tests.server.processor.test_acts import do, journaled, statuses, told
from tests.server.processor.test_deferred import run_jobs
from tests.server.processor.test_locked import two_shops
from tests.server.processor.test_too_long import run_out_of_tries

from fieldsync.base.problems import Code
from fieldsync.protocol.upload import Accepted, Rejected, Saved
from fieldsync.server.processor.locked import Unforeseen
from fieldsync.server.processor.states import Act, Status
from fieldsync.server.save import write


@contextmanager
def broken_for(value: str | None) -> Iterator[None]:
    """The server has a bug that meets every save of this city; None: every save."""
    right = write.write

    async def wrong(org: Any, database: Any, wave: Any) -> Any:
        if value is None or any(edit.new and edit.new.get("City") == value for edit in wave.edits):
            raise ZeroDivisionError("a bug")
        return await right(org, database, wave)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "write", wrong)
        yield


def test_it_is_kept_tried_again_and_then_failed_while_the_rest_goes_on(lab: Lab, sarah: Phone) -> None:
    odd, free = two_shops(lab)
    first = sarah.save(update("Shop", odd, City=(None, "odd")))
    with broken_for("odd"):
        with pytest.raises(Unforeseen):
            sarah.upload(first)
        batch = [
            first,
            sarah.save(update("Shop", odd, Name=("a", "A"), after=1)),
            sarah.save(update("Shop", free, City=(None, "Bath"))),
            sarah.save(update("Shop", free, City=("Bath", "Hull"), after=3)),
        ]
        outcomes = [result.outcome for result in sarah.upload(*batch).results]
        assert outcomes[0] == Accepted(1, 1)
        rest = [result.outcome for result in sarah.upload(*batch[len(outcomes) :]).results]
        assert [*outcomes, *rest] == [Accepted(1, 1), Accepted(1, 1), Saved(), Saved()]
        run_out_of_tries(lab, sarah)
        assert statuses(lab) == {1: "Failed", 2: "Waiting", 3: "Success", 4: "Success"}
        refused = told(sarah)[1].outcome
        assert isinstance(refused, Rejected)
        assert [one.code for one in refused.problems] == [Code.TRIGGER]
    assert do(lab, journaled(lab)[1][0], Act.RETRY) is Status.SUCCESS
    run_jobs(lab, sarah)
    assert set(statuses(lab).values()) == {"Success"}


def test_one_behind_others_is_found(lab: Lab, sarah: Phone) -> None:
    odd, free = two_shops(lab)
    batch = [sarah.save(update("Shop", free, City=(before, f"c{i}"), after=i or None)) for i, before in cities(5)]
    batch.append(sarah.save(update("Shop", odd, City=(None, "odd"))))
    batch.append(sarah.save(update("Shop", free, City=("c4", "end"), after=5)))
    with broken_for("odd"):
        left = batch
        for _ in batch:
            left = left[len(sarah.upload(*left).results) :] if left else left
    assert statuses(lab) == {**dict.fromkeys((1, 2, 3, 4, 5, 7), "Success"), 6: "Retry"}


def cities(count: int) -> Iterator[tuple[int, str | None]]:
    return ((i, f"c{i - 1}" if i else None) for i in range(count))


def test_where_nothing_goes_through_no_save_is_blamed(lab: Lab, sarah: Phone) -> None:
    one, other = two_shops(lab)
    batch = [sarah.save(update("Shop", shop, City=(None, "Bath"))) for shop in (one, other)]
    with broken_for(None), pytest.raises(Unforeseen):
        sarah.upload(*batch)
    assert statuses(lab) == {}
    assert [result.outcome for result in sarah.upload(*batch).results] == [Saved(), Saved()]
