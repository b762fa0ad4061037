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
from collections.abc import Iterable, Sequence
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from struct import unpack
from typing import Annotated, Any

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
    """Everything the device has in some buckets of one object; of rows named in no bucket, these alone."""

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
    named_from: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None
    """The answer to FORK: the server's history is another from this stamp on, and `held` names every row of the device
    with this stamp or a later one, in no bucket. Each comes as it is now, or goes; so does what changed here since."""


def bucket_of(record_id: str) -> int:
    """The bucket of an id. The last two characters of the counter spread rows that were made one after another."""
    return _bucket_of_end(record_id[13:15])


def _bucket_of_end(end: str) -> int:
    first, second = end.encode().ljust(2, b"\0")
    return (31 * first + second) % BUCKETS


class Total(msgspec.Struct, frozen=True):
    """The sums of all buckets together: enough to see that rows agree, too little to tell which do not."""

    count: int = 0
    low: int = 0
    high: int = 0

    def with_rows(self, rows: Sequence[Sequence[Any]]) -> Total:
        """With these rows added; each begins with version and id."""
        low, high = _summed([_hash(row[1], row[0]) for row in rows])
        return Total(self.count + len(rows), self.low + low, self.high + high)


def total_of(buckets: Iterable[Bucket]) -> Total:
    """What the buckets come to."""
    counts = [(each.count, each.low, each.high) for each in buckets]
    return Total(*map(sum, zip(*counts, strict=True))) if counts else Total()


def sums(rows: Iterable[tuple[str, int]]) -> tuple[Bucket, ...]:
    """The buckets of rows (id, version), in order. Memory does not grow with the rows."""
    found: dict[int, Bucket] = {}
    rest = iter(rows)
    while some := list(islice(rest, _SUMMED_AT_ONCE)):
        by_end: defaultdict[str, list[bytes]] = defaultdict(list)
        for record_id, version in some:
            by_end[record_id[13:15]].append(_hash(record_id, version))
        for end, hashes in by_end.items():
            more = Bucket(_bucket_of_end(end), len(hashes), *_summed(hashes))
            found[more.bucket] = _added(found[more.bucket], more) if more.bucket in found else more
    return tuple(found[number] for number in sorted(found))


def _hash(record_id: str, version: int) -> bytes:
    return sha256(f"{record_id}:{version}".encode()).digest()


def _summed(hashes: Sequence[bytes]) -> tuple[int, int]:
    """The sums of the low and the high 32 bits of what the hashes begin with."""
    words = unpack(">" + "II24x" * len(hashes), b"".join(hashes))
    return sum(words[1::2]), sum(words[::2])


def _added(one: Bucket, other: Bucket) -> Bucket:
    return Bucket(one.bucket, one.count + other.count, one.low + other.low, one.high + other.high)


def differing(ours: Iterable[Bucket], theirs: Iterable[Bucket]) -> tuple[int, ...]:
    """Numbers of the buckets whose rows are not the same, in order."""
    return tuple(sorted({each.bucket for each in set(ours) ^ set(theirs)}))
