"""Dates, moments and times of day as in `values/calendar.py`. Everything stays between the years 1 and 9999."""

from __future__ import annotations

from fieldsync.formula.sql.routines.routine import Routine
from fieldsync.formula.sql.routines.texts import BLANKS
from fieldsync.formula.sql.values import DATE, DATETIME, TIME

_IN_RANGE = "BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'"
_FAR = 4_000_000

_MAKE_DATE = f"""DECLARE y int := {{s}}.whole(a); m int := {{s}}.whole(b); d int := {{s}}.whole(c); BEGIN
  IF y NOT BETWEEN 1 AND 9999 OR m NOT BETWEEN 1 AND 12 OR d < 1 OR d > {{s}}.last_day(y, m) THEN
    RETURN {DATE.error}; END IF;
  RETURN make_date(y, m, d);"""

_LAST_DAY = """CASE WHEN m IN (4, 6, 9, 11) THEN 30 WHEN m <> 2 THEN 31
    WHEN y % 4 = 0 AND (y % 100 <> 0 OR y % 400 = 0) THEN 29 ELSE 28 END"""

_DATE_VALUE = f"""DECLARE p text[] := regexp_match(btrim(t, {BLANKS}),
  '^([0-9]{{4}})-([0-9]{{1,2}})-([0-9]{{1,2}})$'); BEGIN
  IF p IS NULL THEN RETURN {DATE.error}; END IF;
  RETURN {{s}}.make_date_of(p[1]::numeric, p[2]::numeric, p[3]::numeric);"""

_DATETIME_VALUE = f"""DECLARE d date; p text[] := regexp_match(btrim(t, {BLANKS}),
  '^([0-9]{{4}})-([0-9]{{1,2}})-([0-9]{{1,2}}) ([0-9]{{1,2}}):([0-9]{{1,2}}):([0-9]{{1,2}})$'); BEGIN
  IF p IS NULL THEN RETURN {DATETIME.error}; END IF;
  d := {{s}}.make_date_of(p[1]::numeric, p[2]::numeric, p[3]::numeric);
  IF d = 'infinity' OR p[4]::int > 23 OR p[5]::int > 59 OR p[6]::int > 59 THEN RETURN {DATETIME.error}; END IF;
  RETURN (d + make_time(p[4]::int, p[5]::int, p[6]::int)) AT TIME ZONE 'UTC';"""

_TIME_VALUE = f"""DECLARE p text[] := regexp_match(btrim(t, {BLANKS}),
  '^([0-9]{{1,2}}):([0-9]{{1,2}}):([0-9]{{1,2}})\\.([0-9]{{1,3}})$'); BEGIN
  IF p IS NULL OR p[1]::int > 23 OR p[2]::int > 59 OR p[3]::int > 59 THEN RETURN {TIME.error}; END IF;
  RETURN {{s}}.time_of(((p[1]::int * 60 + p[2]::int) * 60 + p[3]::int) * 1000 + p[4]::int);"""

_ADD_DAYS = f"""BEGIN
  IF abs(n) > {_FAR} OR (d - '0001-01-01'::date) + trunc(n) NOT BETWEEN 0 AND 3652058 THEN RETURN {DATE.error}; END IF;
  RETURN d + trunc(n)::int;"""

_ADD_TO_MOMENT = f"""DECLARE later timestamptz; BEGIN
  IF abs(n) > {_FAR} THEN RETURN {DATETIME.error}; END IF;
  later := m + round(n * 86400)::bigint * interval '1 second';
  RETURN CASE WHEN later {_IN_RANGE} THEN later ELSE {DATETIME.error} END;"""

_ADD_TO_TIME = f"""BEGIN
  IF abs(n) >= 1e15 THEN RETURN {TIME.error}; END IF;
  RETURN {{s}}.time_of((((({{s}}.ms_of(m) + trunc(n)) % 86400000) + 86400000) % 86400000)::int);"""

_ADD_MONTHS = f"""DECLARE months int; y int; mo int; last int; BEGIN
  IF abs(n) > 200000 THEN RETURN {DATE.error}; END IF;
  months := extract(year FROM d)::int * 12 + extract(month FROM d)::int - 1 + {{s}}.whole(n);
  IF months NOT BETWEEN 12 AND 119999 THEN RETURN {DATE.error}; END IF;
  y := months / 12; mo := months % 12 + 1; last := {{s}}.last_day(y, mo);
  IF extract(day FROM d) = {{s}}.last_day(extract(year FROM d)::int, extract(month FROM d)::int) THEN
    RETURN make_date(y, mo, last); END IF;
  RETURN make_date(y, mo, least(extract(day FROM d)::int, last));"""

_ADD_MONTHS_TO_MOMENT = f"""DECLARE local timestamp := m AT TIME ZONE 'UTC';
  d date := {{s}}.add_months(local::date, n); BEGIN
  RETURN CASE WHEN d = 'infinity' THEN {DATETIME.error} ELSE (d + local::time) AT TIME ZONE 'UTC' END;"""

_FROM_UNIX = f"""DECLARE later timestamptz; BEGIN
  IF abs(n) > 400000000000 THEN RETURN {DATETIME.error}; END IF;
  later := '1970-01-01 00:00:00+00'::timestamptz + trunc(n * 1000)::bigint * interval '1 millisecond';
  RETURN CASE WHEN later {_IN_RANGE} THEN later ELSE {DATETIME.error} END;"""

_DURATION = """DECLARE w numeric := abs(trunc(n)); h numeric := div(w, 3600); BEGIN
  RETURN CASE WHEN days = 1 THEN div(h, 24)::text || ':' || lpad((h % 24)::text, 2, '0')
      ELSE CASE WHEN h < 10 THEN '0' ELSE '' END || h::text END
    || ':' || lpad((div(w, 60) % 60)::text, 2, '0') || ':' || lpad((w % 60)::text, 2, '0');"""

_D, _M, _C = "d date", "m timestamptz", "m time"
_UTC = "m AT TIME ZONE 'UTC'"


def _parts() -> tuple[Routine, ...]:
    """YEAR, MONTH and the like, of dates and of moments in UTC; HOUR and the like, of times and moments."""
    days = {
        "year_of": "year",
        "month_of": "month",
        "day_of": "day",
        "day_of_year": "doy",
        "iso_week": "week",
        "iso_year": "isoyear",
    }
    clocks = {
        "hour_of": "extract(hour FROM {x})",
        "minute_of": "extract(minute FROM {x})",
        "second_of": "trunc(extract(second FROM {x}))",
        "millisecond_of": "trunc(extract(milliseconds FROM {x})) % 1000",
    }
    made = [
        Routine("weekday", _D, "numeric", "extract(dow FROM d) + 1"),
        Routine("weekday", _M, "numeric", f"extract(dow FROM {_UTC}) + 1"),
    ]
    for name, part in days.items():
        made.append(Routine(name, _D, "numeric", f"extract({part} FROM d)"))
        made.append(Routine(name, _M, "numeric", f"extract({part} FROM {_UTC})"))
    for name, body in clocks.items():
        made.append(Routine(name, _C, "numeric", body.replace("{x}", "m")))
        made.append(Routine(name, _M, "numeric", body.replace("{x}", f"({_UTC})")))
    return tuple(made)


ROUTINES: tuple[Routine, ...] = (
    Routine("last_day", "y int, m int", "int", _LAST_DAY, raw=True),
    Routine("make_date_of", "a numeric, b numeric, c numeric", "date", _MAKE_DATE),
    Routine("ms_of", _C, "numeric", "trunc(extract(epoch FROM m) * 1000)", raw=True),
    Routine(
        "time_of",
        "ms int",
        "time",
        "make_time(ms / 3600000, ms / 60000 % 60, 0) + (ms % 60000) * interval '1 millisecond'",
        raw=True,
    ),
    Routine("date_value", "t text, zone text", "date", _DATE_VALUE),
    Routine("date_value", "m timestamptz, zone text", "date", "(m AT TIME ZONE zone)::date"),
    Routine("date_value", "d date, zone text", "date", "d"),
    Routine("datetime_value", "t text", "timestamptz", _DATETIME_VALUE),
    Routine("datetime_value", _M, "timestamptz", "m"),
    Routine("datetime_value", _D, "timestamptz", "d::timestamp AT TIME ZONE 'UTC'"),
    Routine("time_value", "t text", "time", _TIME_VALUE),
    Routine("time_value", _M, "time", f"date_trunc('milliseconds', {_UTC})::time"),
    Routine("time_value", _C, "time", "m"),
    Routine("plus", "a numeric, b numeric", "numeric", "{s}.settle(a + b)"),
    Routine("plus", "d date, n numeric", "date", _ADD_DAYS),
    Routine("plus", "n numeric, d date", "date", "{s}.plus(d, n)"),
    Routine("plus", "m timestamptz, n numeric", "timestamptz", _ADD_TO_MOMENT),
    Routine("plus", "n numeric, m timestamptz", "timestamptz", "{s}.plus(m, n)"),
    Routine("plus", "m time, n numeric", "time", _ADD_TO_TIME),
    Routine("plus", "n numeric, m time", "time", "{s}.plus(m, n)"),
    Routine("plus", "a text, b text", "text", "{s}.concat(a, b)", blanks=True),
    Routine("subtract", "a numeric, b numeric", "numeric", "{s}.settle(a - b)"),
    Routine("subtract", "d date, n numeric", "date", "{s}.plus(d, -n)"),
    Routine("subtract", "a date, b date", "numeric", "(a - b)::numeric"),
    Routine("subtract", "m timestamptz, n numeric", "timestamptz", "{s}.plus(m, -n)"),
    Routine("subtract", "a timestamptz, b timestamptz", "numeric", "{s}.divide(extract(epoch FROM (a - b)), 86400)"),
    Routine("subtract", "m time, n numeric", "time", "{s}.plus(m, -n)"),
    Routine("subtract", "a time, b time", "numeric", "({s}.ms_of(a) - {s}.ms_of(b) + 86400000) % 86400000"),
    Routine("add_months", "d date, n numeric", "date", _ADD_MONTHS),
    Routine("add_months", "m timestamptz, n numeric", "timestamptz", _ADD_MONTHS_TO_MOMENT),
    Routine("from_unix_time", "n numeric", "timestamptz", _FROM_UNIX),
    Routine("unix_timestamp", _D, "numeric", "((d - '1970-01-01'::date) * 86400::numeric)"),
    Routine("unix_timestamp", _M, "numeric", "floor(extract(epoch FROM m))"),
    Routine("unix_timestamp", _C, "numeric", "trunc(extract(epoch FROM m))"),
    Routine("format_duration", "n numeric, days smallint DEFAULT 0::smallint", "text", _DURATION),
    Routine(
        "format_duration", "a time, b time", "text", "{s}.format_duration(abs({s}.ms_of(a) - {s}.ms_of(b)) / 1000)"
    ),
    Routine(
        "format_duration",
        "a timestamptz, b timestamptz",
        "text",
        "{s}.format_duration(abs(extract(epoch FROM (a - b))), 1::smallint)",
    ),
    *_parts(),
)
