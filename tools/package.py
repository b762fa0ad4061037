"""Builds the Field app for people without Python, for the system this runs on: `python tools/package.py FOLDER`, or
`python tools/package.py FOLDER windows`, which says where that is built when this is no such machine.

PyInstaller gathers Python, the engine, the pages and what they import into one folder; nothing is compiled for another
system, so each is built on its own. What was built is then started without Python on its path and asked for its first
page; only what passed that is packed.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from fieldsync.base.version import VERSION

ROOT = Path(__file__).resolve().parent.parent
NAME = "fieldsync-field"
WHOLE = ("fieldsync.web.field", "fieldsync.web.kit", "fieldsync.device", "litestar.middleware", "litestar.handlers")
"""Packages of which parts are imported by name."""
LEFT_OUT = ("faker", "polyfactory", "hypothesis", "mypy", "pytest", "sqlalchemy", "psycopg", "playwright")
"""What a library would use if it were there, and the app does not."""
ENTRY = "from fieldsync.cli.device.packaged import main\nmain()\n"
LINK = re.compile(r"http://127\.0\.0\.1:\d+/\S*")
FOR = """The package is for {system} on {machine} alone: Windows, macOS and Linux each build their own, on
such a machine. It is built and tried on Linux x86-64; on the others this command was not run yet."""
SYSTEMS = {"linux": "Linux", "windows": "Windows", "macos": "Darwin"}
ELSEWHERE = """A package for {wanted} is built on {wanted} only: nothing compiles for another system. This is {here}.
On such a machine: python tools/bootstrap.py dev, then with that .venv's Python tools/package.py {folder} {wanted}."""
STOP = signal.SIGINT if os.name == "posix" else signal.SIGTERM
SECONDS_MAX = 60
DESKTOP = """[Desktop Entry]
Type=Application
Name=fieldsync
Comment=The Field app: your work, also without a network
Exec=sh -c '"$(dirname "$1")/{name}"' start %k
Terminal=false
Categories=Office;
"""


def main(folder: str, wanted: str = "") -> int:
    """Prints where the package is, and for which machines; 1 where `wanted` is another system than this."""
    if wanted and SYSTEMS.get(wanted.lower(), wanted) != platform.system():
        print(ELSEWHERE.format(wanted=wanted, here=platform.system(), folder=folder), file=sys.stderr)
        return 1
    print(FOR.format(system=platform.system(), machine=platform.machine()), flush=True)
    with tempfile.TemporaryDirectory() as made:
        built = build(Path(made))
        check(built)
        print(pack(built, Path(folder)))
    return 0


def build(work: Path) -> Path:
    """The folder with the program and all it needs."""
    entry = work / "entry.py"
    entry.write_text(ENTRY, encoding="ascii")
    options = ["--noconfirm", "--onedir", "--log-level", "WARN", "--name", NAME, "--paths", str(ROOT / "src")]
    options += ["--distpath", str(work / "dist"), "--workpath", str(work / "work"), "--specpath", str(work)]
    options += ["--collect-data", "fieldsync", "--copy-metadata", "fieldsync"]
    options += [part for name in WHOLE for part in ("--collect-submodules", name)]
    options += [part for name in LEFT_OUT for part in ("--exclude-module", name)]
    subprocess.run([sys.executable, "-m", "PyInstaller", *options, str(entry)], check=True)
    built = work / "dist" / NAME
    shutil.copyfile(ROOT / "LICENSE", built / "LICENSE")
    shutil.copyfile(ROOT / "NOTICE", built / "NOTICE")
    if sys.platform == "linux":
        (built / f"{NAME}.desktop").write_text(DESKTOP.format(name=NAME), encoding="utf-8")
    return built


def check(built: Path) -> None:
    """Start it as a person without Python would, and read its first page. Raises RuntimeError where that fails."""
    with tempfile.TemporaryDirectory() as home:
        known = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "LANG") if name in os.environ}
        program = subprocess.Popen(
            [str(built / NAME), "--no-window", "--store", str(Path(home) / "store")],
            env={"HOME": home, "USERPROFILE": home, "PATH": os.defpath, "PYTHONUNBUFFERED": "1", **known},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert program.stdout is not None
            link = LINK.search(program.stdout.readline())
            if link is None:
                raise RuntimeError("the program that was built does not start")
            browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            browser.addheaders = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]
            with browser.open(link.group(), timeout=SECONDS_MAX) as page:
                if page.status != 200 or b"<main" not in page.read():
                    raise RuntimeError("the program that was built has no first page")
        finally:
            program.send_signal(STOP)
            program.wait(SECONDS_MAX)


def pack(built: Path, folder: Path) -> Path:
    """One file for this system, e.g. `fieldsync-field-0.1.0-linux-x86_64.tar.gz`."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{NAME}-{VERSION}-{platform.system()}-{platform.machine()}".lower()
    kind = "zip" if sys.platform == "win32" else "gztar"
    return Path(shutil.make_archive(str(folder / name), kind, built.parent, built.name))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: package.py FOLDER [linux | windows | macos]")
    sys.exit(main(*sys.argv[1:]))
