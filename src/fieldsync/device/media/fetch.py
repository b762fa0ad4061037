"""Getting one file, piece by piece, from where an earlier try ended; proved by its checksum before anybody sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from fieldsync.base.faults import reach
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.device.media.plan import Wanted
from fieldsync.device.media.texts import record_of
from fieldsync.device.store.media.files import Files
from fieldsync.device.sync.calls import Calls

TRIES_MAX = 2
"""A file whose sum is wrong comes once more."""


@dataclass
class Fetched:
    """What came, and the first thing that did not: the rest goes on."""

    files: int = 0
    removed: int = 0
    frozen: float = 0.0
    """Seconds it was waited for the app to be in front."""
    problem: Problem | None = None


def checksum(body: bytes) -> str:
    """What tells versions of a file apart."""
    return hashlib.sha256(body).hexdigest()


def fetch(files: Files, calls: Calls, wanted: Wanted, got: Fetched, progress: Callable[[int], None]) -> None:
    """Get one file; one that is not there, or comes wrong twice, is told in `got`. Raises Unreachable, Refused."""
    try:
        for _ in range(TRIES_MAX):
            _pieces(files, calls, wanted, got, progress)
            reach("media.came")
            if files.finish(wanted.id, wanted.checksum):
                got.files += 1
                return
        raise Refused(problem(Code.STORE_DAMAGED, reason=f"{wanted.name} came damaged"))
    except Refused as refused:
        if refused.problem.code not in _OF_ONE_FILE:
            raise
        got.problem = got.problem or refused.problem


_OF_ONE_FILE = frozenset({Code.NOT_FOUND, Code.STORE_DAMAGED, Code.OUT_OF_RANGE})


def _pieces(files: Files, calls: Calls, wanted: Wanted, got: Fetched, progress: Callable[[int], None]) -> None:
    path = f"/sync/v1/media/{wanted.object}/{record_of(wanted.id)}"
    here = files.begin(wanted.object, wanted.id, wanted.checksum, wanted.bytes)
    while here < wanted.bytes:
        body, total = calls.get_piece(path, here, checksum=wanted.checksum)
        if total != wanted.bytes or here + len(body) > total:
            raise Refused(problem(Code.NOT_FOUND, object="File of", id=record_of(wanted.id)))
        reach("media.piece")
        here = files.add(wanted.id, wanted.checksum, body)
        progress(len(body))
