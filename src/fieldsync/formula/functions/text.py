"""The text functions, as rows of the table."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from fieldsync.formula.functions.run import Arguments, Run
from fieldsync.formula.functions.signature import (
    BOOLEAN,
    DATE,
    DATETIME,
    NUMBER,
    PICKLIST,
    TEXT,
    TIME,
    Function,
    Kind,
    maybe,
    p,
)
from fieldsync.formula.regex.machine import matches
from fieldsync.formula.types import Value
from fieldsync.formula.values import calendar, decimals, encoding, texts


def text_of(value: Value) -> str | None:
    """A value as TEXT writes it."""
    match value:
        case Decimal():
            return decimals.shown(value)
        case datetime():
            return calendar.datetime_text(value)
        case date():
            return value.isoformat()
        case time():
            return calendar.time_text(value)
        case str() | None:
            return value
        case _:
            raise AssertionError(value)


def _text(run: Run, arguments: Arguments) -> Value:
    """A blank date and time gives `Z`, as on the live platform."""
    value = run.value(arguments[0])
    return "Z" if value is None and arguments[0].type is DATETIME else text_of(value)


def _length(text: str | None) -> Decimal:
    return Decimal(len(text or ""))


def _regex(text: str | None, pattern: str | None) -> bool:
    return matches(text or "", pattern or "")


def _row(name: str, parameters: Any, result: Any, python: Any, sql: str, doc: str, **more: Any) -> Function:
    return Function(name, Kind.TEXT, parameters, result, python, sql, doc, **more)


_T, _COUNT = p("text", TEXT), p("count", NUMBER)
_LINK = p("address", TEXT)

ROWS: tuple[Function, ...] = (
    _row(
        "TEXT",
        (p("value", NUMBER, DATE, DATETIME, TIME, PICKLIST, TEXT),),
        TEXT,
        _text,
        "to_text",
        "A number, date, date and time (in UTC), time or picklist value as text; 0.45 is written .45.",
        lazy=True,
    ),
    _row("VALUE", (_T,), NUMBER, texts.value, "to_number", "The number a text says; any other text is an error."),
    _row("LEN", (_T,), NUMBER, _length, "len", "How many characters a text has.", blanks=True),
    _row("LEFT", (_T, _COUNT), TEXT, texts.left, "left_of", "The first characters."),
    _row(
        "RIGHT",
        (_T, _COUNT),
        TEXT,
        texts.right,
        "right_of",
        "The last characters; none where the count is not a whole number.",
    ),
    _row(
        "MID", (_T, p("start", NUMBER), _COUNT), TEXT, texts.mid, "mid", "Characters from a place on; the first is 1."
    ),
    _row(
        "SUBSTR",
        (_T, p("start", NUMBER), maybe("count", NUMBER)),
        TEXT,
        texts.substr,
        "substr",
        "Like MID; a negative start counts from the end.",
    ),
    _row(
        "FIND",
        (p("wanted", TEXT), _T, maybe("start", NUMBER)),
        NUMBER,
        texts.find,
        "find",
        "Where a text begins in another, from 1; 0 where it does not occur.",
        blanks=True,
    ),
    _row(
        "CONTAINS",
        (_T, p("wanted", TEXT)),
        BOOLEAN,
        texts.contains,
        "contains_text",
        "Whether a text has another in it; upper and lower case differ. Every text has a blank one in it.",
        blanks=True,
    ),
    _row(
        "BEGINS",
        (_T, p("wanted", TEXT)),
        BOOLEAN,
        texts.begins,
        "begins",
        "Whether a text begins with another; every text begins with a blank one.",
        blanks=True,
    ),
    _row(
        "ENDS",
        (_T, p("wanted", TEXT)),
        BOOLEAN,
        texts.ends,
        "ends",
        "Whether a text ends with another; every text ends with a blank one.",
        blanks=True,
    ),
    _row(
        "SUBSTITUTE",
        (_T, p("wanted", TEXT), p("new", TEXT)),
        TEXT,
        texts.substitute,
        "substitute",
        "The text with every occurrence of another replaced.",
        blanks=True,
    ),
    _row("TRIM", (_T,), TEXT, texts.trim, "trim_text", "Without spaces at both ends."),
    _row(
        "LPAD",
        (_T, _COUNT, maybe("padding", TEXT)),
        TEXT,
        texts.lpad,
        "lpad_text",
        "As long as `count`: cut off, or filled from the left.",
    ),
    _row(
        "RPAD",
        (_T, _COUNT, maybe("padding", TEXT)),
        TEXT,
        texts.rpad,
        "rpad_text",
        "As long as `count`: cut off, or filled from the right.",
    ),
    _row("LOWER", (_T, maybe("locale", TEXT)), TEXT, texts.lower, "lower_text", "In small letters.", blanks=True),
    _row("UPPER", (_T, maybe("locale", TEXT)), TEXT, texts.upper, "upper_text", "In capitals.", blanks=True),
    _row("INITCAP", (_T,), TEXT, texts.initcap, "initcap_text", "Each word with a capital, the rest small."),
    _row("REVERSE", (_T,), TEXT, texts.reverse, "reverse_text", "Back to front."),
    _row("ASCII", (_T,), NUMBER, texts.ascii_code, "ascii_code", "The code of the first character."),
    _row("CHR", (p("code", NUMBER),), TEXT, texts.character, "chr_text", "The character with this code."),
    _row("CASESAFEID", (p("id", TEXT),), TEXT, texts.case_safe_id, "case_safe_id", "An id of 15 characters as its 18."),
    _row("BR", (), TEXT, lambda: "\n", "br", "A line break."),
    _row(
        "HYPERLINK",
        (_LINK, p("label", TEXT), maybe("target", TEXT)),
        TEXT,
        texts.hyperlink,
        "hyperlink",
        "A link; it opens in a new window unless a target says otherwise.",
        blanks=True,
    ),
    _row(
        "IMAGE",
        (_LINK, p("alternative", TEXT), maybe("height", NUMBER), maybe("width", NUMBER)),
        TEXT,
        texts.image,
        "image",
        "A picture, with the text that stands for it.",
        blanks=True,
    ),
    _row(
        "REGEX",
        (_T, p("pattern", TEXT)),
        BOOLEAN,
        _regex,
        "regex",
        "Whether the whole text matches a pattern. Java's syntax without back-references and look-behind.",
        blanks=True,
    ),
    _row(
        "LIKE",
        (_T, p("pattern", TEXT)),
        BOOLEAN,
        texts.like,
        "like_text",
        r"Whether the text matches: % any characters, _ one, \ takes the next as it is.",
    ),
    _row(
        "FORMATCURRENCY",
        (p("code", TEXT), p("amount", NUMBER)),
        TEXT,
        texts.format_currency,
        "format_currency",
        "An amount with its currency's code and digits.",
        blanks=True,
    ),
    _row(
        "HTMLENCODE",
        (_T,),
        TEXT,
        encoding.html_encode,
        "html_encode",
        "With the characters HTML reads as markup written as entities.",
    ),
    _row("JSENCODE", (_T,), TEXT, encoding.js_encode, "js_encode", "Safe inside quotes of JavaScript."),
    _row(
        "JSINHTMLENCODE",
        (_T,),
        TEXT,
        encoding.js_in_html_encode,
        "js_in_html_encode",
        "Safe inside quotes of JavaScript inside HTML.",
    ),
    _row("URLENCODE", (_T,), TEXT, encoding.url_encode, "url_encode", "Safe inside an address."),
    _row(
        "JSONVALUE",
        (p("document", TEXT), p("key", TEXT)),
        TEXT,
        texts.json_value,
        "json_value",
        "The value of one key of a JSON object.",
    ),
    _row(
        "JSONPATHVALUE",
        (p("document", TEXT), p("path", TEXT)),
        TEXT,
        texts.json_path_value,
        "json_path_value",
        "The value at a path like $.a.b[0] of a JSON document.",
    ),
)
