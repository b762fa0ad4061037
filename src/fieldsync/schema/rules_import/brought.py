"""A sync configuration as a person brings it: files that say by themselves whose they are.

CSV is exported VMOC rows; JSON that names our format is ours, other JSON that of Life Sciences Cloud; a zip, or
anything else, holds its metadata files. Several files are one configuration, in the order they came in.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from fieldsync.base.unpacked import unpacked
from fieldsync.schema.rules_import.json_text import json_value
from fieldsync.schema.rules_import.lsc import read_lsc
from fieldsync.schema.rules_import.own import read_own
from fieldsync.schema.rules_import.report import Configuration, unusable
from fieldsync.schema.rules_import.vmoc import read_vmoc

_NAME_CHARACTERS_MAX = 60


def read_brought(files: Iterable[tuple[str, bytes]]) -> Configuration:
    """What files, each a name and its content, hold. Raises Refused(UNUSABLE) for none, and for one that is neither."""
    read = [_read(_plain(name), content) for name, content in files]
    if not read:
        raise unusable("This form", "no file was chosen")
    return Configuration(
        tuple(rule for one in read for rule in one.rules),
        tuple(setting for one in read for setting in one.settings),
        tuple(finding for one in read for finding in one.findings),
    )


def _plain(name: str) -> str:
    """The name alone, as short as a disk takes it; how it ends is kept."""
    last = PurePosixPath(name.replace("\\", "/").replace("\0", "")).name or "file"
    return last if last != ".." else "file"


def _read(name: str, content: bytes) -> Configuration:
    ending = PurePosixPath(name).suffix.lower()
    if ending == ".csv":
        return read_vmoc(content, name)
    if ending == ".json":
        whole = json_value(content, name)
        if isinstance(whole, dict) and "format" in whole:
            return read_own(content, name)
    return _read_lsc(name, content, zipped=ending == ".zip")


def _read_lsc(name: str, content: bytes, *, zipped: bool) -> Configuration:
    with tempfile.TemporaryDirectory(prefix="fieldsync-rules-") as place:
        if zipped:
            return read_lsc(unpacked(content, Path(place) / "rules", name))
        file = Path(place) / name[-_NAME_CHARACTERS_MAX:]
        file.write_bytes(content)
        return read_lsc(file)
