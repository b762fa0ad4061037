"""What the text functions do. A blank text comes as None and leaves as None: '' never does."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from fieldsync.formula import limits
from fieldsync.formula.problem import NoValue
from fieldsync.formula.values import decimals

BLANKS = "".join(chr(code) for code in range(33))
"""Space and every control character, which TRIM takes away."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_WORDS = re.compile(r"[^\W_]+")
HTML_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#039;"))
PICTURES = r'(<img src="[^"<>]*" alt="[^"<>]*"( style="[^"<>]*")? border="0"/>)+'
"""What IMAGE writes, once or more."""
_PICTURES = re.compile(PICTURES)
_SIZES = ("height", "width")
ID_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
MINOR_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND"), 0),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def bounded(text: str) -> str | None:
    """The text, unless it grew out of all bounds; None for an empty one."""
    if len(text) > limits.RESULT_CHARS_MAX:
        raise NoValue("a text is too long")
    return text or None


def concat(*parts: str | None) -> str | None:
    return bounded("".join(part or "" for part in parts))


def left(text: str, count: Decimal) -> str | None:
    return text[: max(int(count), 0)] or None


def right(text: str, count: Decimal) -> str | None:
    """Nothing where the count is not a whole number, as on the live platform."""
    if count != int(count):
        return None
    wanted = max(int(count), 0)
    return text[len(text) - min(wanted, len(text)) :] or None


def mid(text: str, start: Decimal, count: Decimal) -> str | None:
    first = max(int(start), 1) - 1
    return text[first : first + max(int(count), 0)] or None


def substr(text: str, start: Decimal, count: Decimal | None = None) -> str | None:
    """Like MID, but a start below zero counts from the end."""
    first = int(start)
    if first < 0:
        first += len(text)
        if first < 0:
            return None
    else:
        first = max(first, 1) - 1
    return text[first : first + (len(text) if count is None else max(int(count), 0))] or None


def find(wanted: str | None, text: str | None, start: Decimal | None = None) -> Decimal:
    """Where `wanted` begins, counted from 1; 0 where it does not occur, there is nothing to look for, or the start is
    below 1. A blank start is 1."""
    first = decimals.ONE if start is None else start
    if not wanted or not text or first <= 0:
        return decimals.ZERO
    return Decimal(text.find(wanted, max(int(first), 1) - 1) + 1)


def contains(text: str | None, wanted: str | None) -> bool | None:
    """A blank text is in every text; in a blank one nothing else is looked for, and the answer is blank."""
    return True if not wanted else (wanted in text if text else None)


def begins(text: str | None, wanted: str | None) -> bool | None:
    """As `contains` for what is blank."""
    return True if not wanted else (text.startswith(wanted) if text else None)


def ends(text: str | None, wanted: str | None) -> bool | None:
    """As `contains` for what is blank."""
    return True if not wanted else (text.endswith(wanted) if text else None)


def substitute(text: str | None, wanted: str | None, new: str | None) -> str | None:
    return bounded(text.replace(wanted, new or "")) if text and wanted else text


def trim(text: str) -> str | None:
    return text.strip(BLANKS) or None


def lpad(text: str, count: Decimal, padding: str = " ") -> str | None:
    wanted = int(count)
    return text[: max(wanted, 0)] or None if wanted <= len(text) else _padding(text, wanted, padding) + text


def rpad(text: str, count: Decimal, padding: str = " ") -> str | None:
    wanted = int(count)
    return text[: max(wanted, 0)] or None if wanted <= len(text) else text + _padding(text, wanted, padding)


def _padding(text: str, wanted: int, padding: str) -> str:
    if wanted > limits.RESULT_CHARS_MAX:
        raise NoValue("a text is too long")
    missing = wanted - len(text)
    return (padding * (missing // len(padding) + 1))[:missing]


def lower(text: str | None, locale: str | None = None) -> str | None:
    """Small letters; in Turkish `I` becomes `ı`."""
    if text is None:
        return None
    if (locale or "").lower().startswith(("tr", "az")):
        text = text.replace("İ", "i").replace("I", "ı")
    return text.lower() or None


def upper(text: str | None, locale: str | None = None) -> str | None:
    """Capitals; in Turkish `i` becomes `İ`."""
    if text is None:
        return None
    if (locale or "").lower().startswith(("tr", "az")):
        text = text.replace("i", "İ")
    return text.upper() or None


def initcap(text: str) -> str | None:
    return _WORDS.sub(lambda word: word[0][0].title() + word[0][1:].lower(), text)


def reverse(text: str) -> str | None:
    return text[::-1]


def ascii_code(text: str) -> Decimal:
    return Decimal(ord(text[0]))


def character(code: Decimal) -> str | None:
    """Blank where no character has this code."""
    number = int(code)
    return None if not 0 < number < 0x110000 or 0xD800 <= number < 0xE000 else chr(number)


def value(text: str) -> Decimal:
    """The number a text says."""
    if not _NUMBER.fullmatch(text):
        raise NoValue("a text is not a number")
    number = Decimal(text)
    if number and not -limits.MAGNITUDE_DIGITS_MAX <= number.adjusted() < limits.MAGNITUDE_DIGITS_MAX:
        raise NoValue("a number is too large or too small")
    return number


def is_number(text: str | None) -> bool:
    return text is not None and _NUMBER.fullmatch(text) is not None


def like(text: str, pattern: str) -> bool:
    r"""SQL's LIKE: `%` any characters, `_` one, `\` takes the next one as it is. One pass, no backtracking further than
    the last `%`."""
    parts = _like_parts(pattern)
    at, part, star, mark = 0, 0, -1, 0
    while at < len(text):
        if part < len(parts) and parts[part] != "%" and parts[part] in ("_", "=" + text[at]):
            at, part = at + 1, part + 1
        elif part < len(parts) and parts[part] == "%":
            star, mark, part = part, at, part + 1
        elif star >= 0:
            mark += 1
            at, part = mark, star + 1
        else:
            return False
    return all(rest == "%" for rest in parts[part:])


def _like_parts(pattern: str) -> list[str]:
    """`%`, `_`, or `=` and the character meant."""
    parts: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            parts.append("=" + next(characters, "\\"))
        else:
            parts.append(character if character in "%_" else "=" + character)
    return parts


def case_safe_id(text: str) -> str:
    """15 characters and the three that make their case safe to lose; any other text as it is."""
    if len(text) != 15:
        return text
    chunks = (text[0:5], text[5:10], text[10:15])
    return text + "".join(
        ID_DIGITS[sum(("A" <= c <= "Z") << place for place, c in enumerate(chunk))] for chunk in chunks
    )


def hyperlink(address: str | None, label: str | None, target: str | None = "_blank") -> str:
    """A link; blank parts are written as a space, as the platform does."""
    return f'<a href="{_attribute(address)}" target="{escaped(target)}">{_label(label)}</a>'


def image(address: str | None, text: str | None, *sizes: Decimal | None) -> str:
    """A picture; a size that is given but blank is 0."""
    styles = [f"{name}:{decimals.shown(size or decimals.ZERO)}px;" for name, size in zip(_SIZES, sizes, strict=False)]
    style = f' style="{" ".join(styles)}"' if styles else ""
    return f'<img src="{_attribute(address)}" alt="{escaped(text)}"{style} border="0"/>'


def _attribute(text: str | None) -> str:
    """Inside quotes: the characters that would end it, or open a tag, are written as entities."""
    return (text or " ").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def _label(text: str | None) -> str:
    """A label shows as it is typed; a picture made by IMAGE stays a picture."""
    return text if text is not None and _PICTURES.fullmatch(text) else escaped(text)


def escaped(text: str | None) -> str:
    """As HTML shows it; a space for nothing."""
    text = text or " "
    for character, written in HTML_ENTITIES:
        text = text.replace(character, written)
    return text


def format_currency(code: str | None, amount: Decimal | None) -> str | None:
    """`USD 1,000.50`: the code, thousands apart, as many digits as the currency has."""
    if amount is None:
        return None
    digits = MINOR_DIGITS.get(code or "", 2)
    rounded = decimals.to_scale(amount, digits)
    return f"{code or ''} {rounded:,.{digits}f}"


def json_path_value(document: str, path: str) -> str | None:
    """The value at a path like `$.a.b[0]`, as text."""
    found = _json(document)
    if not re.fullmatch(r"\$(\.\w+|\[\d{1,6}\])*", path):
        raise NoValue("a JSON path looks like $.a.b[0]")
    for step in re.findall(r"\w+", path[1:]):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return _json_text(found)


def json_value(document: str, key: str) -> str | None:
    """The value of one key of a JSON object, as text; blank for a list or an object."""
    found = _json(document)
    item = found.get(key) if isinstance(found, dict) else None
    return None if isinstance(item, list | dict) else _json_text(item)


def _json(document: str) -> object:
    import json

    try:
        found: object = json.loads(document, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError, InvalidOperation):
        raise NoValue("a text is not JSON") from None
    return found


def _json_text(found: object) -> str | None:
    match found:
        case None:
            return None
        case bool():
            return "true" if found else "false"
        case str():
            return found or None
        case Decimal():
            return format(found, "f")
        case _:
            raise NoValue("a JSON path ends at a list or an object")
