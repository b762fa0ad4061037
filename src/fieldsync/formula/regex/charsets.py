"""Sets of characters as sorted ranges of code points."""

from __future__ import annotations

import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from functools import cache

Ranges = tuple[tuple[int, int], ...]
LAST = sys.maxunicode


def united(parts: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted, without overlaps."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(parts):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(result[-1][1], high))
        else:
            result.append((low, high))
    return tuple(result)


def inverted(ranges: Ranges) -> Ranges:
    """Every character that is not in it."""
    result, start = [], 0
    for low, high in ranges:
        if low > start:
            result.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        result.append((start, LAST))
    return tuple(result)


def intersected(left: Ranges, right: Ranges) -> Ranges:
    """What is in both."""
    return inverted(united((*inverted(left), *inverted(right))))


def holds(ranges: Ranges, character: str) -> bool:
    """Whether the character is in it."""
    code = ord(character)
    at = bisect_right(ranges, (code, LAST)) - 1
    return at >= 0 and ranges[at][1] >= code


def of(text: str) -> Ranges:
    """The characters of a text; `a-z` style is not known here."""
    return united((ord(c), ord(c)) for c in text)


def without_case(ranges: Ranges) -> Ranges:
    """With both cases of ASCII letters, as Java's flag `i` has it."""
    extra = []
    for low, high in ranges:
        for first, last, shift in ((65, 90, 32), (97, 122, -32)):
            if low <= last and high >= first:
                extra.append((max(low, first) + shift, min(high, last) + shift))
    return united((*ranges, *extra))


DIGITS = united([(48, 57)])
WORDS = united([(48, 57), (65, 90), (95, 95), (97, 122)])
SPACES = of(" \t\n\x0b\f\r")
BREAKS = of("\n\r\x85\u2028\u2029")
DOT = inverted(BREAKS)
CLASSES: dict[str, Ranges] = {
    "d": DIGITS,
    "D": inverted(DIGITS),
    "w": WORDS,
    "W": inverted(WORDS),
    "s": SPACES,
    "S": inverted(SPACES),
    "h": of(" \t\xa0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"),
    "v": of("\n\x0b\f\r\x85\u2028\u2029"),
}
_POSIX: dict[str, Ranges] = {
    "Lower": united([(97, 122)]),
    "Upper": united([(65, 90)]),
    "ASCII": united([(0, 127)]),
    "Alpha": united([(65, 90), (97, 122)]),
    "Digit": DIGITS,
    "Alnum": united([(48, 57), (65, 90), (97, 122)]),
    "Punct": of("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    "Graph": united([(33, 126)]),
    "Print": united([(32, 126)]),
    "Blank": of(" \t"),
    "Cntrl": united([(0, 31), (127, 127)]),
    "XDigit": united([(48, 57), (65, 70), (97, 102)]),
    "Space": SPACES,
}
_SPELLINGS = {"IsAlphabetic": "L", "IsLetter": "L", "IsDigit": "Nd", "IsUppercase": "Lu", "IsLowercase": "Ll"}


@cache
def named(name: str) -> Ranges | None:
    r"""The set of `\p{name}`; None where nobody knows it."""
    if name in _POSIX:
        return _POSIX[name]
    category = _SPELLINGS.get(name, name.removeprefix("Is"))
    if not (len(category) in (1, 2) and category[0] in "LMNPSZC"):
        return None
    found = [(c, c) for c in range(LAST + 1) if unicodedata.category(chr(c)).startswith(category)]
    return united(found) or None
