"""The table of functions: what each takes and gives. One row each; binding and both back-ends read this table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a field or function holds, as far as queries care. How each compares stands in `bound.OPERATORS`."""

    TEXT = "text"
    LONG_TEXT = "long text"
    ID = "id"
    MULTI = "multi-select picklist"
    BOOLEAN = "checkbox"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "date and time"
    TIME = "time"
    LOCATION = "location"
    BINARY = "file"


class Role(StrEnum):
    """How a function takes part in a query."""

    AGGREGATE = "aggregate"
    DATE_PART = "date part"
    SHOWN = "shown"
    """Changes how a value is shown; here values are shown by the page, so it is the value itself."""
    LABEL = "label"
    FIELDS = "fields"
    GROUPING = "grouping"
    ZONE = "zone"


@dataclass(frozen=True)
class Function:
    """One row. `takes` are the kinds its argument may have; `gives` is None where the result is of the argument's."""

    name: str
    role: Role
    takes: frozenset[Kind]
    gives: Kind | None
    meaning: str


DATES = frozenset({Kind.DATE, Kind.DATETIME})
ORDERED = frozenset({Kind.TEXT, Kind.ID, Kind.NUMBER, Kind.DATE, Kind.DATETIME, Kind.TIME})
COUNTED = ORDERED | {Kind.BOOLEAN, Kind.MULTI}
ANY = frozenset(Kind)
NUMBERS = frozenset({Kind.NUMBER})


def _part(name: str, meaning: str, gives: Kind = Kind.NUMBER, takes: frozenset[Kind] = DATES) -> Function:
    return Function(name, Role.DATE_PART, takes, gives, meaning)


_ROWS = (
    Function("COUNT", Role.AGGREGATE, COUNTED, Kind.NUMBER, "rows, or rows in which the field is filled in"),
    Function("COUNT_DISTINCT", Role.AGGREGATE, COUNTED, Kind.NUMBER, "different values of the field"),
    Function("SUM", Role.AGGREGATE, NUMBERS, Kind.NUMBER, "total"),
    Function("AVG", Role.AGGREGATE, NUMBERS, Kind.NUMBER, "mean, to eight decimals"),
    Function("MIN", Role.AGGREGATE, ORDERED, None, "smallest value"),
    Function("MAX", Role.AGGREGATE, ORDERED, None, "largest value"),
    _part("CALENDAR_YEAR", "year"),
    _part("CALENDAR_QUARTER", "quarter of the year, 1 to 4"),
    _part("CALENDAR_MONTH", "month, 1 to 12"),
    _part("DAY_IN_MONTH", "day of the month"),
    _part("DAY_IN_WEEK", "day of the week, 1 is Sunday"),
    _part("DAY_IN_YEAR", "day of the year"),
    _part("WEEK_IN_MONTH", "week of the month; days 1 to 7 are week 1"),
    _part("WEEK_IN_YEAR", "week of the year; January 1 to 7 are week 1"),
    _part("FISCAL_YEAR", "fiscal year, named by the calendar year in which it ends"),
    _part("FISCAL_QUARTER", "quarter of the fiscal year"),
    _part("FISCAL_MONTH", "month of the fiscal year"),
    _part("DAY_ONLY", "date of a date and time", Kind.DATE, frozenset({Kind.DATETIME})),
    _part("HOUR_IN_DAY", "hour, 0 to 23", Kind.NUMBER, frozenset({Kind.DATETIME})),
    Function("CONVERTTIMEZONE", Role.ZONE, frozenset({Kind.DATETIME}), None, "in the user's time zone"),
    Function("FORMAT", Role.SHOWN, ANY, None, "as the person's language shows it"),
    Function("CONVERTCURRENCY", Role.SHOWN, NUMBERS, None, "in the person's currency; an org has one"),
    Function("TOLABEL", Role.LABEL, frozenset({Kind.TEXT, Kind.MULTI}), Kind.TEXT, "label of a picklist value"),
    Function("FIELDS", Role.FIELDS, ANY, None, "ALL, STANDARD or CUSTOM fields of the object"),
    Function("GROUPING", Role.GROUPING, ANY, Kind.NUMBER, "1 in rows of GROUP BY ROLLUP or CUBE that sum over it"),
)

FUNCTIONS = {row.name: row for row in _ROWS}
"""Function name in capitals to its row. DISTANCE and GEOLOCATION have a syntax of their own."""
