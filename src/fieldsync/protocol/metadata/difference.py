"""What differs between two JSON values, and putting it on the first to have the second. Pure, and of no meaning: lists
whose members have names of their own are compared by these, all else is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_NAMES: Final = ("name", "object", "value")
"""What a member of a list may be known by; the first that each of them has, and no two the same."""


class Put(msgspec.Struct, frozen=True, array_like=True, tag="="):
    """This instead of what was there."""

    value: Any


class Fields(msgspec.Struct, frozen=True, array_like=True, tag="{"):
    """An object, where these keys differ and those are gone."""

    changed: dict[str, Put | Fields | Members]
    gone: tuple[str, ...] = ()


class Members(msgspec.Struct, frozen=True, array_like=True, tag="["):
    """A list of members with names. `order`: the names of all there are then; empty where they are as they were."""

    changed: dict[str, Put | Fields | Members]
    order: tuple[str, ...] = ()


Difference = Put | Fields | Members


class Unfitting(Exception):
    """A difference of something else than it is put on."""


def difference(before: Any, after: Any) -> Difference | None:
    """What makes `after` out of `before`; None where they are equal."""
    if isinstance(before, dict) and isinstance(after, dict):
        parts = Fields(_between(before, after), tuple(key for key in before if key not in after))
        return parts if parts.changed or parts.gone else None
    if isinstance(before, list) and isinstance(after, list):
        old, new = _named(before), _named(after)
        if old and new:
            members = Members(_between(old, new), () if list(old) == list(new) else tuple(new))
            return members if members.changed or members.order else None
    return None if _is_same(before, after) else Put(after)


def _is_same(one: Any, other: Any) -> bool:
    """As JSON: `true` is no `1`."""
    return msgspec.json.encode(one, order="deterministic") == msgspec.json.encode(other, order="deterministic")


def put_on(before: Any, found: Difference | None) -> Any:
    """The value that `difference` was told of. Raises Unfitting."""
    if found is None:
        return before
    if isinstance(found, Put):
        return found.value
    if isinstance(found, Fields):
        there = {key: value for key, value in _fitting(before).items() if key not in found.gone}
        return there | _changed(there, found.changed)
    members = _fitting(_named(before) if isinstance(before, list) else None)
    members = members | _changed(members, found.changed)
    try:
        return [members[name] for name in found.order or members]
    except KeyError as missing:
        raise Unfitting(f"no member {missing}") from None


def _between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Difference]:
    found = {key: difference(before[key], value) if key in before else Put(value) for key, value in after.items()}
    return {key: one for key, one in found.items() if one is not None}


def _changed(there: Mapping[str, Any], changed: Mapping[str, Difference]) -> dict[str, Any]:
    return {key: put_on(there.get(key), one) for key, one in changed.items()}


def _fitting(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unfitting("what is there has no such parts")
    return value


def _named(members: list[Any]) -> dict[str, Any] | None:
    """The members by their names; None where they have none."""
    if not all(isinstance(one, dict) for one in members):
        return None
    for key in _NAMES:
        names = [one.get(key) for one in members]
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return dict(zip(names, members, strict=True))
    return None
