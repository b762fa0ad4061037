"""The published JSON schema is that of the structs, and every pack file points to it."""

from __future__ import annotations

from pathlib import Path

import msgspec

import fieldsync.schema
from fieldsync.schema.packs.publish import pack_schema, published

PACKS = Path(fieldsync.schema.__file__).parent / "packs"


def test_the_published_schema_is_current() -> None:
    assert published() == pack_schema(), "run: python -m fieldsync.schema.packs"


def test_attributes_are_explained_to_editors() -> None:
    definitions = msgspec.json.decode(published())["$defs"]
    assert "lookup" in definitions["Field"]["properties"]["references"]["description"]
    assert definitions["Field"]["additionalProperties"] is False


def test_every_pack_file_names_the_schema() -> None:
    files = sorted(PACKS.glob("*/*.yaml"))
    assert files
    for file in files:
        first = file.read_text(encoding="utf-8").splitlines()[0]
        prefix = "# yaml-language-server: $schema="
        assert first.startswith(prefix), file
        assert (file.parent / first.removeprefix(prefix)).resolve() == PACKS.parent / "pack.schema.json"
