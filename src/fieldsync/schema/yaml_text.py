"""YAML as packs use it: plain data, nothing that surprises. Knows nothing of catalogs.

Reads the events of the parser itself, so that what makes YAML dangerous or ambiguous is refused where it stands:
anchors and aliases (they can blow a small file up to any size), tags, duplicate keys, keys that are not text, several
documents, deep nesting. Plain words mean what they say: only `true`, `false` and `null` are special, so a picklist
value `No` or `Off` stays a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

DEPTH_MAX = 40
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}\Z")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}

Path = tuple[str | int, ...]


class BadYaml(ValueError):
    """A text that is not such YAML. `line` counts from one."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


@dataclass
class Document:
    """The value, and the line on which each part of it begins."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)

    def line_of(self, path: Path) -> int:
        """The line of the value at `path`, or of the nearest value around it."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(text: str) -> Document:
    """The one document of `text`. Raises BadYaml."""
    document = Document()
    try:
        events = _events(text)
        first = next(events, None)
        if first is not None:
            document.value = _value(first, events, (), document.lines)
        more = next(events, None)
        if more is not None:
            raise _bad(more, "one file holds one document")
    except yaml.MarkedYAMLError as bad:
        mark = bad.problem_mark or bad.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise BadYaml(line, bad.problem or "it is not YAML") from None
    except yaml.YAMLError as bad:
        raise BadYaml(1, f"it is not YAML: {bad}".splitlines()[0]) from None
    return document


def _events(text: str) -> Iterator[yaml.Event]:
    framing = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)
    for event in yaml.parse(text, Loader=_PARSER):
        if isinstance(event, yaml.AliasEvent):
            raise _bad(event, "aliases are not read; write the value out")
        if getattr(event, "anchor", None) is not None:
            raise _bad(event, "anchors are not read; write the value out")
        if getattr(event, "tag", None) is not None:
            raise _bad(event, "tags are not read")
        if not isinstance(event, framing):
            yield event


def _value(event: yaml.Event, events: Iterator[yaml.Event], path: Path, lines: dict[Path, int]) -> Any:
    lines[path] = _line(event)
    if len(path) > DEPTH_MAX:
        raise _bad(event, f"it is nested more than {DEPTH_MAX} deep")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(events, path, lines)
    return _mapping(events, path, lines)


def _sequence(events: Iterator[yaml.Event], path: Path, lines: dict[Path, int]) -> list[Any]:
    found: list[Any] = []
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            break
        found.append(_value(event, events, (*path, len(found)), lines))
    return found


def _mapping(events: Iterator[yaml.Event], path: Path, lines: dict[Path, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        if not isinstance(event, yaml.ScalarEvent):
            raise _bad(event, "a key must be a text")
        key = event.value
        if key in found:
            raise _bad(event, f"the key {key} stands here twice")
        found[key] = _value(next(events), events, (*path, key), lines)
    return found


def _scalar(event: yaml.ScalarEvent) -> Any:
    text = event.value
    plain, _ = event.implicit
    if not plain:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


def _bad(event: yaml.Event, reason: str) -> BadYaml:
    return BadYaml(_line(event), reason)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1
