"""A template filled in: text or HTML with places such as `{{Account.Name}}`. What the device shows, the server sends.
Pure.

Only the places of `PLACES` are filled, with values as text; in HTML they are escaped, so that no name is ever markup.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape

HTML, PLAIN = "text/html", "text/plain"
MEDIA_TYPES = (HTML, PLAIN)
NOTE = "Note"
ACCOUNT_FIELDS = ("Name", "Salutation", "FirstName", "LastName", "Specialty")
USER_FIELDS = ("Name", "Email", "Phone")
PLACES = frozenset({*(f"Account.{f}" for f in ACCOUNT_FIELDS), *(f"User.{f}" for f in USER_FIELDS), NOTE})
TEMPLATE_BYTES_MAX = 256 * 1024
_PLACE = re.compile(r"\{\{\s*([A-Za-z_.]{1,80})\s*\}\}")
_UNSEEN = re.compile(r"(?is)<(style|script|head|title)\b.*?</\1\s*>|<!--.*?-->")
_BREAK = re.compile(r"(?i)<br\s*/?>|</(p|div|h[1-6]|li|tr)\s*>")
_TAG = re.compile(r"(?s)<[^>]*>")


def unknown_places(text: str) -> list[str]:
    """Places that nothing fills in, as they are written."""
    return sorted({found for found in _PLACE.findall(text) if found not in PLACES})


def has_note(text: str) -> bool:
    """Whether the person may write something of his own into it."""
    return NOTE in _PLACE.findall(text)


def filled(text: str, values: Mapping[str, str], *, html: bool) -> str:
    """The template with its places filled in; one without a value is empty."""

    def value(found: re.Match[str]) -> str:
        said = values.get(found[1], "")
        return escape(said).replace("\n", "<br>") if html else said

    return _PLACE.sub(value, text)


def one_line(text: str) -> str:
    """A text as a subject: without breaks, at most 255 letters."""
    return " ".join(text.split())[:255]


def as_plain(html: str) -> str:
    """HTML as the text that programs without it show."""
    seen = _TAG.sub("", _BREAK.sub("\n", _UNSEEN.sub("", html)))
    lines = [" ".join(line.split()) for line in unescape(seen).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def values_for(account: Mapping[str, object], user: Mapping[str, object], note: str) -> dict[str, str]:
    """What fills the places, from the records of the recipient and of who writes."""
    told = {f"Account.{name}": str(account.get(name) or "") for name in ACCOUNT_FIELDS}
    return told | {f"User.{name}": str(user.get(name) or "") for name in USER_FIELDS} | {NOTE: note}
