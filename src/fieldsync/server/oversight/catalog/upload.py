"""What an admin uploads to be deployed: a YAML pack, or a zip of packs or of Salesforce DX source. Read, never run."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.unpacked import unpacked
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.load import parse_pack, read_pack
from fieldsync.schema.packs.composed import next_catalog, own_and
from fieldsync.schema.sfdx import Report, read

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
        root = unpacked(content, Path(place) / (Path(name).stem or "project"), name)
        if any(path.suffix in _PACKS for path in root.iterdir()):
            pack = read_pack(root)
            return Uploaded(next_catalog(before, prefixes, [pack]), pack.name, None)
        found = read(root, own_and(before.packs))
        catalog = next_catalog(before, prefixes, [found.pack])
        return Uploaded(catalog, found.pack.name, found.report, tuple(found.warnings))


def _unusable(name: str, reason: str) -> Refused:
    return Refused(problem(Code.UNUSABLE, what=name[:120], reason=reason))
