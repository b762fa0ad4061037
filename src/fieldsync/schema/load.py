"""Reading packs: a YAML file, or a folder of them that together are one pack.

Every file of a folder states the pack's name and label and a part of its content; files are merged in the order of
their names. What a pack means is judged in `check.py`; here it is only brought into the form of `model.Pack`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema import yaml_text
from fieldsync.schema.model import Pack
from fieldsync.schema.sync_rule import SyncRule

PACK_FILE_BYTES_MAX = 2_000_000
PACK_FILES_MAX = 2_000
OWN_PACKS = ("platform", "life_sciences")
"""The packs that come with the product, in the order in which they build on each other."""
_SUFFIXES = (".yaml", ".yml")
_AT = re.compile(r"(?P<reason>.*?)(?: - at `(?P<path>[^`]*)`)?\Z", re.DOTALL)
_STEP = re.compile(r"\[(\d+)\]|\.([^.\[\]]+)")


def load_packs(names: Sequence[str] = OWN_PACKS) -> tuple[Pack, ...]:
    """The product's own packs with these names. Raises Refused(UNUSABLE)."""
    return tuple(_own_pack(name) for name in names)


def read_pack(path: Path) -> Pack:
    """The pack in a YAML file or a folder of YAML files. Raises Refused(UNUSABLE) naming file, line and place."""
    if path.is_dir():
        files = [child for child in sorted(path.iterdir()) if child.suffix in _SUFFIXES and child.is_file()]
        if not files:
            raise _unusable(str(path), "the folder holds no .yaml file")
        if len(files) > PACK_FILES_MAX:
            raise _unusable(str(path), f"the folder holds more than {PACK_FILES_MAX} files")
        return _merge((str(file), _read_file(file)) for file in files)
    if not path.is_file():
        raise _unusable(str(path), "there is no such file")
    return _read_file(path)


def parse_pack(text: str, source: str) -> Pack:
    """The pack that `text` holds; `source` names it in errors. Raises Refused(UNUSABLE)."""
    try:
        document = yaml_text.read(text)
    except yaml_text.BadYaml as bad:
        raise _unusable(f"{source}, line {bad.line}", bad.reason) from None
    try:
        return msgspec.convert(document.value, Pack)
    except msgspec.ValidationError as bad:
        found = _AT.match(str(bad))
        assert found is not None
        where = found["path"] or "$"
        line = document.line_of(_path(where))
        raise _unusable(f"{source}, line {line}", f"{found['reason']} (at {_readable(where)})") from None


@lru_cache(maxsize=len(OWN_PACKS))
def _own_pack(name: str) -> Pack:
    if name not in OWN_PACKS:
        raise _unusable(f"the pack {name}", f"the product's packs are {', '.join(OWN_PACKS)}")
    folder = resources.files("fieldsync.schema") / "packs" / name
    files = sorted((child for child in folder.iterdir() if child.name.endswith(_SUFFIXES)), key=lambda f: f.name)
    return _merge((f"{name}/{file.name}", _read_file(file)) for file in files)


def _read_file(file: Path | Traversable) -> Pack:
    try:
        with file.open("rb") as stream:
            data = stream.read(PACK_FILE_BYTES_MAX + 1)
        text = data.decode("utf-8-sig")
    except OSError as bad:
        raise _unusable(str(file), bad.strerror or "it cannot be read") from None
    except UnicodeDecodeError:
        raise _unusable(str(file), "it is not UTF-8 text") from None
    if len(data) > PACK_FILE_BYTES_MAX:
        raise _unusable(str(file), f"it is larger than {PACK_FILE_BYTES_MAX} bytes")
    return parse_pack(text, str(file))


def _merge(parts: Iterable[tuple[str, Pack]]) -> Pack:
    whole: Pack | None = None
    for source, part in parts:
        if whole is None:
            whole = part
            continue
        if (part.name, part.label) != (whole.name, whole.label):
            raise _unusable(source, f"its name and label must be those of the other files, {whole.name}, {whole.label}")
        whole = msgspec.structs.replace(
            whole,
            objects=whole.objects + part.objects,
            extensions=whole.extensions + part.extensions,
            value_sets=whole.value_sets + part.value_sets,
            profiles=whole.profiles + part.profiles,
            permission_sets=whole.permission_sets + part.permission_sets,
            sync_rules=_joined(whole.sync_rules, part.sync_rules),
        )
    assert whole is not None, "a folder without files is refused before"
    return whole


def _joined(first: tuple[SyncRule, ...] | None, more: tuple[SyncRule, ...] | None) -> tuple[SyncRule, ...] | None:
    return first if more is None else (first or ()) + more


def _path(where: str) -> yaml_text.Path:
    return tuple(int(index) if index else name for index, name in _STEP.findall(where))


def _readable(where: str) -> str:
    return where.removeprefix("$").removeprefix(".") or "its top"


def _unusable(what: str, reason: str) -> Refused:
    return Refused(problem(Code.UNUSABLE, what=what, reason=reason.rstrip(".")))
