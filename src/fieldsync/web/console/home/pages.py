"""What needs somebody, and how syncs and saves go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar import get
from litestar.response import Template

from fieldsync.server.alerts.found import found_alerts
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.figures.charts import Charts, Period, charts, saves_by_day
from fieldsync.server.oversight.figures.people import completeness, people_syncs
from fieldsync.server.oversight.figures.waiting import Waiting, pending_saves
from fieldsync.server.oversight.transactions import Oversight
from fieldsync.server.oversight.wanted import Wanted
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.web.console.door import AnyRequest, admin_org
from fieldsync.web.console.home.drawn import drawn_days, drawn_split
from fieldsync.web.kit.chart import Ranked, ranked

TILES = ("Success", "Failed", "Waiting", "Canceled")
DAYS = (7, 30, 90)
SPLITS = {"version": "App version", "device": "Device type", "territory": "Territory"}
"""By what syncs are split."""
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


async def figures(
    org: Org, database: Database, period: Period, days: int, by: str = ""
) -> tuple[Charts, dict[str, Any]]:
    """The charts of a period as pages draw them: by day, and by the split that is asked for, or the first."""
    found = await charts(org, database, period)
    saves = await saves_by_day(org, database, period)
    waiting = await pending_saves(org, database)
    by = by if by in SPLITS else next(iter(SPLITS))
    split = drawn_split(getattr(found, by), getattr(waiting, by))
    told = {"charts": found, "drawn": drawn_days(found, saves, period.since.date(), days), "waiting": _ages(waiting)}
    return found, told | {"ages": waiting.ages, "split": split, "by": by, "splits_named": SPLITS}


def _ages(waiting: Waiting) -> Ranked:
    groups = [(one.label.capitalize(), float(one.devices), f"{one.devices:,}") for one in waiting.ages]
    return ranked("Devices by their oldest save", "devices", groups)


def split_of(request: AnyRequest) -> str:
    """By what the address asks to split them; whatever it says."""
    return str(request.query_params.get("by", ""))


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
        found, shown = await figures(org, database, period, days, split_of(request))
        told = {
            "alerts": await found_alerts(org, database),
            "late": await people_syncs(org, database, late_only=True),
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
