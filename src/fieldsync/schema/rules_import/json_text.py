"""JSON read strictly: a key twice, a number that is none or bytes after the end are refused, not settled silently."""

from __future__ import annotations

import json
from typing import Any

from fieldsync.schema.rules_import.report import unusable

FILE_BYTES_MAX = 20_000_000


class _Doubtful(ValueError):
    """Something JSON's readers disagree about."""


def json_value(data: bytes, what: str) -> Any:
    """The value of a file. A byte order mark is left out. Raises Refused(UNUSABLE) with line and column."""
    if len(data) > FILE_BYTES_MAX:
        raise unusable(what, f"it is larger than {FILE_BYTES_MAX} bytes")
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_number)
    except UnicodeDecodeError as bad:
        raise unusable(what, f"it is not UTF-8 text: byte {bad.start + 1}") from None
    except json.JSONDecodeError as bad:
        raise unusable(what, f"line {bad.lineno}, column {bad.colno}: {bad.msg[:1].lower()}{bad.msg[1:]}") from None
    except RecursionError:
        raise unusable(what, "it is nested too deep") from None
    except ValueError as bad:
        raise unusable(what, str(bad)) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Doubtful(f"an object has the key {key} twice")
        found[key] = value
    return found


def _refuse_number(text: str) -> Any:
    raise _Doubtful(f"{text} is no number")
