"""The shape of the upload's body for the OpenAPI document.

The handler reads the body itself, because the items of a transaction must stay the raw bytes their hash was taken of;
the framework would decode them. So the document is told here, from the same structs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Reference, RequestBody, Schema

from fieldsync.protocol.upload import Item, Transaction, UploadRequest
from fieldsync.protocol.wire import CONTENT_JSON


@dataclass
class UploadOperation(Operation):
    """The upload, with the shape of its body."""

    def __post_init__(self) -> None:
        content = {CONTENT_JSON: OpenAPIMediaType(schema=_schema(_upload_shape()))}
        self.request_body = RequestBody(content=content, required=True)


def _upload_shape() -> dict[str, Any]:
    """JSON schema of `UploadRequest`, with `items` spelled out."""
    _, found = msgspec.json.schema_components((UploadRequest, Transaction, Item), ref_template="{name}")
    found["Transaction"]["properties"]["items"] = {"type": "array", "items": {"$ref": "Item"}}
    shape = _inlined(found["UploadRequest"], found)
    assert isinstance(shape, dict)
    return shape


def _inlined(value: Any, components: dict[str, Any]) -> Any:
    """The value with every reference replaced by what it names; these shapes hold no cycle."""
    if isinstance(value, dict):
        if "$ref" in value:
            return _inlined(components[value["$ref"]], components)
        return {key: _inlined(inner, components) for key, inner in value.items()}
    return [_inlined(inner, components) for inner in value] if isinstance(value, list) else value


def _schema(shape: dict[str, Any]) -> Schema | Reference:
    """A JSON schema as the framework's value."""
    return Schema(
        type=OpenAPIType(shape["type"]) if isinstance(shape.get("type"), str) else None,
        description=shape.get("description"),
        properties={name: _schema(inner) for name, inner in shape.get("properties", {}).items()} or None,
        required=shape.get("required") or None,
        items=_schema(shape["items"]) if isinstance(shape.get("items"), dict) else None,
        any_of=[_schema(inner) for inner in shape.get("anyOf", [])] or None,
        enum=shape.get("enum"),
    )
