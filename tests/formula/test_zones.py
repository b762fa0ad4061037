"""The law of the two back-ends in people's time zones: the day an instant has there, also where a clock jumps.

Moments are drawn around the jumps themselves: clocks put forward at midnight (Santiago, Beirut), back over midnight
(Havana), by half an hour (Lord Howe), a whole day left out (Apia), and the odd minutes before zones were agreed on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.formula.conftest import Execute
from tests.formula.generated import FIELDS, formulas, records
from tests.formula.test_backends import comparable, in_python

from fieldsync.formula import FormulaType, Record, Surroundings
from fieldsync.formula.conformance.case import NOW, Case, Expected
from fieldsync.formula.sql.conformance import actuals

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "America/Havana",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "America/St_Johns",
    "Africa/Casablanca",
)
DATED = ("DATEVALUE({})", "TEXT(DATEVALUE({}))", "WEEKDAY(DATEVALUE({}))", "ADDMONTHS(DATEVALUE({}), 1)", "TEXT({})")
CLOCK = ("TODAY()", "DATEVALUE(NOW())", "TODAY() - DATEVALUE(datetime1__c)", "NOW() - datetime1__c", "HOUR(TIMENOW())")


@dataclass(frozen=True)
class Somewhere(Case):
    """A case at an hour, asked by a person in a time zone."""

    now: datetime = NOW
    zone: str = "UTC"

    @property
    def around(self) -> Surroundings:
        return replace(super().around, now=self.now, zone=ZoneInfo(self.zone))


def jumps(zone: str) -> Iterator[datetime]:
    """Hours at which the clock of a zone jumps, in years before, within and after the rules that are written down."""
    there = ZoneInfo(zone)
    for year in (1890, 1945, 1985, 1994, 2011, 2024, 2026, 2045, 2200):
        hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(0, 366 * 24, 6)]
        offsets = [hour.astimezone(there).utcoffset() for hour in hours]
        yield from (hours[at] for at in range(1, len(hours)) if offsets[at] != offsets[at - 1])


JUMPS = {zone: tuple(jumps(zone)) or (NOW,) for zone in ZONES}


@st.composite
def moments(draw: st.DrawFn, zone: str) -> datetime:
    """An instant within hours of a jump."""
    return draw(st.sampled_from(JUMPS[zone])) + timedelta(seconds=draw(st.integers(-20 * 3600, 20 * 3600)))


@st.composite
def cases(draw: st.DrawFn) -> Somewhere:
    """A formula of dates and times, or of what the clock shows, on a record beside a jump."""
    zone = draw(st.sampled_from(ZONES))
    moment = formulas(FormulaType.DATETIME, 1)
    shown = st.tuples(st.sampled_from(DATED), moment).map(lambda drawn: drawn[0].format(drawn[1]))
    formula = draw(shown | st.sampled_from(CLOCK) | formulas(FormulaType.DATE, 2))
    values = {**draw(records).new, "datetime1__c": draw(moments(zone)), "datetime2__c": draw(moments(zone))}
    now = draw(moments(zone)).replace(microsecond=0)
    return Somewhere("drawn", formula, formula, Expected(), FIELDS, record=Record(values), now=now, zone=zone)


def beside(zone: str, formula: str, moment: datetime) -> Somewhere:
    """One case by hand; its clock shows the moment too."""
    record = Record(dict.fromkeys(FIELDS) | {"datetime1__c": moment})
    return Somewhere("told", formula, formula, Expected(), FIELDS, record=record, now=moment, zone=zone)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases())
@example(beside("Pacific/Apia", "DATEVALUE(datetime1__c)", datetime(2011, 12, 30, 9, 59, 59, tzinfo=UTC)))
@example(beside("Pacific/Apia", "DATEVALUE(datetime1__c)", datetime(2011, 12, 30, 10, 0, tzinfo=UTC)))
@example(beside("America/Havana", "TODAY() - DATEVALUE(datetime1__c)", datetime(2026, 11, 1, 4, 30, tzinfo=UTC)))
@example(beside("Europe/Berlin", "DATEVALUE(datetime1__c + 1)", datetime(2026, 3, 28, 23, 30, tzinfo=UTC)))
def test_both_give_the_same_day_wherever_the_person_is(execute: Execute, case: Somewhere) -> None:
    [found] = actuals([case], execute)
    expected, actual = comparable(in_python(case)), comparable(found)
    assert actual == expected, f"{case.formula} in {case.zone} at {case.now}"


def test_every_zone_but_one_has_jumps_to_draw_beside() -> None:
    assert [zone for zone in ZONES if JUMPS[zone] == (NOW,)] == ["UTC"]
