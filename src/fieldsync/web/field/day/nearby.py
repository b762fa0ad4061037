"""Accounts nearby: by the positions that their addresses have on this device, nearest first, without a network.

Where from: what the device says of itself, a place that is typed and found among the addresses that are here, or the
last address that was visited. No position is stored, and none leaves the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from litestar import get
from litestar.response import Template

from fieldsync.base.ids import RecordId
from fieldsync.device import Device
from fieldsync.web.field.context import AnyRequest, FieldHere
from fieldsync.web.kit.locales import Manner
from fieldsync.web.kit.pages import shown
from fieldsync.web.kit.tongue import _

ADDRESS, LATITUDE, LONGITUDE = "Address", "Location__Latitude__s", "Location__Longitude__s"
FOUND_MAX = 30
AROUND_KM = (2, 10, 50, 250)
"""How far is looked, until enough are found."""
LOOKED_AT_MAX = 2_000
VISITS_MAX = 50
KM_A_DEGREE, EARTH_KM, MILE_KM = 111.32, 6_371.0, 1.609344
MILES = frozenset({"US", "GB", "LR", "MM"})
"""Countries in which roads are measured in miles."""


@dataclass(frozen=True)
class Point:
    """A position in degrees, and what it is called."""

    latitude: float
    longitude: float
    name: str = ""


@dataclass(frozen=True)
class Near:
    """An address with its account, and how far it is."""

    account: RecordId
    street: str
    town: str
    km: float
    far: str


def distance_km(one: Point, other: Point) -> float:
    """As the crow flies. Pure."""
    a, b = math.radians(one.latitude), math.radians(other.latitude)
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def written(km: float, manner: Manner) -> str:
    """A distance as people of this country read it. Pure."""
    miles = manner.custom.territory in MILES
    far = km / MILE_KM if miles else km
    digits = Decimal(f"{far:.1f}" if far < 10 else f"{far:.0f}")
    unit = _("%(n)s mi") if miles else _("%(n)s km")
    return unit % {"n": manner.number(digits)}


def nearest(device: Device, here: Point, manner: Manner) -> list[Near]:
    """The nearest account of each that has an address with a position."""
    if ADDRESS not in device.catalog:
        return []
    found: dict[str, Near] = {}
    for km in AROUND_KM:
        rows = _around(device, here, km)
        told = sorted((_near(row, here, manner) for row in rows), key=lambda near: near.km)
        found = {}
        for near in told:
            if near.km <= km:
                found.setdefault(near.account, near)
        if len(found) >= FOUND_MAX:
            break
    return list(found.values())[:FOUND_MAX]


def _around(device: Device, here: Point, km: float) -> list[dict[str, Any]]:
    """Addresses within a square around a point."""
    tall = km / KM_A_DEGREE
    wide = tall / max(math.cos(math.radians(here.latitude)), 0.01)
    query = (
        f"SELECT Id, Name, AccountId, City, Postal_Code, {LATITUDE}, {LONGITUDE} FROM {ADDRESS} "  # noqa: S608
        f"WHERE {LATITUDE} >= :south AND {LATITUDE} <= :north AND {LONGITUDE} >= :west AND {LONGITUDE} <= :east "
        f"AND Inactive = false LIMIT {LOOKED_AT_MAX}"
    )
    edges = {"south": here.latitude - tall, "north": here.latitude + tall}
    edges |= {"west": here.longitude - wide, "east": here.longitude + wide}
    return device.soql(query, {name: Decimal(f"{value:.7f}") for name, value in edges.items()})


def _near(row: dict[str, Any], here: Point, manner: Manner) -> Near:
    km = distance_km(here, Point(float(row[LATITUDE]), float(row[LONGITUDE])))
    account = RecordId(str(row["AccountId"]))
    town = " ".join(shown(row[name]) for name in ("Postal_Code", "City") if row[name])
    return Near(account, shown(row["Name"]), town, km, written(km, manner))


def place_called(device: Device, text: str) -> Point | None:
    """Where the addresses are whose town, post code or street begins so: the middle of them."""
    if ADDRESS not in device.catalog or not text:
        return None
    query = (
        f"SELECT Name, City, {LATITUDE}, {LONGITUDE} FROM {ADDRESS} WHERE {LATITUDE} != null "  # noqa: S608
        f"AND (City LIKE :like OR Postal_Code LIKE :like OR Name LIKE :anywhere) LIMIT {LOOKED_AT_MAX}"
    )
    plain = text.replace("\\", "").replace("%", "").replace("_", "\\_")
    rows = device.soql(query, {"like": f"{plain}%", "anywhere": f"%{plain}%"})
    if not rows:
        return None
    middle = [sum(float(row[name]) for row in rows) / len(rows) for name in (LATITUDE, LONGITUDE)]
    return Point(middle[0], middle[1], text)


def last_visited(device: Device) -> Point | None:
    """The address of the person's last visit that has a position."""
    me = device.account
    if me is None or "Call" not in device.catalog or ADDRESS not in device.catalog:
        return None
    calls = device.find("Call", where={"OwnerId": me.user.id}, order_by="Call_Date", descending=True, limit=VISITS_MAX)
    for call in calls:
        if call.values.get("Status") == "Planned":
            continue
        chosen = call.values.get("AddressId")
        where = {"Id": chosen} if chosen else {"AccountId": call.values["AccountId"], "Primary": True}
        for address in device.find(ADDRESS, where=where, limit=1):
            at = address.values.get(LATITUDE), address.values.get(LONGITUDE)
            if None not in at:
                return Point(float(str(at[0])), float(str(at[1])), shown(address.values["Name"]))
    return None


def point_of(latitude: str, longitude: str) -> Point | None:
    """What a browser says; None for what is no position. Pure."""
    try:
        at = Point(float(latitude), float(longitude))
    except ValueError:
        return None
    return at if abs(at.latitude) <= 90 and abs(at.longitude) <= 180 else None


@get("/nearby", sync_to_thread=True)
def nearby(request: AnyRequest, app: FieldHere, lat: str = "", lon: str = "", near: str = "") -> Template:
    """Who is nearby: of this device's position, of a place that was typed, of the last visit."""
    text = near.strip()
    by_device, by_text = point_of(lat, lon), place_called(app.device, text)
    here = by_device or by_text or (last_visited(app.device) if not text else None)
    found = nearest(app.device, here, app.manner) if here is not None else []
    rows = [(near_by, app.device.name_of("Account", near_by.account) or "") for near_by in found]
    said = ""
    if here is by_device is not None:
        said = _("From where this device is.")
    elif here is not None:
        said = _("From %(place)s.") % {"place": here.name}
    return app.page(request, "nearby.html", here="accounts", rows=rows, said=said, near=text, unknown=here is None)


NEARBY_PAGES = [nearby]
