"""The device's own log: what it did and how that went, in the encrypted store, for an admin who has to help.

No line holds a field's value, a typed word or a secret: a fact is a number, a word of this program or a name of the
data model, and of an exception only its kind and place. The oldest lines go first; what the server has, goes.
"""

from __future__ import annotations

import re
import threading
import traceback
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from fieldsync.base import limits
from fieldsync.base.problems import Problem, Refused
from fieldsync.base.version import VERSION
from fieldsync.base.world import Clock, instant
from fieldsync.device.queue.entry import decode_outcome
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work, listed
from fieldsync.device.sync.account import read_settings
from fieldsync.device.transport import Went
from fieldsync.protocol.tracking import LogLine
from fieldsync.protocol.upload import Rejected

WAITING_MAX = 500
"""Lines in memory, where nothing can be written."""
AT_ONCE = 20
"""So many lines go to disk together: each time costs a commit."""
REFUSED_LISTED_MAX = 20
_ERRORS, _OURS = 400, "fieldsync"
_NO_NAME = re.compile(r"[^A-Za-z0-9_./:+-]")


class Level(StrEnum):
    """How much a line matters. Details are written only where an admin asked for them (FEATURES I14)."""

    DETAIL = "detail"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Name(str):
    """A name that no person typed: of an object, a field, a class, an address of the server."""

    __slots__ = ()


Fact = bool | int | float | StrEnum | Name | None


class _Line(NamedTuple):
    at: str
    level: Level
    text: str


class Log:
    """Takes lines from any thread at once; `keep` brings them to disk with what is written anyway."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock, self._lock = store, clock, threading.Lock()
        self._lines: dict[int, _Line] = {}
        self._said = 0
        self._reached = True
        with store.read() as work:
            self.detailed = read_settings(work).detailed_log
        self.say("opened", version=Name(VERSION), detailed=self.detailed)

    @property
    def is_due(self) -> bool:
        """Whether what waits is to be on disk now: something went wrong, or there are many lines. Others wait for one
        of those, the end of a sync, or the end of the app."""
        with self._lock:
            wrong = any(line.level in (Level.WARNING, Level.ERROR) for line in self._lines.values())
            return wrong or len(self._lines) >= AT_ONCE

    def say(self, event: str, level: Level = Level.INFO, **facts: Fact) -> None:
        """Add a line. `event`: a few words of the program's own."""
        if level is Level.DETAIL and not self.detailed:
            return
        line = _Line(instant(self._clock.now()), level, text_of(event, facts))
        with self._lock:
            self._said += 1
            self._lines[self._said] = line
            self._lines.pop(self._said - WAITING_MAX, None)

    def request(self, went: Went) -> None:
        """One request: each where details are asked for; else where the server begins or ceases to answer, or says
        no."""
        about: dict[str, Any] = {"method": Name(went.method), "path": Name(went.path), "ms": round(1000 * went.seconds)}
        about |= {"up": went.up, "down": went.down}
        if went.failure is not None:
            level = Level.DETAIL if not self._reached else Level.WARNING
            self.say("not reached", level, **about, failure=Name(went.failure.__name__))
        else:
            level = Level.DETAIL if (went.status or 0) < _ERRORS else Level.INFO
            self.say("asked", level, **about, status=went.status)
            if not self._reached:
                self.say("reached again")
        self._reached = went.failure is None

    def bug(self, error: BaseException) -> None:
        """A failure nobody foresaw: its kind, and where; what it says may hold values."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if _OURS in f.filename]
        places = {f"at{n}": Name(f"{f.filename.rpartition('/')[2]}:{f.lineno}") for n, f in enumerate(frames[-6:])}
        self.say("bug", Level.ERROR, kind=Name(type(error).__name__), **places)

    def keep(self, work: Work) -> int:
        """Write what waits. Give the result to `kept` after the commit."""
        self.detailed = read_settings(work).detailed_log
        with self._lock:
            lines, through = list(self._lines.values()), self._said
        write(work, lines)
        return through

    def close(self) -> None:
        """Write what waits, if it can be."""
        if self._lines:
            with suppress(Refused):
                with self._store.write() as work:
                    taken = self.keep(work)
                self.kept(taken)

    def kept(self, through: int) -> None:
        """These lines are on disk."""
        with self._lock:
            for number in [n for n in self._lines if n <= through]:
                del self._lines[number]


def write(work: Work, lines: Iterable[tuple[str, Level, str]]) -> None:
    """Add lines, numbered on; the oldest beyond the bound go."""
    following: int = meta.get(work, Key.LOG_NEXT) or 1
    rows = [(number, at, level.value, text) for number, (at, level, text) in enumerate(lines, following)]
    if rows:
        work.many("INSERT INTO _log (number, at, level, text) VALUES (?, ?, ?, ?)", rows)
        meta.put(work, Key.LOG_NEXT, following + len(rows))
        work.run("DELETE FROM _log WHERE number < ?", following + len(rows) - limits.LOG_LINES_MAX)


def unsent(work: Work, limit: int) -> tuple[LogLine, ...]:
    """What the server does not have, the oldest first."""
    rows = work.rows("SELECT number, at, level, text FROM _log ORDER BY number LIMIT ?", limit)
    return tuple(_sent(*row) for row in rows)


def _sent(number: int, at: str, level: Any, text: str) -> LogLine:
    return LogLine(number, datetime.fromisoformat(at), level, text)


def forget(work: Work, through: int) -> None:
    """The server has the lines up to here."""
    work.run("DELETE FROM _log WHERE number <= ?", through)


def refusals(work: Work, numbers: Iterable[int]) -> Iterator[dict[str, Fact]]:
    """Why saves were refused: which, and by what; the sentences hold values."""
    query = "SELECT n, object, outcome FROM _queue WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n LIMIT ?"
    for n, name, raw in work.rows(query, listed(numbers), REFUSED_LISTED_MAX):
        outcome = decode_outcome(raw)
        reasons: tuple[Problem | None, ...] = outcome.problems if isinstance(outcome, Rejected) else (None,)
        for reason in reasons[:REFUSED_LISTED_MAX]:
            yield {"n": n, "object": Name(name)} | (_reason(reason) if reason is not None else {"held": True})


def _reason(reason: Problem) -> dict[str, Fact]:
    return {"code": reason.code, "field": None if reason.field is None else Name(reason.field)}


def text_of(event: str, facts: dict[str, Fact]) -> str:
    said = [f"{name}={_said(value)}" for name, value in facts.items() if value is not None]
    return " ".join([event, *said])[: limits.LOG_LINE_CHARS_MAX]


def _said(value: Fact) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}"
    return _NO_NAME.sub("?", str(value))[:80]
