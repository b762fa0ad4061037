"""Where everything of one data folder is, and where its server listens. Values only; who writes them is elsewhere."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

LAST_WORDS_LINES = 6


@dataclass(frozen=True)
class Address:
    """Where it listens: a folder for the socket, a port of loopback, or both."""

    socket_dir: Path | None
    port: int | None


@dataclass(frozen=True)
class Files:
    """Where everything of one data folder is."""

    root: Path
    programs: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own folder."""
        return self.root / "cluster"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.root / "postgres.log"

    @property
    def owner_lock(self) -> Path:
        """Locked by the process that runs the server."""
        return self.root / "owner.lock"

    def program(self, name: str) -> str:
        """The path of one of PostgreSQL's programs."""
        return str(self.programs / (f"{name}.exe" if sys.platform == "win32" else name))

    def password(self) -> str:
        """The superuser's, for connections over TCP."""
        return (self.root / "password").read_text(encoding="ascii")

    def postmaster_lines(self) -> list[str]:
        """What the running server, or one that was killed, wrote about itself."""
        try:
            return (self.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def last_words(self) -> str:
        """The end of the log, for an error message."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return " / ".join(lines[-LAST_WORDS_LINES:]) or "it said nothing"
