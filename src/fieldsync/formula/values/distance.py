"""Places on the globe: GEOLOCATION and DISTANCE."""

from __future__ import annotations

from decimal import Decimal

from fieldsync.formula.problem import NoValue
from fieldsync.formula.types import Place
from fieldsync.formula.values import angles, decimals

EARTH_KM = Decimal("6371.009")
"""Mean radius of the earth."""
KM_OF_MILE = Decimal("1.609344")


def geolocation(latitude: Decimal, longitude: Decimal) -> Place:
    """A place by its degrees."""
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise NoValue("a latitude goes from -90 to 90, a longitude from -180 to 180")
    return latitude, longitude


def distance(start: Place, end: Place, unit: str) -> Decimal:
    """Along the globe (haversine), in `km` or `mi`."""
    if unit not in ("km", "mi"):
        raise NoValue("the unit of a distance is 'km' or 'mi'")
    latitudes = _radians(start[0]), _radians(end[0])
    half_height = angles.sine(decimals.divide(decimals.subtract(latitudes[1], latitudes[0]), Decimal(2)))
    half_width = angles.sine(decimals.divide(_radians(decimals.subtract(end[1], start[1])), Decimal(2)))
    part = decimals.add(
        decimals.multiply(half_height, half_height),
        decimals.multiply(
            decimals.multiply(angles.cosine(latitudes[0]), angles.cosine(latitudes[1])),
            decimals.multiply(half_width, half_width),
        ),
    )
    angle = decimals.multiply(Decimal(2), angles.arc_sine(min(decimals.square_root(part), Decimal(1))))
    km = decimals.multiply(angle, EARTH_KM)
    return decimals.to_scale(km if unit == "km" else decimals.divide(km, KM_OF_MILE), 15)


def _radians(degrees: Decimal) -> Decimal:
    return decimals.divide(decimals.multiply(degrees, angles.PI), Decimal(180))
