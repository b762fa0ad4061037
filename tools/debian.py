"""Installs the few Debian packages that proving likes to have: Chromium, and PostgreSQL 15.

`python tools/debian.py chromium postgresql` does nothing where the program is there already, installs it where this
runs as root on a system with apt-get, and otherwise says in one line what will be left out. Exit code 0 in all these
cases for Chromium, whose tests skip; PostgreSQL is asked for by name (`PG=15`), so its absence is a failure. Only
the standard library may be imported here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Program(NamedTuple):
    """A program, the package that brings it, and what its absence means."""

    path: Path
    package: str
    without_it: str
    required: bool


PROGRAMS = {
    "chromium": Program(Path("/usr/bin/chromium"), "chromium", "browser tests will be skipped", required=False),
    "postgresql": Program(
        Path("/usr/lib/postgresql/15/bin/postgres"), "postgresql-15", "PG=15 cannot run without it", required=True
    ),
}


def main(names: list[str]) -> int:
    """Makes sure of each named program; the exit code is 1 when a required one is missing at the end."""
    missing = [PROGRAMS[name] for name in names if not PROGRAMS[name].path.exists()]
    if missing and not apt_install([program.package for program in missing]):
        for program in missing:
            print(
                f"debian: no {program.path}: {program.without_it}. Remedy: apt-get install {program.package}, as root"
            )
    return int(any(program.required and not program.path.exists() for program in missing))


def apt_install(packages: list[str]) -> bool:
    """True when apt-get installed them. Package scripts must not start a server of their own."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return False
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    print(f"debian: installing {' '.join(packages)}", flush=True)
    for command in ([apt, "-qq", "update"], [apt, "-qq", "-y", "install", "--no-install-recommends", *packages]):
        if subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
