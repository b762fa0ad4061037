"""Which code a number is about: runs add up only where it is the same."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import fieldsync

PACKAGE = Path(fieldsync.__file__).parent
KINDS = (".py", ".yaml", ".sql")


def digest_of_code() -> str:
    """Twelve hexadecimal digits of a hash over every source file of the product, the simulator among it."""
    found = hashlib.sha256()
    for path in sorted(path for path in PACKAGE.rglob("*") if path.suffix in KINDS):
        found.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:12]


def commit() -> str:
    """The commit the code is at, with `-dirty` where it was changed since; empty outside of a repository."""
    asked = ("git", "-C", str(PACKAGE), "describe", "--always", "--dirty")
    try:
        return subprocess.run(asked, capture_output=True, check=False, text=True).stdout.strip()
    except OSError:
        return ""
