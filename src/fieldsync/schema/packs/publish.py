"""The published JSON schema of packs, `pack.schema.json`: made from the structs of the catalog, so it cannot differ.

Editors use it to complete and explain what is typed. The texts under the structs' attributes become descriptions.
`python -m fieldsync.schema.packs` writes it anew.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from fieldsync.schema import model, sync_rule
from fieldsync.schema.access import permissions

SCHEMA_FILE = "pack.schema.json"


def pack_schema() -> bytes:
    """The JSON schema of one pack file, as it is published."""
    schema: dict[str, Any] = msgspec.json.schema(model.Pack)
    texts = _attribute_texts()
    for name, definition in schema["$defs"].items():
        for attribute, shape in definition.get("properties", {}).items():
            text = texts.get((name, attribute))
            if text is not None:
                shape["description"] = text
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A pack of a fieldsync catalog",
        **schema,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def published() -> bytes:
    """The schema as it is published."""
    return (resources.files("fieldsync.schema") / SCHEMA_FILE).read_bytes()


def publish() -> Path:
    """Write the schema to its place, and return where."""
    path = Path(__file__).parents[1] / SCHEMA_FILE
    path.write_bytes(pack_schema())
    return path


def _attribute_texts() -> dict[tuple[str, str], str]:
    """Class and attribute to the text that stands under the attribute, those of its bases too."""
    texts: dict[tuple[str, str], str] = {}
    sources = (inspect.getsource(module) for module in (permissions, sync_rule, model))
    for node in (node for source in sources for node in ast.parse(source).body):
        if isinstance(node, ast.ClassDef):
            above = [base.id for base in node.bases if isinstance(base, ast.Name)]
            texts |= {(node.name, name): text for (owner, name), text in texts.items() if owner in above}
            texts |= {(node.name, name): text for name, text in _texts_of(node)}
    return texts


def _texts_of(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for attribute, below in zip(node.body, node.body[1:], strict=False):
        if isinstance(attribute, ast.AnnAssign) and isinstance(attribute.target, ast.Name):
            said = _text(below)
            if said is not None:
                yield attribute.target.id, said


def _text(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return None
