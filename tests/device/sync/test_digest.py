"""The digest on the device: what is compared when, what a repair may change, and what is told when it does not help."""

from __future__ import annotations

from time import thread_time
from typing import Any

import msgspec
import pytest
from tests.device.lab import Lab
from tests.device.sync.test_fork import FRESH, forked

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.device import SyncReport, Unreachable, WidgetState
from fieldsync.device.status.report import SyncKind
from fieldsync.device.sync.digest.held import compare, held_in, held_rows
from fieldsync.protocol.digest import Digest, ObjectDigest, Repair, Version, bucket_of, sums
from fieldsync.protocol.rows import Gone
from fieldsync.protocol.session import NewNumber

DAY = 86_400


def shop(lab: Lab, number: int, stamp: int = 5, **values: Any) -> dict[str, object]:
    return {"Id": lab.server_id("Shop", number), "_stamp": stamp, "Name": f"S{number:03}", **values}


def asked(lab: Lab) -> list[str]:
    """What the last syncs asked for, checkpoints left out."""
    paths = [path.removeprefix("/sync/v1/") for _, path, _ in lab.script.asked]
    return [path.partition("?")[0] + ("+digest" if "digest=1" in path else "") for path in paths]


def repairs(lab: Lab) -> list[Repair]:
    return [
        msgspec.json.decode(body or b"", type=Repair) for _, path, body in lab.script.asked if path.endswith("/digest")
    ]


def proved(lab: Lab, *answers: list[bytes]) -> SyncReport:
    """`verify` with these answers: the download's, then those of repairs."""
    lab.script.then("download", answers[0])
    lab.script.then("digest", *answers[1:])
    return lab.device.verify()


def tamper(lab: Lab, sql: str, *values: object) -> None:
    with lab.device._store.write() as work:
        work.run(sql, *values)


def test_the_first_download_of_a_day_is_proved_and_so_is_the_one_after_a_fork(lab: Lab) -> None:
    block = lab.block("Shop", shop(lab, 1))
    lab.download(block)
    assert asked(lab)[-1] == "download+digest"
    lab.download(full=False)
    assert asked(lab)[-1] == "download"
    lab.clock.advance(DAY)
    lab.script.then("download", lab.lines(digest=lab.digest(block)))
    assert lab.device.sync().verified
    lab.download(full=False)
    assert asked(lab)[-2:] == ["download+digest", "download"]
    forked(lab)
    lab.script.then("device/number", NewNumber(FRESH))
    lab.device.step()
    lab.upload(lab.saved())
    assert lab.device.widget().state is WidgetState.PENDING, "an old image may hold anything"
    lab.download(full=False)
    assert asked(lab)[-1] == "download+digest"


def test_what_differs_is_named_and_repaired_and_nothing_else_is_told(lab: Lab) -> None:
    shops = [shop(lab, n) for n in range(40)]
    right = lab.block("Shop", *shops)
    lab.download(right)
    stale, lost, extra = (lab.server_id("Shop", n) for n in (3, 7, 99))
    tamper(lab, 'UPDATE "Shop" SET City = ?, _stamp = 900 WHERE Id = ?', "tampered", stale)
    tamper(lab, 'DELETE FROM "Shop" WHERE Id = ?', lost)
    tamper(lab, 'INSERT INTO "Shop" (Id, Name, _stamp) VALUES (?, ?, 4)', extra, "extra")
    answer = lab.lines(
        lab.block("Shop", shops[3], shops[7]), gone=(Gone("Shop", extra, 6, False),), digest=lab.digest(right)
    )
    report = proved(lab, lab.lines(digest=lab.digest(right)), answer)
    (repair,) = repairs(lab)
    (held,) = repair.held
    assert (repair.label, repair.checkpoint) == ("label", "checkpoint")
    assert set(held.buckets) == {bucket_of(i) for i in (stale, lost, extra)}
    assert set(held.rows) >= {(stale, 900), (extra, 4)}
    assert {bucket_of(i) for i, _ in held.rows} <= set(held.buckets)
    assert (report.kind, report.verified, report.successful) == (SyncKind.VERIFY, True, True)
    assert {r.id: r.values["City"] for r in lab.device.find("Shop")} == {s["Id"]: None for s in shops}
    assert lab.device.widget().state is WidgetState.OK


def test_a_pending_edit_on_what_is_repaired_survives(lab: Lab) -> None:
    shops = [shop(lab, n, City="theirs") for n in (1, 2)]
    right = lab.block("Shop", *shops)
    lab.download(right)
    edited = lab.server_id("Shop", 1)
    with lab.device.edit() as edit:
        edit.update("Shop", edited, {"City": "mine"})
        edit.create("Shop", {"Name": "new"})
    assert proved_after_refusal(lab, right).verified, "the base image counts, a record never sent does not"
    tamper(lab, "UPDATE _base SET stamp = 1 WHERE id = ?", edited)
    answer = lab.lines(lab.block("Shop", shops[0]), digest=lab.digest(right))
    assert proved(lab, lab.lines(digest=lab.digest(right)), answer).verified
    assert [r.values["City"] for r in lab.device.find("Shop")] == [None, "mine", "theirs"], "by name"
    for entry in lab.device.errors():
        lab.device.undo(entry.n)
    assert [r.values["City"] for r in lab.device.find("Shop")] == ["theirs", "theirs"]


def proved_after_refusal(lab: Lab, *right: Any) -> SyncReport:
    from tests.device.lab import rejected

    lab.script.then("upload", lab.outcome(rejected()))
    return proved(lab, lab.lines(digest=lab.digest(*right)))


def test_what_cannot_be_repaired_is_told_with_its_code_until_it_agrees(lab: Lab) -> None:
    right = lab.block("Shop", shop(lab, 1))
    lab.download(right)
    wrong = lab.lines(digest=lab.digest(lab.block("Shop", shop(lab, 1, 6))))
    report = proved(lab, wrong, wrong, wrong)
    assert (report.verified, report.successful, len(repairs(lab))) == (False, False, 2)
    assert report.problem is not None
    assert report.problem.code is Code.DIGEST
    widget = lab.device.widget()
    assert widget.state is WidgetState.ERROR
    assert widget.problem == report.problem
    assert "Shop" in report.problem.message
    lab.reopen()
    assert lab.device.widget().state is WidgetState.ERROR
    lab.script.then("download", lab.lines(digest=lab.digest(right)))
    assert lab.device.sync().verified, "the next sync proves it again, whatever the day"
    assert lab.device.widget().state is WidgetState.OK


def test_a_repair_that_is_cut_off_is_not_green_and_goes_on_with_the_next_sync(lab: Lab) -> None:
    right = lab.block("Shop", shop(lab, 1))
    lab.download(right)
    tamper(lab, 'DELETE FROM "Shop"')
    lab.script.then("download", lab.lines(digest=lab.digest(right)))
    lab.script.then("digest", Unreachable("down"))
    with pytest.raises(Refused) as caught:
        lab.device.verify()
    assert caught.value.problem.code is Code.OFFLINE
    assert lab.device.widget().state is WidgetState.ERROR
    lab.script.then("download", lab.lines(digest=lab.digest(right)))
    lab.script.then("digest", lab.lines(right, digest=lab.digest(right)))
    assert lab.device.sync().verified
    assert lab.device.count("Shop") == 1


def test_an_object_the_server_does_not_name_is_to_be_empty(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1)))
    gone = (Gone("Shop", lab.server_id("Shop", 1), 9, False),)
    assert proved(lab, lab.lines(digest=Digest("other", ())), lab.lines(gone=gone, digest=Digest("other", ()))).verified
    assert lab.device.count("Shop") == 0


def test_rows_read_with_those_above_them_count_by_when_they_were_written(lab: Lab) -> None:
    written = shop(lab, 1, SystemModstamp="2026-03-02T08:00:00+00:00")
    lab.download(lab.block("Shop", written))
    rows = [(str(written["Id"]), 1_772_438_400)]
    digest = Digest("label", (ObjectDigest("Shop", Version.WRITTEN, sums(rows)),))
    assert proved(lab, lab.lines(digest=digest)).verified
    with lab.device.edit() as edit:
        edit.update("Shop", RecordId(rows[0][0]), {"City": "mine"})
    with lab.device._store.read() as work:
        assert list(held_rows(work, lab.device._store.tables["Shop"], Version.WRITTEN)) == rows


def test_twenty_thousand_rows_are_compared_in_a_fifth_of_a_second(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.download()
    rows = [(lab.server_id("Shop", n), f"S{n}", 10**12 + n) for n in range(20_000)]
    with lab.device._store.write() as work:
        work.many('INSERT INTO "Shop" (Id, Name, _stamp) VALUES (?, ?, ?)', rows)
    digest = Digest("label", (ObjectDigest("Shop", Version.STAMP, sums((i, s) for i, _, s in rows)),))
    with lab.device._store.read() as work:
        taken = []
        for _ in range(3):  # Python may clean up the whole test run's memory in one of them
            began = thread_time()
            assert compare(work, lab.device._store.tables, digest) == {}
            taken.append(thread_time() - began)
        assert min(taken) < 0.2
        monkeypatch.setattr(limits, "DIGEST_ROWS_MAX", 1_000)
        unlike = compare(work, lab.device._store.tables, Digest("label", ()))
        held = held_in(work, lab.device._store.tables, digest, unlike)
    assert 0 < sum(len(each.rows) for each in held) <= 1_000
