"""The device's own log: sent behind every sync, once, and nothing in it that a person typed or that opens anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.device.lab import KEY, Lab, error, rejected

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device import Unreachable
from fieldsync.device.status.log import Name, text_of
from fieldsync.device.status.report import SyncKind, SyncReport, Trigger, summary
from fieldsync.protocol.tracking import LogLine, Tracked, Tracking

CANARY = "Canary7391"


def rest(lab: Lab) -> None:
    """Until nothing is due at once."""
    while lab.device.step() == 0.0:
        pass


def keeping(lab: Lab) -> list[LogLine]:
    """A server that keeps every line, by its number."""
    kept: dict[int, LogLine] = {}

    def keep(body: bytes) -> Tracked:
        sent = msgspec.json.decode(body, type=Tracking)
        assert not {line.number for line in sent.log} & kept.keys(), "a line that was kept comes again"
        kept.update({line.number: line for line in sent.log})
        lines[:] = kept.values()
        return Tracked(max((one.number for one in sent.syncs), default=0), max(kept, default=0))

    lines: list[LogLine] = []
    lab.script.always["tracking"] = keep
    return lines


def detailed(lab: Lab) -> None:
    lab.settings = msgspec.structs.replace(lab.settings, detailed_log=True)
    lab.sign_in()
    lab.reopen()


def work_of_a_day(lab: Lab) -> None:
    """Saves that pass and saves that are refused, sentences with values, a server that fails in every way, a bug."""
    lab.download(lab.block("Shop", {"Id": lab.server_id("Shop", 1), "_stamp": 5, "Name": CANARY, "City": CANARY}))
    for answer in (lab.saved(Notes=CANARY), lab.outcome(rejected(field="Notes", object="Visit", what=CANARY))):
        with lab.device.edit() as edit:
            edit.create("Visit", {"ShopId": lab.server_id("Shop", 1), "Notes": CANARY})
        lab.upload(answer)
    lab.device.find("Shop", search=CANARY)
    failures = (Unreachable(CANARY), error(500, problem(Code.BAD_REQUEST, reason=CANARY)), [CANARY.encode()])
    for failure in failures:
        lab.script.then("download", failure)
        with pytest.raises(Refused):
            lab.device.sync()
    lab.script.then("mini/find", Unreachable(CANARY))
    with pytest.raises(Refused):
        lab.device.mini.find("Shop", CANARY)
    lab.device._engine.log.bug(ValueError(CANARY))
    rest(lab)
    lab.script.then("refresh", lab.refresh_lines())
    lab.script.then("download", lab.lines())
    lab.device.sync("full")
    rest(lab)


def test_no_line_holds_a_value_a_sentence_or_a_secret(lab: Lab) -> None:
    lines = keeping(lab)
    detailed(lab)
    work_of_a_day(lab)
    said = "\n".join(line.text for line in lines)
    for event in ("opened", "sync begins", "sync ended", "asked", "not reached", "uploaded", "refused", "bug"):
        assert f"\n{event} " in f"\n{said}", said
    assert "code=VALIDATION field=Notes" in said
    secrets = ("access", "refresh_token", "a password", lab.device.new_device_key(), KEY.hex(), "search", "sarah")
    for hidden in (CANARY, *secrets):
        assert hidden.lower() not in said.lower(), hidden


def test_each_line_is_kept_once_also_over_a_refresh_and_a_restart_and_without_a_server(lab: Lab) -> None:
    lab.download()
    rest(lab)
    lab.device._engine.log.say("written before")
    lab.script.then("refresh", lab.refresh_lines())
    lab.script.then("download", lab.lines())
    lab.device.sync("full")
    lab.reopen()
    lines = keeping(lab)
    lab.download(full=False)
    rest(lab)
    lab.download(full=False)
    rest(lab)
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    said = [line.text for line in lines]
    assert said.count("written before") == 1
    assert sum("sync ended" in text for text in said) == 4
    assert not any(line.level == "detail" for line in lines), "nobody asked for details"


def test_all_of_a_large_sync_that_failed_has_room_in_its_line() -> None:
    phases = ("seconds", "upload_seconds", "metadata_seconds", "download_seconds")
    numbers = dict.fromkeys(phases, 98.7) | {"uploads": 5_000, "upload_errors": 12, "rows_received": 100_000}
    numbers |= {"rows_removed": 10_000, "rows_repaired": 12, "bytes_up": 12_345_678, "bytes_down": 123_456}
    begun = SyncReport(1_234, SyncKind.NON_BLOCKING, "", trigger=Trigger.TERRITORY_SWITCH, verified=False)
    ended = msgspec.structs.replace(begun, problem=problem(Code.SYNC_CANCELED), **numbers)
    line = text_of("sync ended", summary(ended))
    assert " code=SYNC_CANCELED " in line
    assert line.endswith(" bytes_up=12345678 bytes_down=123456")
    assert "removed" not in text_of("sync ended", summary(SyncReport(1, SyncKind.MINI, ""))), "nothing of what was not"


def test_the_log_is_bounded_on_the_device_and_in_a_request(lab: Lab) -> None:
    lab.download()
    for n in range(limits.LOG_LINES_MAX + 100):
        lab.device._engine.log.say("turn", n=n, long=Name("x" * 1_000))
        if n % 100 == 0:
            lab.device.step()
    lines = keeping(lab)
    lab.download(full=False)
    rest(lab)
    assert all(len(told.log) <= limits.LOG_LINES_SENT_MAX for told in lab.script.tracked)
    assert lines[-1].text.startswith("sync ended")
    assert len(lines) <= limits.LOG_LINES_MAX
    assert max(len(line.text) for line in lines) <= limits.LOG_LINE_CHARS_MAX


def test_a_crash_is_in_the_log(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any) -> Callable[[], None]:
        raise KeyboardInterrupt

    lines = keeping(lab)
    with monkeypatch.context() as patch:
        patch.setattr("fieldsync.device.sync.run.upload_all", killed)
        with pytest.raises(KeyboardInterrupt):
            lab.device.sync("full")
    lab.reopen()
    lab.download()
    rest(lab)
    assert ("error", "sync never ended number=1 kind=full") in [(line.level, line.text) for line in lines]
