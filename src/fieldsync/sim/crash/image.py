"""The files as a power loss leaves them: what was synced is there, and any part of what was not.

A write that was not synced may be there, not be there, or be there in sectors. A file that was removed without its
folder being synced may be back, with what it held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from fieldsync.base.world import Chance
from fieldsync.sim.disk import Op

SECTOR = 512


class Pattern(StrEnum):
    """What survives of that which was not synced."""

    NOTHING = "nothing"
    EVERYTHING = "everything"
    SOMETHING = "something"


@dataclass
class _File:
    kept: bytearray
    pending: list[Op] = field(default_factory=list)
    is_named: bool = True
    """Whether its name is in the folder for certain."""


class Files:
    """The files of a folder while operations are replayed, one by one."""

    def __init__(self, base: dict[str, bytes]) -> None:
        self._files = {name: _File(bytearray(content)) for name, content in base.items()}
        self._ghosts: dict[str, _File] = {}

    def replay(self, op: Op) -> None:
        """The next operation is done."""
        name = Path(op.path).name
        if op.kind == "delete":
            gone = self._files.pop(name, None)
            if op.whole:
                self._ghosts.clear()
            elif gone is not None and gone.is_named:
                self._ghosts[name] = gone
            return
        file = self._files.setdefault(name, _File(bytearray(), is_named=False))
        if op.kind != "sync":
            file.pending.append(op)
            return
        _apply(file.kept, file.pending)
        file.pending = []
        if not file.is_named:  # SQLite syncs the folder of a journal it has made
            file.is_named = True
            self._ghosts.clear()

    def image(self, pattern: Pattern, chance: Chance) -> dict[str, bytes]:
        """The content of every file that is there after the power went."""
        found: dict[str, bytes] = {}
        if pattern is not Pattern.EVERYTHING:
            for name, ghost in self._ghosts.items():
                if pattern is Pattern.NOTHING or chance.below(2):
                    found[name] = bytes(ghost.kept)
        for name, file in self._files.items():
            if not file.is_named and (pattern is Pattern.NOTHING or (pattern is Pattern.SOMETHING and chance.below(2))):
                continue
            if not file.pending or pattern is Pattern.NOTHING:
                found[name] = bytes(file.kept)
                continue
            content = bytearray(file.kept)
            _apply(content, file.pending if pattern is Pattern.EVERYTHING else _some(file.pending, chance))
            found[name] = bytes(content)
        return found


def _some(ops: Sequence[Op], chance: Chance) -> list[Op]:
    """A part of what was written, in sectors."""
    kept: list[Op] = []
    for op in ops:
        if op.kind == "truncate":
            kept += [op] if chance.below(2) else []
            continue
        bits = chance.bytes(len(op.data) // SECTOR // 8 + 1)
        for place, start in enumerate(range(0, len(op.data), SECTOR)):
            if bits[place // 8] >> place % 8 & 1:
                kept.append(Op("write", op.path, op.offset + start, op.data[start : start + SECTOR]))
    return kept


def _apply(content: bytearray, ops: Sequence[Op]) -> None:
    for op in ops:
        if op.kind == "truncate":
            del content[op.offset :]
            continue
        if len(content) < op.offset:
            content.extend(bytes(op.offset - len(content)))
        content[op.offset : op.offset + len(op.data)] = op.data
