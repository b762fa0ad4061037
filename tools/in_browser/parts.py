"""What the page loads, put into a folder: Pyodide from npm and the compiled wheels from PyPI, by name and hash; the
engine and its pure parts from here."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from fieldsync.base.version import VERSION

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
PYODIDE = "pyodide@314.0.7"
PYODIDE_SHA512 = (
    "d18bd7c4485f11da4b7dbfd790cd8114078c44eab488c517d9bcf31fda4eb6dc"
    "8c716930abe1db139bb2b860fcd8b37bcb6abe48dbe2ffa579244b0e943d91d4"
)
PYODIDE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
WHEELS = """
apsw-sqlite3mc==3.54.0.0 --hash=sha256:78b41be2f05892e4e01eafcda389012e6f169fe28b35c6d062ab2542234c7bcf
msgspec==0.22.0 --hash=sha256:a66b1766311e42371e509c996c3933b161c7ae0eabdf361af5316dec197e1022
"""
PLATFORM = ("--platform", "pyemscripten_2026_0_wasm32", "--python-version", "3.14", "--abi", "cp314")
PURE = ("lark", "structlog")
LEFT_OUT = frozenset({"server", "sim", "web", "cli"})


class Unfetchable(Exception):
    """A part could not be had: no npm, no network, or another file than the one that was asked for."""


def gather(folder: Path) -> Path:
    """The site, ready to be served. Raises Unfetchable."""
    folder.mkdir(parents=True, exist_ok=True)
    if not all((folder / name).exists() for name in PYODIDE_FILES):
        _fetch_pyodide(folder)
    if not list(folder.glob("*.whl")):
        _fetch_wheels(folder)
    shutil.copytree(HERE / "site", folder, dirs_exist_ok=True)
    with zipfile.ZipFile(folder / "engine.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for path, name in _engine():
            packed.write(path, name)
        about = f"Metadata-Version: 2.1\nName: fieldsync\nVersion: {VERSION}\n"
        packed.writestr(f"fieldsync-{VERSION}.dist-info/METADATA", about)
    parts = [*sorted(path.name for path in folder.glob("*.whl")), "engine.zip"]
    (folder / "parts.json").write_text(json.dumps(parts), encoding="utf-8")
    return folder


def _engine() -> Iterator[tuple[Path, str]]:
    for path in sorted((SOURCE / "fieldsync").rglob("*")):
        name = path.relative_to(SOURCE)
        if path.is_file() and "__pycache__" not in name.parts and name.parts[1] not in LEFT_OUT:
            yield path, str(name)
    for path in sorted((HERE / "inside").glob("*.py")):
        yield path, f"inside/{path.name}"
    for package in PURE:
        found = importlib.util.find_spec(package)
        assert found is not None, f"{package} is one of the engine's dependencies"
        assert found.origin is not None, f"{package} is a package of files"
        root = Path(found.origin).parent
        yield from ((path, f"{package}/{path.relative_to(root)}") for path in sorted(root.rglob("*")) if _is_code(path))


def _is_code(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _fetch_pyodide(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unfetchable("no npm on the PATH")
    with TemporaryDirectory() as made:
        _run([npm, "pack", PYODIDE, "--silent", "--pack-destination", made])
        [packed] = Path(made).glob("*.tgz")
        if hashlib.sha512(packed.read_bytes()).hexdigest() != PYODIDE_SHA512:
            raise Unfetchable(f"{PYODIDE} is another file than the one that was tried")
        with tarfile.open(packed) as archive:
            archive.extractall(made, filter="data")
        for name in PYODIDE_FILES:
            shutil.copyfile(Path(made) / "package" / name, folder / name)


def _fetch_wheels(folder: Path) -> None:
    with TemporaryDirectory() as made:
        wanted = Path(made) / "wheels.txt"
        wanted.write_text(WHEELS, encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        _run([*pip, *PLATFORM, "--require-hashes", "-r", str(wanted), "-d", made])
        for wheel in Path(made).glob("*.whl"):
            shutil.copyfile(wheel, folder / wheel.name)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unfetchable(f"{command[0]}: {(done.stderr or done.stdout).strip()[-400:]}")
