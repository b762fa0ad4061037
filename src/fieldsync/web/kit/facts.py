"""A record's fields as a page tells them: texts, pictures, and links that are safe to follow."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import Field, FieldType
from fieldsync.web.kit.locales import Manner
from fieldsync.web.kit.naming import chosen_of, label_of
from fieldsync.web.kit.pages import shown, when
from fieldsync.web.kit.tongue import _, present

SET_BY_SYSTEM = frozenset({"OwnerId", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById"})
"""Told last."""
HIDDEN = frozenset({"Id", "Name", "IsDeleted", "SystemModstamp"})
"""Said elsewhere on the page, or of no use to a person."""
PNG_HEAD = "iVBORw0KGgo"
"""How a PNG begins in base64."""
_TAG = re.compile(
    r'<(?:a href|img src)="(?P<address>[^"]*)"[^>]*?(?:alt="(?P<alt>[^"]*)")?[^>]*>(?:(?P<text>[^<]*)</a>)?'
)
_WEB = ("https://", "http://")
_SAFE = (*_WEB, "/")


@dataclass(frozen=True)
class Fact:
    """One field of a record page. `link` leads to what it points to."""

    label: str
    text: str
    link: str = ""
    image: bool = False
    rest: str = ""
    """Of a text that is longer than its field, where all of it is."""
    bytes: int = 0
    """How long all of it is."""
    here: bool = False
    """Whether all of it can be read now."""


def fact_of(field: Field, value: FieldValue, manner: Manner | str, points_to: tuple[str, str] | None) -> Fact:
    """A filled field, for somebody of this manner, or only of this time zone. `points_to` is the name and page of the
    record a reference leads to."""
    label = label_of(field)
    if points_to is not None:
        return Fact(label, *points_to)
    text = chosen_of(field, value) or (manner.text(field, value) if isinstance(manner, Manner) else None)
    if text is not None:
        return Fact(label, text)
    if FieldType.DATETIME in (field.type, field.formula_returns):
        return Fact(label, when(value, manner if isinstance(manner, str) else manner.zone))
    if field.type is FieldType.BASE64:
        text = str(value)
        is_png = text.startswith(PNG_HEAD)
        return Fact(
            label,
            text if is_png else _("{n} bytes").format(n=present().manner.number(len(text) * 3 // 4)),
            image=is_png,
        )
    tag = tag_of(shown(value)) if field.type is FieldType.FORMULA else None
    return Fact(label, *tag) if tag is not None else Fact(label, shown(value), reach_of(field, shown(value)))


def reach_of(field: Field, text: str) -> str:
    """The address at which what this field says is reached: by phone, by mail or on the web; empty for any other."""
    if field.type is FieldType.PHONE:
        digits = "".join(c for c in text if c in "+0123456789")
        return f"tel:{digits}" if digits else ""
    if field.type is FieldType.EMAIL and text:
        return f"mailto:{quote(text, safe='@')}"
    return text if field.type is FieldType.URL and text.startswith(_WEB) else ""


def told(manner: Manner, record: Mapping[str, object]) -> Callable[[Field, FieldValue], str]:
    """How a record's values are written for somebody: times in the zone it took place in, but for the platform's."""
    there = manner.of(record)
    return lambda field, value: fact_of(field, value, manner if field.name in SET_BY_SYSTEM else there, None).text


def tag_of(text: str) -> tuple[str, str] | None:
    """What HYPERLINK and IMAGE give, as a text and an address that is safe to follow; None for any other text."""
    found = _TAG.fullmatch(text.strip())
    if found is None:
        return None
    address = html.unescape(found["address"]).strip()
    label = html.unescape(found["text"] or found["alt"] or address)
    return label, address if address.startswith(_SAFE) else ""
