"""What needs somebody, and how syncs and saves go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar import get
from litestar.response import Template

from fieldsync.server.alerts.found import found_alerts
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.figures.charts import Charts, Period, charts, pending_ages, saves_by_day
from fieldsync.server.oversight.figures.people import completeness, people_syncs
from fieldsync.server.oversight.transactions import Oversight
from fieldsync.server.oversight.wanted import Wanted
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.web.console.door import AnyRequest, admin_org
from fieldsync.web.console.home.drawn import drawn_days, ranked

TILES = ("Success", "Failed", "Waiting", "Canceled")
DAYS = (7, 30, 90)
FEW_SYNCS = 20
"""An org with fewer is shown what to try."""
SHOWN = 5


def period_of(org: Org, request: AnyRequest) -> tuple[Period, int]:
    """The days that end today which the address asks for, with its filters; and how many."""
    given = {name: str(request.query_params.get(name, "")).strip() for name in ("days", "version", "device", "profile")}
    asked = given.pop("days")
    days = int(asked) if asked.isdecimal() and int(asked[:6]) in DAYS else DAYS[0]
    now = org.world.clock.now()
    first = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    return Period(first, now + timedelta(minutes=1), **given), days


async def figures(org: Org, database: Database, period: Period, days: int) -> tuple[Charts, dict[str, Any]]:
    """The charts of a period as pages draw them."""
    found = await charts(org, database, period)
    saves = await saves_by_day(org, database, period)
    return found, {"charts": found, "drawn": drawn_days(found, saves, period.since.date(), days)}


async def _tiles(org: Org) -> list[tuple[str, int]]:
    counts = await Oversight(org).counts(org.world.clock.now() - timedelta(days=1))
    return [(name, counts.get(name, 0)) for name in TILES]


@get("/")
async def home(request: AnyRequest, served: ServedHere) -> Template:
    """The first page."""
    org, page_token = await admin_org(served, request)
    period, days = period_of(org, request)
    since = org.world.clock.now() - timedelta(days=60)
    failed = await Oversight(org).transactions(Wanted(status="Failed", since=since))
    async with snapshot(org.pool) as database:
        found, shown = await figures(org, database, period, days)
        told = {
            "alerts": await found_alerts(org, database),
            "late": await people_syncs(org, database, late_only=True),
            "ages": (ages := await pending_ages(org, database)),
            "waiting": ranked([(one.label.capitalize(), one.devices) for one in ages], "Devices by their oldest save"),
            "complete": (await completeness(org, database)).sentence,
        }
    about = {"here": "home", "org": org.name, "page_token": page_token, "tiles": await _tiles(org)}
    new = found.whole.syncs < FEW_SYNCS
    periods = {"days": days, "every_days": DAYS, "new": new, "failed": failed[:SHOWN]}
    return Template("home.html", context={**about, **shown, **told, **periods})


@get("/parts/tiles")
async def tiles_part(request: AnyRequest, served: ServedHere) -> Template:
    """The counts, anew."""
    org, _ = await admin_org(served, request)
    return Template("_tiles.html", context={"tiles": await _tiles(org)})


HOME_PAGES = [home, tiles_part]
