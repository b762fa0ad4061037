"""XML read safely, as elements that know which of their parts were looked at.

Doctypes and entities are refused: metadata needs none, and they are how XML reads other files or grows without bound.
An `Element` remembers what was taken from it; `finish` reports the rest, so nothing is overlooked silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from fieldsync.schema.sfdx.report import Level, Notes

DEPTH_MAX = 50
Fates = Mapping[str, tuple[Level, str]]
"""Element name to what becomes of it and why."""


class BadXml(ValueError):
    """A text that is not such XML; the message says why and on which line."""


@dataclass
class Node:
    """One element: its name without namespace, its own text, its children."""

    tag: str
    text: str = ""
    children: list[Node] = field(default_factory=list)


def parse(data: bytes) -> Node:
    """The root element. Raises BadXml."""
    stack = [Node("")]

    def start(name: str, _: dict[str, str]) -> None:
        if len(stack) > DEPTH_MAX:
            raise BadXml(f"elements are nested more than {DEPTH_MAX} deep")
        node = Node(name.rpartition(" ")[2])
        stack[-1].children.append(node)
        stack.append(node)

    def end(_: str) -> None:
        stack.pop()

    def text(more: str) -> None:
        stack[-1].text += more

    def refuse(*_: Any) -> Any:
        raise BadXml("it holds a document type or entities, which are not read")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as bad:
        raise BadXml(f"it is not XML: {expat.ErrorString(bad.code)}, line {bad.lineno}") from None
    except (LookupError, ValueError) as bad:
        raise BadXml(str(bad) if isinstance(bad, BadXml) else "its encoding is not known") from None
    return stack[0].children[0]


@dataclass
class Element:
    """A node, where it stands, and what was taken from it."""

    node: Node
    file: str
    notes: Notes
    path: str = ""
    """How reports call it: empty for a file's root."""
    taken: set[str] = field(default_factory=set)

    def texts(self, tag: str) -> list[str]:
        """The texts of all children with this name, without space around them."""
        self.taken.add(tag)
        return [child.text.strip() for child in self.node.children if child.tag == tag]

    def text(self, tag: str) -> str | None:
        """The text of the one child with this name; None when it is absent or empty."""
        found = self.texts(tag)
        if len(found) > 1:
            self.note(tag, "it stands there more than once; the first is taken", Level.ERROR)
        return found[0] or None if found else None

    def flag(self, tag: str, *, default: bool = False) -> bool:
        """A child that says `true` or `false`."""
        text = self.text(tag)
        if text in ("true", "false", "1", "0"):
            return text in ("true", "1")
        if text is not None:
            self.note(tag, f"{text!r} is neither true nor false", Level.ERROR)
        return default

    def number(self, tag: str) -> int | None:
        """A child that holds a whole number."""
        text = self.text(tag)
        if text is None:
            return None
        if text.lstrip("-").isdecimal() and text.isascii() and len(text) < 12:
            return int(text)
        self.note(tag, f"{text!r} is not a number", Level.ERROR)
        return None

    def elements(self, tag: str, named: str | None = None) -> Iterator[Element]:
        """All children with this name. `named` is the child of theirs that names them in reports."""
        self.taken.add(tag)
        for child in self.node.children:
            if child.tag == tag:
                name = next((part.text.strip() for part in child.children if part.tag == named), None)
                yield Element(child, self.file, self.notes, self._at(f"{tag}[{name}]" if name else tag))

    def note(self, tag: str, reason: str, level: Level = Level.UNSUPPORTED) -> None:
        """Report a part of this element; with an empty tag the element itself."""
        self.notes.add(self.file, self._at(tag) or self.node.tag, reason, level)

    def finish(self, fates: Fates) -> None:
        """Report every part that was not taken, with the reason the table gives."""
        for child in self.node.children:
            if child.tag not in self.taken:
                level, reason = fates.get(child.tag, (Level.UNSUPPORTED, "this element is not known here"))
                self.note(child.tag, reason, level)
        if self.node.children and self.node.text.strip():
            self.note("", "it holds text beside its elements", Level.ERROR)

    def leave(self) -> None:
        """Take everything: the caller reported the whole element."""
        self.taken |= {child.tag for child in self.node.children}

    def _at(self, tag: str) -> str:
        return f"{self.path}/{tag}" if self.path and tag else self.path or tag
