"""`GET /sync/v1/catalog?since=VERSION&profile=NAME`: the data model, as it is for one profile (FEATURES F01).

A package is the base, which is the same for everybody, and what is of the one profile of who asks: its rights, and
layouts that name it. Of other profiles a device learns nothing. Permission sets are in the base: anybody may be given
one at any time. A device that names the version and the profile of what it has gets only what changed since; where the
server does not know that version any more, or the whole is shorter, it gets the whole. A checksum proves either way
that both have the same. Without `since` the answer is the packs alone, as a list.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fieldsync.base.ids import content_hash
from fieldsync.protocol.metadata.difference import Difference, Unfitting, put_on

Content = list[Any]
"""Packs as plain JSON."""


class Package(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer. `version` is the org's; `checksum` is of the content that results."""

    version: str
    profile: str
    checksum: str
    packs: msgspec.Raw = msgspec.Raw(b"null")
    """The whole content; null where `change` tells what to make it of."""
    since: str = ""
    """The version that `change` is to be put on; empty for the whole."""
    change: Difference | None = None


def content_of(packs: bytes, profile: str) -> Content:
    """The base and this one profile, of a catalog as `encode` wrote it."""
    found: Content = msgspec.json.decode(packs)
    for pack in found:
        mine = [one for one in pack.pop("profiles", ()) if one["name"] == profile]
        if mine:
            pack["profiles"] = mine
        for one in pack.get("objects", ()):
            _leave_out_layouts(one, profile)
    return found


def _leave_out_layouts(declared: dict[str, Any], profile: str) -> None:
    """Those that are for other profiles only."""
    mine = [one for one in declared.pop("layouts", ()) if profile in (one.get("profiles") or (profile,))]
    if mine:
        declared["layouts"] = mine


def written(content: Content) -> bytes:
    """The content's one form: equal contents are equal bytes."""
    return msgspec.json.encode(content, order="deterministic")


def checksum_of(content: bytes) -> str:
    """Of what `written` gave."""
    return content_hash(content)


def opened(package: Package, held: bytes | None) -> bytes | None:
    """What a device that has `held` is to have then, as `written`; None where it does not come to what the server
    means, and the whole is to be asked for."""
    try:
        if not package.since:
            content: Any = msgspec.json.decode(package.packs)
        else:
            content = put_on(msgspec.json.decode(held or b"[]"), package.change)
    except Unfitting:
        return None
    found = written(content)
    return found if checksum_of(found) == package.checksum else None
