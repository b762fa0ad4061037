"""Groups of syncs as drawings of a page. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from fieldsync.server.oversight.figures.charts import Charts, Group, Saves
from fieldsync.server.oversight.figures.waiting import Pending
from fieldsync.web.kit.chart import Chart, Point, Ranked, chart_of, ranked
from fieldsync.web.kit.pages import took

GROUPS_DRAWN = 8
"""So many groups have a bar; all are in the table."""
LABELS_MAX = 10
"""So many days are written under a chart; of more, every second or third."""


@dataclass(frozen=True)
class Drawn:
    """A chart with its name, and the numbers for who cannot see it."""

    name: str
    unit: str
    chart: Chart
    rows: tuple[tuple[str, str], ...]


def drawn_days(found: Charts, saves: Sequence[Saves], first: date, days: int) -> tuple[Drawn, ...]:
    """Syncs, failed syncs, durations, saves and refused saves by day."""
    every = [first + timedelta(days=place) for place in range(days)]
    syncs = {group.name: group for group in found.day}
    by_day = {one.day: one for one in saves}
    longest = max((group.p95 for group in found.day), default=0.0)

    def of_syncs(name: str, unit: str, value: Callable[[Group], float], highest: float = 0) -> Drawn:
        values = {day: value(group) for day, group in syncs.items()}
        return _drawn(name, unit, every, values, highest)

    return (
        of_syncs("Syncs", "syncs", lambda group: group.syncs),
        of_syncs("Syncs that failed", "failed syncs", lambda group: group.failed),
        of_syncs("Duration, half of them (p50)", "seconds", lambda group: group.p50, longest),
        of_syncs("Duration, 95 in 100 (p95)", "seconds", lambda group: group.p95, longest),
        _drawn("Saves that were taken", "saves", every, {day: float(one.saved) for day, one in by_day.items()}),
        _drawn("Saves that failed", "failed saves", every, {day: float(one.failed) for day, one in by_day.items()}),
    )


def _drawn(name: str, unit: str, every: Sequence[date], values: dict[str, float], highest: float = 0) -> Drawn:
    step = -(-len(every) // LABELS_MAX)
    points, rows = [], []
    for place, day in enumerate(every):
        value = values.get(day.isoformat())
        told = f"{day.day} {day:%b}"
        label = str(day.day) if place % step == 0 else ""
        number = None if value is None else _measure(value)
        points.append(Point(label, f"{told}: {0 if number is None else number} {unit}", number))
        if number is not None:
            rows.append((told, f"{number:,}"))
    top = _measure(highest) or max((point.value or Decimal(0) for point in points), default=Decimal(0))
    return Drawn(name, unit, chart_of(points, top), tuple(reversed(rows)))


def _measure(value: float) -> Decimal:
    """A count as it is; of a duration, the less of it the more exactly."""
    places = 0 if value == int(value) or value >= 60 else 2 if value < 1 else 1
    return Decimal(f"{value:.{places}f}")


def drawn_split(groups: Sequence[Group], waiting: Sequence[Pending]) -> tuple[Ranked, ...]:
    """Syncs, errors, durations and what waits, by one split: a chart each, a bar a group."""

    def of_syncs(name: str, unit: str, value: Callable[[Group], float], told: Callable[[Group], str]) -> Ranked:
        return ranked(name, unit, [(one.name, value(one), told(one)) for one in groups], GROUPS_DRAWN)

    def of_waiting(name: str, unit: str, value: Callable[[Pending], float], told: Callable[[Pending], str]) -> Ranked:
        return ranked(name, unit, [(one.label, value(one), told(one)) for one in waiting], GROUPS_DRAWN)

    charts = (
        of_syncs("Syncs", "", lambda g: g.syncs, lambda g: f"{g.syncs:,}"),
        of_syncs("Syncs that failed", "", lambda g: g.failed, _failed),
        of_syncs("Saves that were refused", "", lambda g: g.errors, lambda g: f"{g.errors:,}"),
        of_syncs("Duration, half of them (p50)", "", lambda g: g.p50, lambda g: took(g.p50)),
        of_syncs("Duration, 95 in 100 (p95)", "", lambda g: g.p95, lambda g: took(g.p95)),
        of_waiting("Oldest save that waits on a device", "", lambda p: p.oldest, lambda p: age(p.oldest)),
        of_waiting("Saves that wait on devices", "", lambda p: p.saves, lambda p: f"{p.saves:,}"),
    )
    return tuple(one for one in charts if one.rows)


def _failed(group: Group) -> str:
    return f"{group.failed:,} ({group.failed_share:.0f}%)" if group.failed else "0"


def age(seconds: float) -> str:
    """How long ago for people: `12 minutes`, `3 hours`, `2 days`. Pure."""
    minutes = int(seconds // 60)
    for name, length in (("day", 1_440), ("hour", 60), ("minute", 1)):
        if minutes >= length:
            count = minutes // length
            return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"
    return "under a minute"
