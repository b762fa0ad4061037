"""Run as a program: a device is killed, really, at one named point after another; then everything is looked at again.

For each point a child process opens a copy of the prepared device, works until the point is reached for the k-th time,
and dies by SIGKILL. What the child was promised (a save returned) and what the server got stands in plain files beside
the store. The parent opens the store again, lets it finish, and says in JSON what it found wrong. One process of its
own, so that it may fork: it has no threads.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from tests.device.lab import KEY, Lab

from fieldsync.base import faults
from fieldsync.device import Device, Unreachable
from fieldsync.device.sync import download as downloads
from fieldsync.protocol.feed import FamilyImage, FeedPage
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import UploadRequest, UploadResponse, decode_items
from fieldsync.schema.catalog import build, encode
from fieldsync.schema.model import Field, FieldType

KILLED = -signal.SIGKILL


class Ledger:
    """Files that outlive a kill: what saves returned, and every transaction the server applied."""

    def __init__(self, folder: Path) -> None:
        self._promises, self._applied = folder / "promises.txt", folder / "applied.txt"

    def promise(self, n: int) -> None:
        """A save returned with this number."""
        self._append(self._promises, str(n))

    @property
    def promises(self) -> set[int]:
        return {int(line) for line in self._lines(self._promises)}

    def apply(self, n: int, transaction_id: str, content: str) -> None:
        """The server's transaction committed."""
        self._append(self._applied, f"{n} {transaction_id} {content}")

    @property
    def applied(self) -> list[tuple[str, ...]]:
        return [tuple(line.split()) for line in self._lines(self._applied)]

    def _append(self, path: Path, line: str) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, line.encode() + b"\n")
        os.close(descriptor)

    def _lines(self, path: Path) -> list[str]:
        return path.read_text().splitlines() if path.exists() else []


def server(lab: Lab, ledger: Ledger, *, lose_every: int = 0) -> Callable[[bytes], UploadResponse]:
    """Applies what is new, answers the same to a replay, and loses every so many answers."""
    asked = count(1)

    def answer(body: bytes) -> UploadResponse:
        known = {transaction_id: content for _, transaction_id, content in ledger.applied}
        for transaction in msgspec.json.decode(body, type=UploadRequest).transactions:
            if transaction.id not in known:
                ledger.apply(transaction.n, transaction.id, transaction.hash)
            elif known[transaction.id] != transaction.hash:
                ledger.apply(transaction.n, transaction.id, "FORK")
        if lose_every and next(asked) % lose_every == 0:
            raise Unreachable("the answer was lost")
        return lab.saved()(body)

    return answer


def opened(folder: Path, lose_every: int) -> tuple[Lab, Ledger]:
    """The device of this folder with a server that keeps a ledger."""
    lab = object.__new__(Lab)
    made = prepared_world(folder)
    lab.__dict__.update(made.__dict__)
    ledger = Ledger(folder)
    lab.script.always["upload"] = server(lab, ledger, lose_every=lose_every)
    lab.device = Device.open(folder / "device", KEY, world=lab.world, transport=lab.script)
    return lab, ledger


def prepared_world(folder: Path) -> Any:
    """A lab without a device yet."""
    from tests.device.lab import START, Script, catalog

    from fieldsync.base.world import ManualClock, SeededChance, World

    lab = object.__new__(Lab)
    lab.folder, lab.clock = folder / "device", ManualClock(START)
    lab.clock.advance(60)
    lab.world = World(lab.clock, SeededChance(os.urandom(8).hex()))
    lab.script = Script(catalog())
    return lab


def move_catalog(lab: Lab) -> None:
    """The server deploys: the shop has one field more, and one of another type."""
    shop = lab.script.catalog["Shop"].declared
    fields = [f for f in shop.fields if f.name != "Big"]
    more = (Field(name="Big", type=FieldType.TEXT), Field(name="Zip", type=FieldType.TEXT))
    pack = lab.script.catalog.packs[0]
    grown = msgspec.structs.replace(shop, fields=(*fields, *more))
    objects = tuple(grown if o.name == "Shop" else o for o in pack.objects)
    lab.script.catalog = build([msgspec.structs.replace(pack, objects=objects)])
    lab.script.always["catalog"] = encode(lab.script.catalog)


def work(lab: Lab, ledger: Ledger, rounds: int = 3) -> None:
    """Saves, uploads, lost answers, an edit of something in doubt, news of an open record, another data model."""
    shop, visit = lab.server_id("Shop", 1), None
    for round_number in range(rounds):
        with lab.device.edit() as edit:
            edit.update("Shop", shop, {"City": f"{round_number}"})
            visit = edit.create("Visit", {"ShopId": shop, "Notes": f"{round_number}"})
            edit.create("Visit_Line", {"VisitId": visit})
        for n in edit.queue_numbers:
            ledger.promise(n)
        with lab.device.edit() as edit:
            edit.update("Visit", visit, {"Notes": "again"})
        for n in edit.queue_numbers:
            ledger.promise(n)
        with lab.device.view("Shop", shop):
            lab.device.step()
            ref = RecordRef("Shop", shop)
            row = {"Id": shop, "_stamp": 50 + round_number, "Name": "One", "City": "news"}
            if round_number == 1:
                move_catalog(lab)
            page = FeedPage(f"c{round_number}", (FamilyImage(ref, (ref,)),), (lab.block("Shop", row),))
            lab.script.then("feed", page, page)
            lab.device.wake()
            lab.device.step()
        lab.clock.advance(400)
        lab.device.step()


def child(folder: Path, k: int) -> None:
    """Work until the k-th point, and die there."""
    lab, ledger = opened(folder, lose_every=2)
    left = count(1)

    downloads.FEW_BYTES = -1  # staged: the way with more places to die in

    def plan(_: str) -> None:
        if next(left) == k:
            os.kill(os.getpid(), signal.SIGKILL)

    faults.install(plan)
    work(lab, ledger)
    os._exit(0)


def look(folder: Path) -> list[str]:
    """Open again, finish, and say what is wrong."""
    lab, ledger = opened(folder, lose_every=0)
    wrong: list[str] = []
    waiting = {e.n for e in lab.device.queue()}
    there = {int(n) for n, _, _ in ledger.applied}
    wrong += [f"L1: save {n} is nowhere" for n in sorted(ledger.promises - waiting - there)]
    for _ in range(12):
        lab.clock.advance(400)
        lab.device.step()
    if lab.device.queue() or lab.device.errors():
        wrong.append("L7: the queue did not drain")
    ids = [transaction_id for _, transaction_id, _ in ledger.applied]
    numbers = [n for n, _, _ in ledger.applied]
    if len(ids) != len(set(ids)) or len(numbers) != len(set(numbers)):
        wrong.append(f"L2: applied twice: {ledger.applied}")
    uploads = [items for u in lab.script.uploads for t in u.transactions for items in decode_items(t.items)]
    pairs = {
        (r.id, line.id)
        for r in lab.device.find("Visit")
        for line in lab.device.find("Visit_Line", where={"VisitId": r.id})
    }
    if lab.device.count("Visit") != lab.device.count("Visit_Line") or len(pairs) != lab.device.count("Visit"):
        wrong.append(f"L5: part of a family is here ({len(uploads)} items sent again)")
    with lab.device._store.read() as reading:
        if reading.value("SELECT count(*) FROM _base WHERE root NOT IN (SELECT root FROM _lease)"):
            wrong.append("a base image outlived its reason")
        if reading.rows("PRAGMA integrity_check") != [("ok",)]:
            wrong.append("the file is damaged")
    lab.device.close()
    return wrong


def main(folder: Path) -> None:
    """Every point until the work is done without dying."""
    template = folder / "template"
    lab = Lab(template / "device")
    lab.download(lab.block("Shop", {"Id": lab.server_id("Shop", 1), "_stamp": 5, "Name": "One", "City": "a"}))
    lab.device.close()
    found: dict[str, list[str]] = {}
    for k in count(1):
        place = folder / f"k{k}"
        shutil.copytree(template, place)
        pid = os.fork()
        if pid == 0:
            try:
                child(place, k)
            finally:
                os._exit(9)
        _, status = os.waitpid(pid, 0)
        wrong = look(place)
        if wrong:
            found[str(k)] = wrong
        shutil.rmtree(place)
        if not os.WIFSIGNALED(status):
            if os.WEXITSTATUS(status) != 0:
                found[str(k)] = [f"the child failed: {os.WEXITSTATUS(status)}"]
            break
    sys.stdout.write(json.dumps({"points": k - 1, "wrong": found}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
