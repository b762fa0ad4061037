"""Sums over the rows a device is to have: one statement an object, computed where the rows are."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Integer, Select, cast, extract, func, literal_column, select
from sqlalchemy.dialects.postgresql import BIT

from fieldsync.base.ids import content_hash
from fieldsync.protocol.digest import BUCKETS, Bucket, Digest, ObjectDigest, Version
from fieldsync.schema.standard import STAMP
from fieldsync.server.postgres.formulas import Computed
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.scope.scope import Scope

_WORD = literal_column("4294967295", BigInteger)


def label_of(scope: Scope) -> str:
    """What the rows are chosen and shaped by: data model, visible columns, rules, sharing, the values of tokens."""
    return content_hash(msgspec.json.encode((scope.around.catalog.version, scope.recipe.hash)))


async def digest_of(scope: Scope, database: Database) -> Digest:
    """The digest of everything the device is to have in this snapshot."""
    found = []
    for name in scope.objects:
        rows = await database.rows(scope.kept("digest", name, build=partial(_sums, name)))
        buckets = tuple(Bucket(*row) for row in rows)
        found.append(ObjectDigest(name, version_kind(scope.computed(name)), buckets))
    return Digest(label_of(scope), tuple(found))


def version_kind(computed: Computed) -> Version:
    """What the digest takes as version of these rows."""
    return Version.STAMP if computed.source is computed.table else Version.WRITTEN


def version_of(computed: Computed) -> ColumnElement[Any]:
    """The version of a row, as a statement reads it."""
    table = computed.table
    if version_kind(computed) is Version.STAMP:
        return table.c[STAMP]
    return cast(extract("epoch", table.c.SystemModstamp), BigInteger)


def bucket_in(record_id: ColumnElement[Any]) -> ColumnElement[Any]:
    """`protocol.digest.bucket_of` for PostgreSQL."""
    first, second = (
        func.ascii(func.substr(record_id, literal_column(place), literal_column("1"))) for place in ("14", "15")
    )
    return cast((first * literal_column("31", Integer) + second) % literal_column(str(BUCKETS)), Integer)


def hash_in(record_id: ColumnElement[Any], version: ColumnElement[Any]) -> ColumnElement[Any]:
    """The hash of `protocol.digest` for PostgreSQL: both words in one bigint, the high one above."""
    text = func.convert_to(func.concat(record_id, literal_column("':'"), version), literal_column("'UTF8'"))
    digits = func.left(func.encode(func.sha256(text), literal_column("'hex'")), literal_column("16"))
    return cast(cast(literal_column("'x'").op("||")(digits), BIT(64)), BigInteger)


def _sums(name: str, scope: Scope) -> Select[Any]:
    computed = scope.computed(name)
    table = computed.table
    each = (
        select(bucket_in(table.c.Id).label("bucket"), hash_in(table.c.Id, version_of(computed)).label("words"))
        .select_from(computed.source)
        .where(table.c.IsDeleted.is_(False), scope.selected(name, table))
        .offset(literal_column("0"))  # a fence: without it the hash would be computed once for each sum
        .subquery("each_row")
    )
    low = func.sum(each.c.words.op("&")(_WORD))
    high = func.sum(each.c.words.op(">>")(literal_column("32")).op("&")(_WORD))
    summed = select(each.c.bucket, func.count(), cast(low, BigInteger), cast(high, BigInteger))
    return summed.group_by(each.c.bucket).order_by(each.c.bucket)
