"""Small bar charts as numbers a template draws. Pure.

Of periods: one bar each, as high as its value; units are those of the drawing (`WIDTH` x `HEIGHT`), which grows with
its place on the page. Of groups: bars that lie under each other, each so many hundredths of the longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from fieldsync.web.kit.tongue import present

STEP, BAR = 24, 16
TOP, FLOOR, HEIGHT = 16, 96, 112
"""Where the highest bar ends, where all of them stand, and the place for labels under them."""


@dataclass(frozen=True)
class Bar:
    """One bar, and what is written under and over it. Without a value there is nothing to draw."""

    x: int
    y: Decimal
    height: Decimal
    label: str
    title: str
    written: str


@dataclass(frozen=True)
class Chart:
    """The bars, from left to right."""

    bars: tuple[Bar, ...]

    @property
    def width(self) -> int:
        """Of the whole drawing."""
        return STEP * len(self.bars)


@dataclass(frozen=True)
class Point:
    """A period and its value: `label` stands under the bar, `title` is what it says in full."""

    label: str
    title: str
    value: Decimal | None


def chart_of(points: Sequence[Point], highest: Decimal) -> Chart:
    """The chart; `highest` is the value of a bar of full height, the same for charts that are compared.

    The last value is written over its bar.
    """
    last = max((i for i, point in enumerate(points) if point.value is not None), default=-1)
    return Chart(tuple(_bar(i, point, highest, written=i == last) for i, point in enumerate(points)))


def _bar(place: int, point: Point, highest: Decimal, *, written: bool) -> Bar:
    value = max(point.value or Decimal(0), Decimal(0))
    height = round((FLOOR - TOP) * value / highest, 1) if highest > 0 else Decimal(0)
    said = present().manner.number(point.value) if written and point.value is not None else ""
    return Bar(place * STEP + (STEP - BAR) // 2, FLOOR - height, height, point.label, point.title, said)


@dataclass(frozen=True)
class Row:
    """One bar that lies: its name, its value as it is written, and its length in hundredths of the longest."""

    name: str
    value: str
    width: Decimal


@dataclass(frozen=True)
class Ranked:
    """Groups and their values as bars under each other; `unit` is of the values, and may be empty where they say it."""

    name: str
    unit: str
    rows: tuple[Row, ...]
    more: int
    """Groups there was no room for."""


def ranked(name: str, unit: str, groups: Sequence[tuple[str, float, str]], most: int = 40) -> Ranked:
    """The first `most` groups (name, value, value as it is written), in their order."""
    longest = max((value for _, value, _ in groups[:most]), default=0.0)
    rows = (Row(label, text, _length(value, longest)) for label, value, text in groups[:most])
    return Ranked(name, unit, tuple(rows), max(len(groups) - most, 0))


def _length(value: float, longest: float) -> Decimal:
    return Decimal(f"{100 * max(value, 0) / longest:.1f}") if longest > 0 else Decimal(0)
