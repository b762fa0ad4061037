"""What this device holds as the server knows it, row by row: where a person is busy, the base image counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice

from fieldsync.base import limits
from fieldsync.device.merge.base import Base, BaseState, bases_of_object
from fieldsync.device.store.objects import ObjectTable, ObjectTables
from fieldsync.device.store.work import Work
from fieldsync.protocol.digest import Bucket, Digest, Held, Total, Version, bucket_of, differing, sums, total_of
from fieldsync.schema.standard import STAMP

Unlike = Mapping[str, Mapping[int, int]]
"""Of each object that differs the buckets, with how many rows the device has in them."""

Known = Mapping[str, Total]
NOTHING_KNOWN: Known = {}
_VERSIONS = {Version.STAMP: STAMP, Version.WRITTEN: "coalesce(unixepoch(SystemModstamp), 0)"}


def compare(work: Work, tables: ObjectTables, digest: Digest, known: Known = NOTHING_KNOWN) -> Unlike:
    """What differs. Of an object that the digest does not name the device is to have nothing.

    `known`: what the rows that were put in last come to, by stamp. It counts where the person is busy with none of
    them; where it agrees they need not be read again.
    """
    theirs = {each.object: each.buckets for each in digest.objects}
    found: dict[str, Mapping[int, int]] = {}
    for table in tables:
        version, wanted = version_of(digest, table), theirs.get(table.type.name, ())
        free = next(bases_of_object(work, table.type.name), None) is None
        if free and version is Version.STAMP and known.get(table.type.name) == total_of(wanted):
            continue
        ours = sums(held_rows(work, table, version))
        buckets = differing(ours, wanted)
        if buckets:
            found[table.type.name] = _counted(buckets, ours)
    return found


def _counted(buckets: tuple[int, ...], ours: tuple[Bucket, ...]) -> Mapping[int, int]:
    counts = {bucket.bucket: bucket.count for bucket in ours}
    return {bucket: counts.get(bucket, 0) for bucket in buckets}


def version_of(digest: Digest, table: ObjectTable) -> Version:
    """What the digest takes as version of an object's rows."""
    return next((each.version for each in digest.objects if each.object == table.type.name), Version.STAMP)


def held_rows(work: Work, table: ObjectTable, version: Version, since: int = 0) -> Iterator[tuple[str, int]]:
    """(id, version) of every row as the server knows it, with this stamp or a later one. One row is in memory at a
    time."""
    chosen = f"Id NOT IN (SELECT id FROM _base) AND {STAMP} >= ?"
    yield from work.each(f"SELECT Id, {_VERSIONS[version]} FROM {table.name} WHERE {chosen}", since)
    for base in bases_of_object(work, table.type.name):
        if base.state is BaseState.ROW and base.stamp >= since:
            yield base.ref.id, base.stamp if version is Version.STAMP else _written(base)


def _written(base: Base) -> int:
    at = base.values.get("SystemModstamp")
    return 0 if at is None else int(datetime.fromisoformat(at).timestamp())


def held_from(work: Work, tables: ObjectTables, stamp: int) -> tuple[Held, ...] | None:
    """Every row whose stamp is this one or a later one; None where they are more than can be named."""
    found: list[Held] = []
    left = limits.DIGEST_ROWS_MAX
    for table in tables:
        named = tuple(islice(held_rows(work, table, Version.STAMP, stamp), left + 1))
        left -= len(named)
        if left < 0:
            return None
        if named:
            found.append(Held(table.type.name, (), named))  # type: ignore[arg-type]
    return tuple(found)


def held_in(work: Work, tables: ObjectTables, digest: Digest, unlike: Unlike) -> tuple[Held, ...]:
    """What is held where it differs, as many buckets as one repair may name; the others come with the next."""
    found: list[Held] = []
    left = limits.DIGEST_ROWS_MAX
    for name, counts in unlike.items():
        buckets: set[int] = set()
        for bucket, count in counts.items():
            if count <= left:
                buckets.add(bucket)
                left -= count
        if buckets:
            rows = held_rows(work, tables[name], version_of(digest, tables[name]))
            named = tuple((record_id, version) for record_id, version in rows if bucket_of(record_id) in buckets)
            found.append(Held(name, tuple(sorted(buckets)), named))  # type: ignore[arg-type]
    return tuple(found)
