"""The package of the data model that a device is answered with: what changed, where that is less than the whole."""

from __future__ import annotations

import asyncio
from functools import lru_cache

import msgspec

from fieldsync.protocol.metadata.difference import difference
from fieldsync.protocol.metadata.package import Content, Package, checksum_of, content_of, written
from fieldsync.schema.catalog import encode
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.stored_catalog import packs_of
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller

ANSWERS_KEPT = 64
"""Devices of one profile come from few versions: so many answers are made once."""


async def package(org: Org, database: Database, caller: Caller, held: tuple[str, str]) -> bytes:
    """The answer for this person. `held`: the version and the profile of what his device has; the version is empty
    where it has nothing. Made beside the event loop: a big data model takes a tenth of a second."""
    since, profile = held
    before = await packs_of(database, since) if since else None
    wanted = (org.catalog.version, caller.profile)
    return await asyncio.to_thread(_answer, encode(org.catalog), wanted, before, (since, profile))


@lru_cache(maxsize=ANSWERS_KEPT)
def _answer(packs: bytes, wanted: tuple[str, str], before: bytes | None, held: tuple[str, str]) -> bytes:
    version, profile = wanted
    content = content_of(packs, profile)
    whole = written(content)
    told = Package(version, profile, checksum_of(whole))
    found = msgspec.json.encode(msgspec.structs.replace(told, packs=msgspec.Raw(whole)))
    if before is None:
        return found
    shorter = _since(told, content_of(before, held[1]), content, held[0])
    return min(shorter, found, key=len)


def _since(told: Package, before: Content, after: Content, since: str) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(told, since=since, change=difference(before, after)))
