"""A form against what it showed when it was opened, and what the record holds now. Pure.

A form is flat: field names to texts. Only what the person changed is written; where somebody else changed the same
field meanwhile (the page's hold on the record had ended), the person decides, not the page (laws L6, L8).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

Texts = Mapping[str, str]
SEEN = "seen"
"""The form field that carries what the form showed."""


def packed(shown: Texts) -> str:
    """What a form shows, for its hidden field."""
    return msgspec.json.encode(dict(shown), order="sorted").decode()


def unpacked(form: Texts) -> dict[str, str]:
    """What a sent form had shown; nothing for one that does not say."""
    try:
        return msgspec.json.decode(form.get(SEEN) or "{}", type=dict[str, str])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return {}


def changed(seen: Texts, given: Texts) -> dict[str, str]:
    """What the person changed; a field that is gone from the form counts as emptied."""
    names = dict.fromkeys([*seen, *given])
    return {name: given.get(name, "") for name in names if given.get(name, "") != seen.get(name, "")}


def clashes(seen: Texts, given: Texts, now: Texts) -> list[str]:
    """Fields that the person and somebody else changed to different values."""
    mine = changed(seen, given)
    return [name for name, text in mine.items() if now.get(name, "") not in (seen.get(name, ""), text)]


def merged(seen: Texts, given: Texts, now: Texts) -> dict[str, str]:
    """The record as it is now with the person's changes in it."""
    result = dict(now)
    for name, text in changed(seen, given).items():
        if name in given:
            result[name] = text
        else:
            result.pop(name, None)
    return result
