"""Java's pattern syntax to a tree. What is not understood, or could not be matched in linear time, is refused."""

from __future__ import annotations

from dataclasses import dataclass

from fieldsync.formula import limits
from fieldsync.formula.problem import NoValue
from fieldsync.formula.regex import charsets
from fieldsync.formula.regex.charsets import Ranges


@dataclass(frozen=True)
class One:
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True)
class Edge:
    r"""A place without a character: `^`, `$`, `b` (at a word's edge) or `B`."""

    kind: str


@dataclass(frozen=True)
class Look:
    """What must, or must not, follow here."""

    tree: Tree
    wanted: bool


@dataclass(frozen=True)
class Row:
    """One after the other."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Choice:
    """One of them."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Repeat:
    """`least` to `most` times; None for no end."""

    tree: Tree
    least: int
    most: int | None


Tree = One | Edge | Look | Row | Choice | Repeat

_CONTROL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}
_DEPTH_MAX = 50


def parse(pattern: str) -> Tree:
    """The pattern's tree. Raises NoValue."""
    if len(pattern) > limits.REGEX_CHARS_MAX:
        raise NoValue(f"a pattern may have {limits.REGEX_CHARS_MAX:,} characters")
    reader = _Reader(pattern)
    tree = reader.choice(0)
    if not reader.ended:
        raise NoValue("a pattern has a ) too many")
    return tree


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.ignore_case = False

    @property
    def ended(self) -> bool:
        return self.at >= len(self.pattern)

    def take(self) -> str:
        if self.ended:
            raise NoValue("a pattern ends too early")
        self.at += 1
        return self.pattern[self.at - 1]

    def skip(self, text: str) -> bool:
        found = self.pattern.startswith(text, self.at)
        self.at += len(text) if found else 0
        return found

    def choice(self, depth: int) -> Tree:
        if depth > _DEPTH_MAX:
            raise NoValue("a pattern is nested too deeply")
        parts = [self.row(depth)]
        while self.skip("|"):
            parts.append(self.row(depth))
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def row(self, depth: int) -> Tree:
        parts: list[Tree] = []
        while not self.ended and self.pattern[self.at] not in "|)":
            tree = self.atom(depth)
            if tree is not None:
                parts.append(self.repeated(tree))
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def repeated(self, tree: Tree) -> Tree:
        while not self.ended and self.pattern[self.at] in "*+?{":
            tree = Repeat(tree, *self.counts())
            if self.skip("+"):
                raise NoValue("possessive repetition is not known here")
            self.skip("?")  # reluctant or greedy: the same texts match
        return tree

    def counts(self) -> tuple[int, int | None]:
        sign = self.take()
        if sign != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        end = self.pattern.find("}", self.at)
        least, comma, most = self.pattern[self.at : end].partition(",") if end >= 0 else ("", "", "")
        numbers = [least, most] if most else [least]
        if not all(n.isascii() and n.isdigit() and len(n) <= 4 for n in numbers):
            raise NoValue("a pattern has a { without counts")
        self.at = end + 1
        upper = int(most) if most else None if comma else int(least)
        if upper is not None and upper < int(least):
            raise NoValue("a pattern repeats from more to less")
        return int(least), upper

    def atom(self, depth: int) -> Tree | None:
        sign = self.take()
        match sign:
            case "(":
                return self.group(depth)
            case "[":
                return One(self.members(depth))
            case ".":
                return One(charsets.DOT)
            case "^" | "$":
                return Edge(sign)
            case "\\":
                return self.escape()
            case "*" | "+" | "?" | "{":
                raise NoValue(f"a pattern has nothing to repeat before {sign}")
            case _:
                return self.literal(sign)

    def literal(self, text: str) -> One:
        ranges = charsets.of(text)
        return One(charsets.without_case(ranges) if self.ignore_case else ranges)

    def group(self, depth: int) -> Tree | None:
        wanted = True if self.skip("?=") else False if self.skip("?!") else None
        if wanted is None and self.skip("?i)"):
            self.ignore_case = True
            return None
        if wanted is None and not self.skip("?:") and self.skip("?"):
            raise NoValue("this kind of group is not known here")
        outer = self.ignore_case
        tree = self.choice(depth + 1)
        self.ignore_case = outer
        if not self.skip(")"):
            raise NoValue("a pattern has a ( without its )")
        return tree if wanted is None else Look(tree, wanted)

    def escape(self) -> Tree:
        sign = self.take()
        match sign:
            case "b" | "B":
                return Edge(sign)
            case "A" | "z" | "Z":
                return Edge("^" if sign == "A" else "$")
            case "Q":
                return self.quoted()
            case _:
                return One(self.escaped(sign))

    def quoted(self) -> Tree:
        end = self.pattern.find("\\E", self.at)
        text = self.pattern[self.at : end if end >= 0 else len(self.pattern)]
        self.at += len(text) + (2 if end >= 0 else 0)
        return Row(tuple(self.literal(c) for c in text))

    def escaped(self, sign: str) -> Ranges:
        r"""The characters of `\sign`, in or out of brackets."""
        if sign in charsets.CLASSES:
            return charsets.CLASSES[sign]
        if sign in _CONTROL:
            return charsets.of(_CONTROL[sign])
        if sign in "pP":
            return self.category(inverted=sign == "P")
        if sign in "xu":
            return self.coded(2 if sign == "x" else 4)
        if sign.isascii() and sign.isalnum():
            raise NoValue(f"\\{sign} is not known in a pattern here")
        return self.literal(sign).ranges

    def category(self, *, inverted: bool) -> Ranges:
        name = self.take()
        if name == "{":
            end = self.pattern.find("}", self.at)
            name = self.pattern[self.at : end] if end >= 0 else ""
            self.at = end + 1
        ranges = charsets.named(name)
        if ranges is None:
            raise NoValue(f"no class of characters is called {name}")
        return charsets.inverted(ranges) if inverted else ranges

    def coded(self, digits: int) -> Ranges:
        code = self.pattern[self.at : self.at + digits]
        try:
            character = chr(int(code, 16))
        except ValueError:
            raise NoValue("a pattern has a character code that is none") from None
        self.at += digits
        return charsets.of(character)

    def members(self, depth: int) -> Ranges:
        """Inside brackets: ranges, classes, other brackets, && for what is in both."""
        if depth > _DEPTH_MAX:
            raise NoValue("a pattern is nested too deeply")
        negated = self.skip("^")
        found: Ranges = ()
        both: Ranges | None = None
        first = True
        while first or not self.skip("]"):
            if self.skip("&&"):
                both = found if both is None else charsets.intersected(both, found)
                found = ()
            else:
                found = charsets.united((*found, *self.member(depth)))
            first = False
        if both is not None:
            found = charsets.intersected(both, found)
        found = charsets.without_case(found) if self.ignore_case else found
        return charsets.inverted(found) if negated else found

    def member(self, depth: int) -> Ranges:
        sign = self.take()
        if sign == "[":
            return self.members(depth + 1)
        low = self.escaped(self.take()) if sign == "\\" else charsets.of(sign)
        rest = self.pattern[self.at : self.at + 2]
        if len(rest) < 2 or rest[0] != "-" or rest[1] == "]" or len(low) != 1 or low[0][0] != low[0][1]:
            return low
        self.at += 1
        sign = self.take()
        high = self.escaped(self.take()) if sign == "\\" else charsets.of(sign)
        if len(high) != 1 or high[0][0] != high[0][1] or high[0][0] < low[0][0]:
            raise NoValue("a pattern has a range that is none")
        return ((low[0][0], high[0][0]),)
