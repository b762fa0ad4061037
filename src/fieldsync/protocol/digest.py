"""The digest: proof that a device holds what it should, and the way to repair it where it does not (DESIGN 9).

Rows are summed up by object and bucket of ids: how many there are, and the sums of the low and the high 32 bits of a
hash of (id, version): the first 64 bits of the SHA-256 of `id:version`. A download asked for with `digest=1` ends with
the sums of the rows the device is to have in its very snapshot. Where the device's own differ, it sends
`POST /sync/v1/digest`, a `Repair`: what it holds in those buckets. The answer is a download from its checkpoint, with
the rows that are missing or other there, the ids of those it named that have to go, and the sums of this snapshot at
its end: so every round is checked by itself.

PostgreSQL computes the same numbers in `server/sync/digest/sums.py`; a test holds the two together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from struct import unpack
from typing import Annotated

import msgspec
from msgspec import Meta

from fieldsync.base import limits
from fieldsync.base.ids import ID_CHARS, RecordId

BUCKETS = 256
_SUMMED_AT_ONCE = 20_000


class Version(StrEnum):
    """What tells how new a row is."""

    STAMP = "stamp"
    """Its stamp."""
    WRITTEN = "written"
    """`SystemModstamp`, in seconds since 1970: of rows whose formula fields read the rows above them. The stamp they
    were sent with is the greatest on the way, and stays behind where something was written there that they do not
    read."""


class Bucket(msgspec.Struct, frozen=True, array_like=True):
    """`[bucket, count, low, high]`; an empty bucket is left out."""

    bucket: int
    count: int
    low: int
    high: int


class ObjectDigest(msgspec.Struct, frozen=True):
    """The rows of one object. Of an object that is not listed a device is to have none."""

    object: str
    version: Version
    buckets: tuple[Bucket, ...]


class Digest(msgspec.Struct, frozen=True):
    """The rows a device is to have. `label` names the rules, rights and data model they were chosen by: sums of
    different labels are not compared."""

    label: str
    objects: tuple[ObjectDigest, ...]


HeldRow = tuple[
    Annotated[RecordId, Meta(max_length=ID_CHARS, pattern="^[0-9A-Za-z]*$")], Annotated[int, Meta(ge=0, le=2**63 - 1)]
]
"""Id and version."""
HeldRows = Annotated[tuple[HeldRow, ...], Meta(max_length=limits.DIGEST_ROWS_MAX)]
BucketNumber = Annotated[int, Meta(ge=0, lt=BUCKETS)]


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything the device has in some buckets of one object."""

    object: str
    buckets: Annotated[tuple[BucketNumber, ...], Meta(max_length=BUCKETS)]
    rows: HeldRows


class Repair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /sync/v1/digest`: where the device stands, and what it holds where the sums differ."""

    checkpoint: str
    label: str
    held: tuple[Held, ...]
    feed: str = ""
    """The last feed cursor the device had, as a download is told it."""


def bucket_of(record_id: str) -> int:
    """The bucket of an id. The last two characters of the counter spread rows that were made one after another."""
    return _bucket_of_end(record_id[13:15])


def _bucket_of_end(end: str) -> int:
    first, second = end.encode().ljust(2, b"\0")
    return (31 * first + second) % BUCKETS


class Sums:
    """The buckets of rows that come one after another. Memory does not grow with the rows."""

    def __init__(self) -> None:
        self._found: dict[int, Bucket] = {}
        self._rows: list[tuple[str, int]] = []

    def add(self, rows: Iterable[tuple[str, int]]) -> None:
        """Rows (id, version)."""
        rest = iter(rows)
        while some := list(islice(rest, _SUMMED_AT_ONCE)):
            self._rows += some
            if len(self._rows) >= _SUMMED_AT_ONCE:
                self._sum_up()

    def buckets(self) -> tuple[Bucket, ...]:
        """What they are so far, in order."""
        self._sum_up()
        return tuple(self._found[number] for number in sorted(self._found))

    def _sum_up(self) -> None:
        found = self._found
        for number, hashes in _hashes(self._rows).items():
            words = unpack(f">{2 * len(hashes)}I", b"".join(hashes))
            more = Bucket(number, len(hashes), sum(words[1::2]), sum(words[::2]))
            found[number] = _added(found[number], more) if number in found else more
        self._rows.clear()


def sums(rows: Iterable[tuple[str, int]]) -> tuple[Bucket, ...]:
    """The buckets of rows (id, version), in order."""
    found = Sums()
    found.add(rows)
    return found.buckets()


def _hashes(rows: Iterable[tuple[str, int]]) -> Mapping[int, list[bytes]]:
    """Of each bucket the first eight bytes of its rows' hashes."""
    by_end: defaultdict[str, list[bytes]] = defaultdict(list)
    for record_id, version in rows:
        by_end[record_id[13:15]].append(sha256(b"%b:%d" % (record_id.encode(), version)).digest()[:8])
    found: defaultdict[int, list[bytes]] = defaultdict(list)
    for end, hashes in by_end.items():
        found[_bucket_of_end(end)] += hashes
    return found


def _added(one: Bucket, other: Bucket) -> Bucket:
    return Bucket(one.bucket, one.count + other.count, one.low + other.low, one.high + other.high)


def differing(ours: Iterable[Bucket], theirs: Iterable[Bucket]) -> tuple[int, ...]:
    """Numbers of the buckets whose rows are not the same, in order."""
    return tuple(sorted({each.bucket for each in set(ours) ^ set(theirs)}))
