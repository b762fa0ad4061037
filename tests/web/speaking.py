"""What a template says by itself, in no catalog: found in its syntax tree, without filling it in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import nodes
from tools.strings import WEB

from fieldsync.web.kit.pages import environment

HUMAN = frozenset({"aria-label", "title", "placeholder", "alt", "hx-confirm", "data-label", "content", "data-said"})
"""Attributes that a person is told."""
SAID = frozenset({"_", "gettext", "ngettext"})
NAMES = re.compile(r"\bfieldsync\b|\b(?:kB|MB)\b")
"""What is called so in every language."""
WORD = re.compile(r"[^\W\d_]{2,}")
MARK = re.compile("\ue000(\\d+)\ue001")
APART = re.compile(r" · |[;:,()“”„]")
KIT = ("base.html", "_facts.html", "_inputs.html")
"""Of the kit, what the Field app shows too."""


def templates_spoken() -> list[Path]:
    """Every template of the Field app."""
    own = sorted((WEB / "field" / "templates").rglob("*.html"))
    return [*own, *(WEB / "kit" / "templates" / name for name in KIT)]


def unspoken(source: str) -> list[str]:
    """Texts that a page from this template would show and no catalog has."""
    shown: list[nodes.Expr] = []
    pieces = "".join(_pieces(environment("field").parse(source), shown))
    page = _Page(shown)
    page.feed(pieces)
    page.close()
    return page.found


def _pieces(node: nodes.Node, shown: list[nodes.Expr]) -> Iterator[str]:
    """The template as one page, every branch behind the other; an expression is a mark with its number."""
    if isinstance(node, nodes.Output):
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                yield part.data
            else:
                shown.append(part)
                yield f"\ue000{len(shown) - 1}\ue001"
        return
    attributes = isinstance(node, nodes.Block) and node.name.endswith("_attributes")
    if attributes:
        yield "<body "
    for name in ("body", "elif_", "else_"):
        for child in getattr(node, name, ()):
            yield from _pieces(child, shown)
    if attributes:
        yield ">"


def _words(node: nodes.Node) -> Iterator[str]:
    """The plain texts an expression may become."""
    if isinstance(node, nodes.Const):
        yield from [node.value] if isinstance(node.value, str) else []
    elif isinstance(node, nodes.CondExpr):
        yield from _words(node.expr1)
        yield from _words(node.expr2) if node.expr2 is not None else ()
    elif isinstance(node, nodes.Or | nodes.And):
        yield from _words(node.left)
        yield from _words(node.right)
    elif isinstance(node, nodes.Concat):
        for part in node.nodes:
            yield from _words(part)
    elif isinstance(node, nodes.Filter) and node.node is not None:
        yield from _words(node.node)


def told_by(page: str) -> set[str]:
    """What an answered page says: each text and told attribute, and the parts of a line of several things."""
    reader = _Answer()
    reader.feed(page)
    reader.close()
    return {piece.strip() for text in reader.found for piece in (text, *APART.split(text))} - {""}


class _Answer(HTMLParser):
    """Collects what a person is told."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent = tag in ("script", "style")
        self.found += [text for name, text in attrs if text and name in HUMAN and tag != "meta"]

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data.strip())


class _Page(HTMLParser):
    """Looks at what stands between tags and in attributes that are told."""

    def __init__(self, shown: list[nodes.Expr]) -> None:
        super().__init__()
        self.found: list[str] = []
        self._shown, self._silent = shown, False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent = tag in ("script", "style")
        for name, text in attrs:
            if name in HUMAN and not (tag == "meta" and name == "content"):
                self._look(text or "")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._look(data)

    def _look(self, text: str) -> None:
        said = [word for n in MARK.findall(text) for word in _words(self._shown[int(n)])]
        for one in (MARK.sub(" ", text), *said):
            if WORD.search(NAMES.sub(" ", one)):
                self.found.append(one.strip())
