"""Emptying a folder: keys before files, wherever it is interrupted, and nothing that is not the store's (I29, T2)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fieldsync.device.keys import destroy

KEY, DATABASE = b'{"wrapped": "secret"}', b"encrypted pages " * 64
FILES = {"key.json": KEY, "store-2.db": DATABASE, "store-2.db-wal": DATABASE, "media.db": DATABASE, "server.txt": b"x"}
EMPTIED = destroy.Emptied("org", "k" * 43, "wipe now")


class Cut(Exception):
    """The power fails."""


def filled(folder: Path) -> Path:
    folder.mkdir()
    for name, content in {**FILES, "holiday.jpg": b"not ours"}.items():
        (folder / name).write_bytes(content)
    return folder


def cut_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    left, sync = [number], os.fsync

    def fsync(descriptor: int) -> None:
        sync(descriptor)
        left[0] -= 1
        if left[0] < 0:
            raise Cut

    monkeypatch.setattr(os, "fsync", fsync)


def test_wherever_the_power_fails_the_key_is_gone_before_any_file_and_the_next_start_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        folder = filled(tmp_path / str(number))
        cut_at(monkeypatch, number)
        try:
            destroy.mark(folder, EMPTIED)
            destroy.destroy(folder)
        except Cut:
            is_done = False
        else:
            is_done = True
        monkeypatch.undo()
        touched = [name for name, was in FILES.items() if not _same(folder / name, was)]
        assert not touched or not _same(folder / "key.json", KEY), touched
        if not touched and destroy.marked(folder) is None:
            continue
        assert destroy.marked(folder) == EMPTIED, "it was promised before anything went"
        assert destroy.destroy(folder)
        destroy.told(folder)
        assert [path.name for path in folder.iterdir()] == ["holiday.jpg"]
        if is_done:
            return
    raise AssertionError("it never came to its end")


def _same(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() == content
