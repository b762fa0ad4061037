"""What happened, in ordinals: the same seed gives the same lines, whatever ids and transaction numbers a run draws."""

from __future__ import annotations

import hashlib


class Trace:
    """Lines and their running hash."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, *words: object) -> None:
        """One line of words. Only ordinals, names and counts belong in it."""
        line = f"{len(self.lines):06d} " + " ".join(map(str, words))
        self.lines.append(line)
        self._hash.update(line.encode() + b"\n")

    @property
    def digest(self) -> str:
        """The hash of all lines so far."""
        return self._hash.hexdigest()
