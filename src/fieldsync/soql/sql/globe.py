"""Distance on the globe in PostgreSQL, by the haversine formula, to six decimals."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fieldsync.soql.values import RADIUS, Scalar

Sql = sa.ColumnElement[Any]


def distance(latitude: Sql, longitude: Sql, place: tuple[Scalar, Scalar], unit: str) -> Sql:
    """From the point in two columns to `place`, in the unit `mi` or `km`."""
    here_latitude, here_longitude = sa.func.radians(latitude), sa.func.radians(longitude)
    there_latitude, there_longitude = (sa.func.radians(sa.literal(v, sa.Numeric())) for v in place)
    half: Sql = sa.literal_column("2.0")
    chord = _square(sa.func.sin((there_latitude - here_latitude) / half)) + sa.func.cos(here_latitude) * sa.func.cos(
        there_latitude
    ) * _square(sa.func.sin((there_longitude - here_longitude) / half))
    whole: Sql = sa.literal_column("1.0::float8")
    angle = sa.func.asin(sa.func.sqrt(sa.case((chord > whole, whole), else_=chord)))
    length = angle * sa.cast(sa.literal(2 * RADIUS[unit], sa.Numeric()), sa.Double())
    return sa.func.round(sa.cast(length, sa.Numeric()), sa.literal_column("6"))


def _square(sql: Sql) -> Sql:
    return sql * sql
