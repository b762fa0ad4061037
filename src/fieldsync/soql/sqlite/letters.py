"""How names sort and are found on a device: by letters, without case, as the dictionaries of the person's language do.

An accent makes another letter in some languages and only a mark in most; what a language has as a letter of its own
stands where its alphabet has it. Of Greek and Cyrillic letters the case alone is left out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from fieldsync.soql.values import fold

_LATIN = tuple(map(chr, range(0xC0, 0x180)))
_CASED = (*_LATIN, *map(chr, (*range(0x386, 0x3AC), *range(0x400, 0x430))))
SPELLED = {"\u00df": "ss", "\u1e9e": "ss", "\u00e6": "ae", "\u00c6": "ae", "\u0153": "oe", "\u0152": "oe"}
"""Letters that sort as two."""
MARKS = "\u0300\u0301\u0302\u0303\u0308\u030a\u030c\u0327"
"""Accents as characters of their own, behind their letter."""
_SWEDISH = {"\u00e5": "{a", "\u00e4": "{b", "\u00f6": "{c"}
_DANISH = {"\u00e6": "{a", "\u00f8": "{b", "\u00e5": "{c"}
_CZECH = {"\u010d": "c{", "\u0159": "r{", "\u0161": "s{", "\u017e": "z{"}
_CROATIAN = {"\u010d": "c{", "\u0107": "c|", "\u0111": "d{", "\u0161": "s{", "\u017e": "z{"}
ALPHABETS: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(("sv", "fi"), _SWEDISH),
    **dict.fromkeys(("da", "nb", "nn", "no"), _DANISH),
    **dict.fromkeys(("cs", "sk"), _CZECH),
    **dict.fromkeys(("hr", "sl"), _CROATIAN),
    "es": {"\u00f1": "n{"},
    "et": {"\u0161": "s{", "\u017e": "s|", "\u00f5": "w{", "\u00e4": "w|", "\u00f6": "w}", "\u00fc": "w~"},
    "pl": {
        "\u0105": "a{",
        "\u0107": "c{",
        "\u0119": "e{",
        "\u0142": "l{",
        "\u0144": "n{",
        "\u00f3": "o{",
        "\u015b": "s{",
        "\u017a": "z{",
        "\u017c": "z|",
    },
}
"""Of languages with letters of their own: what each sorts as. `{` stands behind every letter."""


def _base_letter(char: str) -> str:
    apart = unicodedata.normalize("NFD", char)
    return apart[0].lower() if len(apart) > 1 and apart[0].isascii() else ""


@lru_cache(maxsize=16)
def _letters(language: str) -> Mapping[str, str]:
    """Each character that sorts as another, and as which."""
    found = {char: char.lower() for char in _CASED if len(char.lower()) == 1}
    found |= {char: _base_letter(char) for char in _LATIN if _base_letter(char)}
    found |= {"\u00d8": "o", "\u00f8": "o", "\u0141": "l", "\u0142": "l", "\u0110": "d", "\u0111": "d"}
    found |= SPELLED | dict.fromkeys(MARKS, "")
    for letter, place in ALPHABETS.get(language, {}).items():
        found |= {letter: place, letter.upper(): place}
    return {char: plain for char, plain in found.items() if char != plain}


def alphabet_of(locale: str) -> str:
    """The language by whose alphabet somebody of this locale reads lists; empty where accents are only marks."""
    language = locale.replace("-", "_").partition("_")[0].lower()
    return language if language in ALPHABETS else ""


@lru_cache(maxsize=16)
def _table(language: str) -> dict[int, str]:
    return str.maketrans(dict(_letters(language)))


def sorting(text: str, language: str = "") -> str:
    """`text` as it sorts."""
    return fold(text.translate(_table(language)))


FUNCTION = "soql_letters_1"
"""`sorting`, for SQLite. An index stands on it: what sorts otherwise is a function, and an index, of another name."""


def sorting_sql(column: str, language: str = "") -> str:
    """An expression for what a text column sorts by, as `sorting` does. Most names have no accents, and ask nobody."""
    return f"CASE WHEN {column} GLOB '*[^ -~]*' THEN {FUNCTION}({column}, '{language}') ELSE lower({column}) END"
