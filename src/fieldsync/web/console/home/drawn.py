"""Groups of syncs as drawings of a page. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from fieldsync.server.oversight.figures.charts import Charts, Group, Saves
from fieldsync.web.kit.chart import Chart, Point, chart_of

ROOM = 220
"""Of 400 across, for the longest bar that lies."""
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


@dataclass(frozen=True)
class Row:
    """One bar that lies: as wide as its value."""

    name: str
    value: str
    width: int


@dataclass(frozen=True)
class Ranked:
    """Named counts as bars under each other."""

    name: str
    rows: tuple[Row, ...]


def ranked(groups: Sequence[tuple[str, int]], name: str) -> Ranked:
    """The groups in their order; the largest is as wide as there is room."""
    most = max((count for _, count in groups), default=0)
    return Ranked(name, tuple(Row(label, f"{n:,}", max(n, 0) * ROOM // most if most > 0 else 0) for label, n in groups))
