"""The person's visits, tasks and events by day, where each takes place. Read from the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fieldsync.base.ids import RecordId
from fieldsync.base.world import instant
from fieldsync.device import Device, Mark
from fieldsync.soql.list_view import PLACE
from fieldsync.web.kit.locales import zone_of
from fieldsync.web.kit.naming import value_of
from fieldsync.web.kit.pages import shown
from fieldsync.web.kit.tongue import _, named, present

WEEK, A_DAY = 7, timedelta(days=1)
CALLS = (
    "SELECT Id, Call_Date, Status, Account.Name FROM Call WHERE OwnerId = :me"
    " AND Call_Date >= :from AND Call_Date < :to ORDER BY Call_Date LIMIT 1000"
)
EVENTS = (
    "SELECT Id, Name, Start_Time, Venue FROM Medical_Event"
    " WHERE Start_Time >= :from AND Start_Time < :to ORDER BY Start_Time LIMIT 1000"
)
TASKS = (
    "SELECT Id, Name, ActivityDate, Status FROM Task WHERE OwnerId = :me"
    " AND ActivityDate >= :from AND ActivityDate < :to ORDER BY ActivityDate LIMIT 1000"
)


@dataclass(frozen=True)
class Entry:
    """One thing on a day. `at` is empty for what has no time of day."""

    day: date
    order: str
    at: str
    what: str
    about: str
    link: str
    mark: Mark


@dataclass(frozen=True)
class Day:
    """A day with what is on it, earliest first; `name` in full, `short` as its heading."""

    date: date
    name: str
    short: str
    today: bool
    entries: tuple[Entry, ...]


def days(device: Device, first: date, count: int, zone: str, today: date) -> list[Day]:
    """`count` days from `first` on. Where something takes place decides on which day it is."""
    found = sorted(_entries(device, first, first + timedelta(days=count), zone), key=lambda e: (e.order, e.what))
    dates = [first + timedelta(days=n) for n in range(count)]
    manner = present().manner
    return [
        Day(
            one,
            manner.whole_day(one),
            manner.weekday(one),
            one == today,
            tuple(e for e in found if e.day == one),
        )
        for one in dates
    ]


def week_of(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())


def day_of(text: str, today: date) -> date:
    """The day an address names; today for none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return today
    return found if 1970 < found.year < 2200 else today


def _entries(device: Device, first: date, behind: date, zone: str) -> Iterator[Entry]:
    """Calls and tasks of the person, and every event here, that begin within these days."""
    account = device.account
    if account is None:
        return
    here = zone_of(zone)
    begin, end = (instant(datetime(d.year, d.month, d.day, tzinfo=here)) for d in (first, behind))
    timed = {"from": datetime.fromisoformat(begin) - A_DAY, "to": datetime.fromisoformat(end) + A_DAY}
    if "Call" in device.catalog:
        for row in device.soql(_placed(device, "Call", CALLS), {"me": account.user.id, **timed}):
            about = (row.get("Account") or {}).get("Name") or _("An account")
            yield _timed(device, "Call", row, ("Call_Date", f"{about}", _status(device, "Call", row)), zone)
    if "Medical_Event" in device.catalog:
        for row in device.soql(_placed(device, "Medical_Event", EVENTS), timed):
            yield _timed(device, "Medical_Event", row, ("Start_Time", shown(row["Name"]), shown(row["Venue"])), zone)
    if "Task" in device.catalog:
        for row in device.soql(TASKS, {"me": account.user.id, "from": first, "to": behind}):
            about = f"{named(device.catalog['Task'].label)} · {_status(device, 'Task', row)}"
            mark, link = device.mark("Task", RecordId(row["Id"])), f"/objects/Task/{row['Id']}"
            yield Entry(
                _date(row["ActivityDate"]),
                "",
                "",
                shown(row["Name"]),
                about,
                link,
                mark,
            )


def _status(device: Device, name: str, row: dict[str, object]) -> str:
    return value_of(device.catalog[name].fields["Status"], shown(row["Status"]))


def _timed(device: Device, name: str, row: dict[str, object], told: tuple[str, str, str], zone: str) -> Entry:
    column, what, about = told
    value = row[column]
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    manner = present().manner.of(row)
    here = moment.astimezone(zone_of(manner.there or zone))
    record_id = RecordId(str(row["Id"]))
    link = f"/objects/Call/{record_id}/edit" if name == "Call" else f"/objects/{name}/{record_id}"
    return Entry(here.date(), f"{here:%H:%M}", manner.hour(moment), what, about, link, device.mark(name, record_id))


def _placed(device: Device, name: str, query: str) -> str:
    """The query with the zone in which each takes place, where the data model knows it."""
    return query.replace("SELECT Id,", f"SELECT Id, {PLACE},", 1) if PLACE in device.catalog[name].fields else query


def _date(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))
