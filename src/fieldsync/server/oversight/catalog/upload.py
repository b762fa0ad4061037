"""What an admin uploads to be deployed: a YAML pack, or a zip of packs or of Salesforce DX source. Read, never run.

A zip is unpacked file by file, each to a name of ours under one folder, with limits on what it may grow to.
"""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.load import parse_pack, read_pack
from fieldsync.schema.packs.composed import next_catalog, own_and
from fieldsync.schema.sfdx import Report, read

FILES_MAX, BYTES_MAX = 20_000, 128 * 1024 * 1024
_PACKS = (".yaml", ".yml")


@dataclass(frozen=True)
class Uploaded:
    """The catalog the org would go to; of Salesforce DX source what was read of it and what not."""

    catalog: Catalog
    pack: str
    report: Report | None
    warnings: tuple[str, ...] = ()


def read_upload(name: str, content: bytes, before: Catalog, prefixes: dict[str, str]) -> Uploaded:
    """Raises Refused(UNUSABLE) with file and line where that is known."""
    if name.lower().endswith(_PACKS):
        try:
            pack = parse_pack(content.decode(), name)
        except UnicodeDecodeError:
            raise _unusable(name, "it is no text in UTF-8") from None
        return Uploaded(next_catalog(before, prefixes, [pack]), pack.name, None)
    if not name.lower().endswith(".zip"):
        raise _unusable(name, "a pack ends in .yaml, Salesforce DX source comes as a .zip")
    with tempfile.TemporaryDirectory(prefix="fieldsync-upload-") as place:
        root = _unpacked(content, Path(place) / (Path(name).stem or "project"), name)
        if any(path.suffix in _PACKS for path in root.iterdir()):
            pack = read_pack(root)
            return Uploaded(next_catalog(before, prefixes, [pack]), pack.name, None)
        found = read(root, own_and(before.packs))
        catalog = next_catalog(before, prefixes, [found.pack])
        return Uploaded(catalog, found.pack.name, found.report, tuple(found.warnings))


def _unpacked(content: bytes, root: Path, name: str) -> Path:
    """The folder of what was packed; where all of it is in one folder, that one."""
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
