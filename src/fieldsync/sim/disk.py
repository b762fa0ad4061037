"""The devices' disks: SQLite's files on the real file system, with power loss, full disks and death at any write.

Every write that was not synced yet is remembered with what it replaced. When the power goes, any part of those is taken
back. A dead device writes nothing any more, whatever its process still tries on the way out. What Python itself renames
or removes counts as kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from fieldsync.base.world import Chance
from fieldsync.sim.faults import DiskFull

NAME, BASE = "fieldsync-sim", "unix"
SECTOR = 4096
StoreError = apsw.Error
"""What SQLite may raise."""


@dataclass(frozen=True)
class Op:
    """One thing that SQLite asked of the file system: `write`, `truncate`, `sync` or `delete`."""

    kind: str
    path: str
    offset: int = 0
    data: bytes = b""
    whole: bool = False
    """Of a delete: whether the folder was synced too."""


@dataclass
class _Unsynced:
    """Blocks of a file as they were at the last sync, and how long it was then."""

    size: int
    blocks: dict[int, bytes] = field(default_factory=dict)


class Disk:
    """What is below one device's folder."""

    def __init__(self, folder: Path, plan: Callable[[str], None]) -> None:
        self.folder, self._plan = folder, plan
        self.dead = False
        self._unsynced: dict[str, _Unsynced] = {}
        self.record: list[Op] | None = None
        """Everything that is done, where somebody wants to know."""
        DISKS.append(self)

    def log(self, op: Op) -> None:
        """It is about to be done."""
        if self.record is not None:
            self.record.append(op)

    def touched(self, what: str) -> None:
        """A write, sync, truncation or removal is about to happen."""
        self._plan(f"disk {what}")

    def keep(self, path: str, size: int, offset: int, length: int, read: Callable[[int, int], bytes]) -> None:
        """Remember what a write replaces."""
        known = self._unsynced.setdefault(path, _Unsynced(size))
        for start in range(offset - offset % SECTOR, offset + length, SECTOR):
            if start < known.size and start not in known.blocks:
                known.blocks[start] = read(start, min(SECTOR, known.size - start))

    def synced(self, path: str) -> None:
        """All of it is on the disk."""
        self._unsynced.pop(path, None)

    def lose_power(self, chance: Chance) -> int:
        """Take back a part of what was not synced: every block stays or goes. Returns how many went."""
        lost = 0
        for path, unsynced in sorted(self._unsynced.items()):
            if Path(path).exists():
                lost += _take_back(Path(path), unsynced, chance)
        self._unsynced.clear()
        return lost

    def revive(self) -> None:
        """Another process takes over."""
        self.dead = False
        self._unsynced.clear()


def _take_back(path: Path, unsynced: _Unsynced, chance: Chance) -> int:
    lost = 0
    with path.open("r+b") as file:
        for start, block in sorted(unsynced.blocks.items()):
            if chance.below(2):
                file.seek(start)
                file.write(block)
                lost += 1
        if path.stat().st_size > unsynced.size and chance.below(2):
            file.truncate(unsynced.size)
            lost += 1
    return lost


DISKS: list[Disk] = []
"""The disks of this process's run."""


def _disk_of(path: str) -> Disk | None:
    return next((disk for disk in DISKS if path.startswith(str(disk.folder))), None)


class _File(apsw.VFSFile):
    """A file whose writes are remembered until they are synced."""

    def __init__(self, name: Any, flags: list[int]) -> None:
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else (name or "")
        self._disk = _disk_of(self.path)
        super().__init__(BASE, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        disk = self._disk
        if disk is not None:
            if disk.dead:
                return
            _touch(disk, "write")
            disk.keep(self.path, self.xFileSize(), offset, len(data), lambda at, n: self.xRead(n, at))
            disk.log(Op("write", self.path, offset, bytes(data)))
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        disk = self._disk
        if disk is not None:
            if disk.dead:
                return
            _touch(disk, "sync")
        super().xSync(flags)
        if disk is not None:
            disk.synced(self.path)
            disk.log(Op("sync", self.path))

    def xLock(self, level: int) -> None:
        """A file that is open for reading only cannot be locked for writing; SQLite takes that as busy."""
        try:
            super().xLock(level)
        except apsw.IOError:
            raise apsw.BusyError from None

    def xTruncate(self, size: int) -> None:
        disk = self._disk
        if disk is not None:
            if disk.dead:
                return
            now = self.xFileSize()
            disk.keep(self.path, now, size, max(0, now - size), lambda at, n: self.xRead(n, at))
            disk.log(Op("truncate", self.path, size))
        super().xTruncate(size)


class _Files(apsw.VFS):
    """The file system of simulated devices."""

    def __init__(self) -> None:
        super().__init__(NAME, BASE)

    def xOpen(self, name: Any, flags: list[int]) -> _File:
        return _File(name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        disk = _disk_of(filename)
        if disk is not None:
            if disk.dead:
                return
            _touch(disk, "delete")
            disk.synced(filename)
            disk.log(Op("delete", filename, whole=bool(syncdir)))
        super().xDelete(filename, syncdir)


def _touch(disk: Disk, what: str) -> None:
    try:
        disk.touched(what)
    except DiskFull:
        raise apsw.FullError("the simulated disk is full") from None
    except BaseException:
        disk.dead = True
        raise


class _Connection(apsw.Connection):
    """A connection whose files lie on the simulated disks."""

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(path, vfs=f"multipleciphers-{NAME}", **options)


_FILES: list[_Files] = []


@contextmanager
def simulated_disks() -> Iterator[None]:
    """Within this, every database that is opened lies on a simulated disk."""
    if not _FILES:
        _FILES.append(_Files())
    real = apsw.Connection
    apsw.Connection = _Connection  # type: ignore[misc,assignment]
    DISKS.clear()
    try:
        yield
    finally:
        apsw.Connection = real  # type: ignore[misc]
        DISKS.clear()
