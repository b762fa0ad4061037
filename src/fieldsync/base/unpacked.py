"""A zip somebody brought, unpacked file by file, each below one folder, with limits on what it may grow to."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path, PurePosixPath

from fieldsync.base.problems import Code, Refused, problem

FILES_MAX, BYTES_MAX = 20_000, 128 * 1024 * 1024


def unpacked(content: bytes, root: Path, name: str) -> Path:
    """The folder of what was packed; where all of it is in one folder, that one. `name` is what the zip is called.

    Raises Refused(UNUSABLE).
    """
    size = 0
    try:
        with zipfile.ZipFile(BytesIO(content)) as packed:
            files = [one for one in packed.infolist() if not one.is_dir()]
            if len(files) > FILES_MAX:
                raise _unusable(name, f"it holds more than {FILES_MAX:,} files")
            for one in files:
                parts = PurePosixPath(one.filename.replace("\\", "/")).parts
                if not parts or any(part in ("..", "/") or ":" in part or "\0" in part for part in parts):
                    raise _unusable(name, f"{one.filename[:80]!r} is no name of a file in it")
                with packed.open(one) as source:
                    data = source.read(BYTES_MAX - size + 1)
                size += len(data)
                if size > BYTES_MAX:
                    raise _unusable(name, f"it is more than {BYTES_MAX // 1024 // 1024} MB unpacked")
                place = root.joinpath(*parts)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as bad:
        raise _unusable(name, f"it cannot be unpacked: {type(bad).__name__}") from None
    root.mkdir(parents=True, exist_ok=True)
    inside = list(root.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and inside[0].name != "objects" else root


def _unusable(name: str, reason: str) -> Refused:
    return Refused(problem(Code.UNUSABLE, what=name[:120], reason=reason))
