"""How dates, times and numbers are written for people of a locale and zone: by Unicode's data, which Babel carries.

A locale it does not know is British.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval, format_skeleton, format_time
from babel.numbers import format_decimal

from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import Field, FieldType
from fieldsync.soql.list_view import PLACE

NUMBERS = (FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT)
USUAL = "en_GB"


@lru_cache(maxsize=64)
def locale_of(name: str) -> Locale:
    """The locale of this name; its language where the country is not known, British where nothing is."""
    for tried in (name.replace("-", "_"), name.replace("-", "_").partition("_")[0]):
        try:
            return Locale.parse(tried)
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return Locale.parse(USUAL)


@dataclass(frozen=True)
class Manner:
    """How somebody reads values: his time zone and locale."""

    zone: str = "UTC"
    locale: str = USUAL
    there: str = ""
    """The zone in which what is told took place; empty where none is known."""

    @property
    def custom(self) -> Locale:
        """What Unicode's data says of the locale."""
        return locale_of(self.locale)

    def moment(self, value: object, zone: str = "") -> str:
        """An instant, in the zone, or in the one it happened in; empty for none."""
        if not isinstance(value, str):
            return ""
        zone = known_zone(zone or self.there)
        at = datetime.fromisoformat(value).astimezone(zone_of(zone or self.zone))
        together = str(self.custom.datetime_formats["medium"])
        written = together.replace("{1}", self.day(at.date())).replace("{0}", self.clock(at))
        return f"{written} ({zone})" if self._elsewhere(at, zone) else written

    def _elsewhere(self, at: datetime, zone: str) -> bool:
        """Whether clocks in this zone show another time than the person's."""
        return bool(zone) and zone_of(zone).utcoffset(at) != zone_of(self.zone).utcoffset(at)

    def hour(self, at: datetime) -> str:
        """The time of day of an instant, with the zone it happened in where clocks there show another."""
        written = self.clock(at.astimezone(zone_of(self.there or self.zone)))
        return f"{written} ({self.there})" if self._elsewhere(at, self.there) else written

    def of(self, values: Mapping[str, object]) -> Manner:
        """For the times of this record: a visit keeps the zone it took place in."""
        return replace(self, there=place_of(values))

    def day(self, value: date) -> str:
        """A date with its year."""
        return format_date(value, "medium", locale=self.custom)

    def clock(self, at: datetime | time) -> str:
        """A time of day."""
        plain = at.timetz() if isinstance(at, datetime) else at
        return format_time(plain.replace(tzinfo=None), "short", locale=self.custom).replace("\u202f", " ")

    def month(self, value: date) -> str:
        """A month with its year."""
        return str(format_skeleton("yMMM", value, locale=self.custom))

    def initial(self, value: date) -> str:
        """A month by its first letter."""
        return format_date(value, "LLLLL", locale=self.custom)

    def weekday(self, value: date) -> str:
        """A day by its short name in the week and its number in the month."""
        return str(format_skeleton("EEEd", value, locale=self.custom))

    def whole_day(self, value: date) -> str:
        """A date with its day of the week, all in words."""
        return format_date(value, "full", locale=self.custom)

    def span(self, first: date, last: date) -> str:
        """Some days, or one."""
        return format_interval(first, last, "yMMMd", locale=self.custom)

    def number(self, value: Decimal | int) -> str:
        """A number with its groups of thousands and every decimal it has."""
        if isinstance(value, Decimal) and not value.is_finite():
            return str(value)
        places = -int(value.as_tuple().exponent) if isinstance(value, Decimal) else 0
        pattern = "#,##0" + ("." + "0" * places if places > 0 else "")
        return format_decimal(value, pattern, locale=self.custom)

    def text(self, field: Field, value: FieldValue) -> str | None:
        """A value of a field that is written differently in different places; None for every other one."""
        kinds = (field.type, field.formula_returns)
        if isinstance(value, str):
            if FieldType.DATETIME in kinds:
                return self.moment(value)
            if FieldType.DATE in kinds:
                return self.day(date.fromisoformat(value))
            if FieldType.TIME in kinds:
                return self.clock(time.fromisoformat(value))
        if isinstance(value, Decimal | int) and not isinstance(value, bool) and any(kind in NUMBERS for kind in kinds):
            return self.number(_short(value) if field.type is not FieldType.CURRENCY else value)
        return None


def _short(value: Decimal | int) -> Decimal | int:
    """Without zeros behind the point that say nothing."""
    return value if isinstance(value, int) or value == 0 else Decimal(f"{value.normalize():f}")


def place_of(values: Mapping[str, object]) -> str:
    """The time zone in which a record's times took place; empty where it does not say, or says none there is."""
    return known_zone(str(values.get(PLACE) or ""))


def known_zone(name: str) -> str:
    """The name of a time zone this machine knows; empty for any other."""
    return name if name and (name == "UTC" or zone_of(name).key != "UTC") else ""


def zone_of(name: str) -> ZoneInfo:
    """A time zone by name; UTC for one this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def local_input(value: object, zone: str = "UTC") -> str:
    """An instant as `<input type=datetime-local>` takes it."""
    if not isinstance(value, str):
        return ""
    return datetime.fromisoformat(value).astimezone(zone_of(zone)).strftime("%Y-%m-%dT%H:%M")


def from_local_input(text: str, zone: str) -> str | None:
    """What a person entered, in their zone, as an instant. Raises ValueError."""
    if not text:
        return None
    return datetime.fromisoformat(text).replace(tzinfo=zone_of(zone)).isoformat()
