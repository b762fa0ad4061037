"""Makes `.venv` from the lock, with nothing but a Python 3.11+ and its standard library.

`python tools/bootstrap.py` installs what running needs, `... dev` what proving needs too, `... lock` writes the
locks anew. A second run with unchanged locks does nothing. Only the standard library may be imported here: this
runs before anything is installed, on Linux, macOS and Windows.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
PYTHON_MIN = (3, 11)
PIP = (PYTHON, "-m", "pip", "--disable-pip-version-check")
UV_VERSION = "0.13.8"

# What each lock is compiled from. The second takes the first as a constraint, so both hold the same versions.
LOCKS = {
    "runtime": ["--extra", "server", "--extra", "device", "--group", "build"],
    "dev": [
        *("--extra", "server", "--extra", "device", "--group", "build", "--group", "dev"),
        *("--constraint", "requirements/runtime.txt"),
    ],
}


def main(arguments: list[str]) -> int:
    """Runs the one word given: `runtime` (the default), `dev` or `lock`."""
    word = arguments[0] if arguments else "runtime"
    if word not in {*LOCKS, "lock"} or len(arguments) > 1:
        return complain(f"usage: bootstrap.py [{' | '.join(LOCKS)} | lock]")
    if sys.version_info[:2] < PYTHON_MIN:
        return complain(f"fieldsync needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}.")
    try:
        if word == "lock":
            write_locks()
        else:
            install(word)
    except subprocess.CalledProcessError as failure:
        return complain(f"failed ({failure.returncode}): {' '.join(map(str, failure.cmd))}")
    return 0


def complain(sentence: str) -> int:
    """Says what is wrong; the answer is the exit code."""
    print(f"bootstrap: {sentence}", file=sys.stderr)
    return 1


def install(lock: str) -> None:
    """Brings `.venv` to the state of `lock`, unless its mark says that it is there."""
    wanted = fingerprint(lock)
    with one_at_a_time():
        if marked(lock) == wanted and PYTHON.exists():
            return
        if not PYTHON.exists():
            make_venv()
        print(f"bootstrap: installing requirements/{lock}.txt into .venv", flush=True)
        install_locked(lock)
        install_project()
        mark(lock, wanted)


def fingerprint(lock: str) -> str:
    """Hash of all that decides what is installed: the lock, pyproject and this script."""
    digest = hashlib.sha256()
    for path in (ROOT / "requirements" / f"{lock}.txt", ROOT / "pyproject.toml", Path(__file__)):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def marked(lock: str) -> str | None:
    """The fingerprint that was installed; what proving needs includes what running needs."""
    for name in dict.fromkeys((lock, "dev")):
        path = VENV / f".installed-{name}"
        if path.exists():
            stamps = path.read_text(encoding="ascii").split()
            if fingerprint(lock) in stamps:
                return fingerprint(lock)
    return None


def mark(lock: str, wanted: str) -> None:
    """Notes what is now installed; older marks may no longer be true."""
    for name in LOCKS:
        (VENV / f".installed-{name}").unlink(missing_ok=True)
    stamps = [wanted] if lock == "runtime" else [fingerprint(name) for name in LOCKS]
    (VENV / f".installed-{lock}").write_text("\n".join(stamps), encoding="ascii")


def make_venv() -> None:
    """Creates `.venv` with the standard library, or with uv where a system left that part of it out."""
    if all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        return
    uv = shutil.which("uv")
    if uv is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SystemExit(
            f"bootstrap: {sys.executable} comes without the venv module. Install it "
            f"(Debian, Ubuntu: apt-get install python{version}-venv) or put uv on the PATH, then run this again."
        )
    subprocess.run(
        [uv, "venv", "-q", "--clear", "--seed", "--no-project", "--python", sys.executable, VENV], check=True
    )


def install_locked(lock: str) -> None:
    """Installs exactly the lock; a file whose hash is not in it is refused. With uv where it is, which is faster."""
    wanted = ["install", "--require-hashes", "-r", str(ROOT / "requirements" / f"{lock}.txt")]
    uv = shutil.which("uv")
    if uv:
        if (
            subprocess.run([uv, "pip", *wanted, "-q", "--python", PYTHON], env=uv_environment(), check=False).returncode
            == 0
        ):
            return
        print("bootstrap: uv could not; going on with pip", flush=True)
    subprocess.run([*PIP, *wanted, "-qq"], check=True)


def install_project() -> None:
    """Installs the project itself, editable; its build backend comes from the lock."""
    subprocess.run([*PIP, "install", "-qq", "--no-deps", "--no-build-isolation", "-e", ROOT], check=True)


def uv_environment() -> dict[str, str]:
    """Lets uv trust the certificates that the system trusts, as pip does."""
    return {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1", **os.environ}


def write_locks() -> None:
    """Compiles both locks with a pinned uv in a throwaway environment."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        scripts = Path(folder) / BIN.name
        subprocess.run([scripts / PYTHON.name, "-m", "pip", "install", "-q", f"uv=={UV_VERSION}"], check=True)
        for lock, sources in LOCKS.items():
            compile_lock(scripts / "uv", lock, sources)


def compile_lock(uv: Path, lock: str, sources: list[str]) -> None:
    """Writes one lock with the newest versions. No option here may put an address or a path into the file."""
    command = [str(uv), "pip", "compile", "-q", "pyproject.toml", *sources, "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--upgrade", "--no-config", "--custom-compile-command", "make lock"]
    subprocess.run(
        [*command, "-o", f"requirements/{lock}.txt"],
        check=True,
        cwd=ROOT,
        env=uv_environment(),
        stdout=subprocess.DEVNULL,
    )


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two runs at once would spoil `.venv`. Windows has no flock; there the second run is up to the person."""
    if os.name == "nt":
        yield
        return
    import fcntl

    with (ROOT / ".venv.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
