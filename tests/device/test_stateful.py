"""Any order of saves, lost and doubled uploads, refusals, undo, open pages and restarts keeps every save (L1, L2).

A state machine over a real device and a server that keeps receipts: 5,000 steps in every run of the tests; for the page
of the proofs `python -m tests.device.test_stateful RUNS`, of 50 steps at most each.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from tests.device.lab import Lab, rejected

from fieldsync.base.ids import RecordId
from fieldsync.base.world import SystemClock
from fieldsync.device import Unreachable
from fieldsync.protocol.upload import Result, Saved, UploadRequest, UploadResponse, decode_items
from fieldsync.sim.disk import StoreError
from fieldsync.sim.planted.catch import BUGS
from fieldsync.sim.planted.patching import planting
from fieldsync.sim.proof.numbers import NUMBERS, Steps, keep

EXAMPLES, STEPS = 130, 50
SHOPS = 3
BAD = "refused"
MEMORY = Path("/dev/shm")


class Receipts:
    """A server: new transactions take effect once, whatever arrives again gets the same answer."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.results: dict[str, Result] = {}
        self.applied: list[int] = []
        self.stamp = 100
        self.mode = "answered"

    def write(self, object_name: str, record_id: str, values: dict[str, Any]) -> None:
        self.stamp += 1
        row = self.rows.setdefault((object_name, record_id), {"Id": record_id})
        row.update(values, _stamp=self.stamp)

    def answer(self, body: bytes) -> UploadResponse:
        if self.mode == "request lost":
            raise Unreachable("the request was lost")
        request = msgspec.json.decode(body, type=UploadRequest)
        touched: dict[str, dict[str, dict[str, Any]]] = {}
        for transaction in request.transactions:
            items = decode_items(transaction.items)
            refs = tuple((item.object, item.id) for item in items)
            if transaction.id not in self.results:
                bad = any(change.new == BAD for item in items for change in item.changes.values())
                outcome = rejected() if bad else Saved()
                self.results[transaction.id] = Result(transaction.n, transaction.id, outcome, refs)  # type: ignore[arg-type]
                for item in () if bad else items:
                    self.write(item.object, item.id, {c: x.new for c, x in item.changes.items()})
                self.applied += [] if bad else [transaction.n]
            for name, record in refs:
                if (name, record) in self.rows:
                    touched.setdefault(name, {})[record] = self.rows[name, record]
        if self.mode == "answer lost":
            raise Unreachable("the answer was lost")
        blocks = tuple(self._lab.block(name, *found.values()) for name, found in touched.items())
        return UploadResponse(tuple(self.results[t.id] for t in request.transactions), blocks)


class Person(RuleBasedStateMachine):
    """One device, its person and its network."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.lab = Lab(self.folder / "device")
        self.server = Receipts(self.lab)
        self.shops = [self.lab.server_id("Shop", n) for n in range(SHOPS)]
        for shop in self.shops:
            self.server.write("Shop", shop, {"Name": "One", "City": "first"})
        self.lab.download(self.lab.block("Shop", *(self.server.rows["Shop", shop] for shop in self.shops)))
        self.lab.script.always["upload"] = self.server.answer
        self.promised: set[int] = set()
        self.blocked: dict[RecordId, int] = {}
        self.marks = 0
        self.view: Any = None

    def teardown(self) -> None:
        self.server.mode = "answered"
        for _ in range(20):
            self.lab.clock.advance(700)
            self.lab.device.step()
        assert self.lab.device.queue() == []
        for shop in self.shops:
            shown = self.lab.device.get("Shop", shop)
            assert shown is not None
            if shop not in self.blocked and self.view is None:
                assert shown.values["City"] == self.server.rows["Shop", shop]["City"]
        self.lab.device.close()
        shutil.rmtree(self.folder)

    @rule(shop=st.integers(0, SHOPS - 1), bad=st.sampled_from([False, False, False, True]))
    def edit(self, shop: int, *, bad: bool) -> None:
        record = self.shops[shop]
        if record in self.blocked:
            return
        self.marks += 1
        with self.lab.device.edit() as edit:
            edit.update("Shop", record, {"City": BAD if bad else f"mark {self.marks}"})
        self.promised |= set(edit.queue_numbers)
        if bad and edit.queue_numbers:
            self.blocked[record] = edit.queue_numbers[-1]

    @rule(shop=st.integers(0, SHOPS - 1), lines=st.integers(0, 2))
    def visit(self, shop: int, lines: int) -> None:
        with self.lab.device.edit() as edit:
            visit = edit.create("Visit", {"ShopId": self.shops[shop], "Notes": str(lines)})
            for _ in range(lines):
                edit.create("Visit_Line", {"VisitId": visit})
        self.promised |= set(edit.queue_numbers)

    @rule(mode=st.sampled_from(["answered", "answered", "request lost", "answer lost"]), times=st.integers(1, 3))
    def network(self, mode: str, times: int) -> None:
        self.server.mode = mode
        for _ in range(times):
            self.lab.clock.advance(700)
            self.lab.device.step()

    @rule()
    def restart(self) -> None:
        self.view = None
        self.lab.reopen()

    @precondition(lambda self: self.lab.device.errors())
    @rule()
    def undo(self) -> None:
        entry = self.lab.device.errors()[0]
        self.lab.device.undo(entry.n)
        self.blocked.pop(entry.record_id, None)

    @precondition(lambda self: self.view is None)
    @rule(shop=st.integers(0, SHOPS - 1))
    def open_page(self, shop: int) -> None:
        self.view = self.lab.device.view("Shop", self.shops[shop])
        self.view.__enter__()

    @precondition(lambda self: self.view is not None)
    @rule()
    def leave_page(self) -> None:
        self.view.__exit__(None, None, None)
        self.view = None

    @invariant()
    def every_save_is_somewhere_once(self) -> None:
        type(self).steps += 1
        device = self.lab.device
        kept = {entry.n for entry in (*device.queue(), *device.errors())} | set(device.undone())
        assert self.promised <= kept | set(self.server.applied)
        assert len(self.server.applied) == len(set(self.server.applied))

    @invariant()
    def what_waits_is_shown_and_families_are_whole(self) -> None:
        device = self.lab.device
        for shop, n in self.blocked.items():
            shown = device.get("Shop", shop)
            assert shown is not None
            assert shown.values["City"] == BAD, f"save {n}"
        for record in device.find("Visit", limit=1_000):
            assert device.count("Visit_Line", where={"VisitId": record.id}) == int(str(record.values["Notes"]))


def run_machine(examples: int) -> None:
    run_state_machine_as_test(
        Person,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def prove(examples: int) -> None:
    """So many runs; how many steps they had is kept with the other numbers of the proofs."""
    Person.steps, clock = 0, SystemClock()
    began = clock.steady()
    run_machine(examples)
    keep(Path(NUMBERS), machine=Steps(examples, Person.steps, round(clock.steady() - began, 1)))


def test_any_order_of_what_may_happen_keeps_every_save() -> None:
    Person.steps = 0
    run_machine(EXAMPLES)
    assert Person.steps >= 5_000


@pytest.mark.parametrize("bug", ["a refusal counts as done", "queue numbers begin again"])
def test_a_planted_bug_is_caught(bug: str) -> None:
    with planting(BUGS[bug]), pytest.raises((AssertionError, ExceptionGroup, StoreError)):
        run_machine(30)


if __name__ == "__main__":
    prove(int(sys.argv[1]))
