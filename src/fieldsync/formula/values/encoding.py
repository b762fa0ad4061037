"""Texts made safe for where they are put: HTML, JavaScript, addresses."""

from __future__ import annotations

from urllib.parse import quote_plus

HTML = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;"))
SCRIPT = (
    ("\\", "\\\\"),
    ("'", "\\'"),
    ('"', '\\"'),
    ("/", "\\/"),
    ("\n", "\\n"),
    ("\r", "\\r"),
    ("\t", "\\t"),
    ("<", "\\u003C"),
    (">", "\\u003E"),
)


def html_encode(text: str) -> str:
    for character, written in HTML:
        text = text.replace(character, written)
    return text


def js_encode(text: str) -> str:
    for character, written in SCRIPT:
        text = text.replace(character, written)
    return text


def js_in_html_encode(text: str) -> str:
    return js_encode(html_encode(text))


def url_encode(text: str) -> str:
    return quote_plus(text, safe="*-._").replace("~", "%7E")
