"""How dates, times and numbers are written for people of a locale. One table; a locale it does not know is British.

Months are written as digits where that is the custom, so that no names have to be translated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import Field, FieldType
from fieldsync.web.kit.pages import zone_of

NUMBERS = (FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT)


@dataclass(frozen=True)
class Custom:
    """`date` in the notation of `strftime`, with `{d}` and `{m}` for a day and a month without a zero before them."""

    date: str
    time: str = "%H:%M"
    point: str = "."
    group: str = ","


_BRITISH = Custom("{d} %b %Y")
CUSTOMS = {
    "en_GB": _BRITISH,
    "en_US": Custom("%b {d}, %Y", "{h}:%M %p"),
    "de_DE": Custom("%d.%m.%Y", point=",", group="."),
    "fr_FR": Custom("%d/%m/%Y", point=",", group="\u202f"),
    "es_ES": Custom("{d}/{m}/%Y", point=",", group="."),
    "it_IT": Custom("%d/%m/%Y", point=",", group="."),
    "pt_BR": Custom("%d/%m/%Y", point=",", group="."),
    "ja_JP": Custom("%Y/%m/%d"),
    "zh_CN": Custom("%Y/{m}/{d}"),
}
"""The locales a person may have; others may be typed in, as `LocaleSidKey` is open."""


@dataclass(frozen=True)
class Manner:
    """How somebody reads values: his time zone and locale."""

    zone: str = "UTC"
    locale: str = "en_GB"

    @property
    def custom(self) -> Custom:
        """The custom of the locale."""
        return CUSTOMS.get(self.locale.replace("-", "_"), _BRITISH)

    def moment(self, value: object) -> str:
        """An instant, in the zone; empty for none."""
        if not isinstance(value, str):
            return ""
        moment = datetime.fromisoformat(value).astimezone(zone_of(self.zone))
        return f"{_dated(self.custom, moment)}, {_timed(self.custom, moment)}"

    def number(self, value: Decimal | int) -> str:
        """A number with its groups of thousands."""
        swapped = {",": self.custom.group, ".": self.custom.point}
        return "".join(swapped.get(sign, sign) for sign in f"{value:,f}")

    def text(self, field: Field, value: FieldValue) -> str | None:
        """A value of a field that is written differently in different places; None for every other one."""
        kinds = (field.type, field.formula_returns)
        if isinstance(value, str):
            if FieldType.DATETIME in kinds:
                return self.moment(value)
            if FieldType.DATE in kinds:
                return _dated(self.custom, date.fromisoformat(value))
            if FieldType.TIME in kinds:
                return _timed(self.custom, time.fromisoformat(value))
        if isinstance(value, Decimal | int) and not isinstance(value, bool) and any(kind in NUMBERS for kind in kinds):
            return self.number(_short(value) if field.type is not FieldType.CURRENCY else value)
        return None


def _short(value: Decimal | int) -> Decimal | int:
    """Without zeros behind the point that say nothing."""
    return value if isinstance(value, int) or value == 0 else Decimal(f"{value.normalize():f}")


def _dated(custom: Custom, day: date) -> str:
    return day.strftime(custom.date).replace("{d}", str(day.day)).replace("{m}", str(day.month))


def _timed(custom: Custom, at: datetime | time) -> str:
    return at.strftime(custom.time).replace("{h}", str(at.hour % 12 or 12))
