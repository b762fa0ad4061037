"""A measured figure and its floor, and how they are shown. Nothing is measured here."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence

import msgspec
from rich.table import Table

LEAST = 0.001


class Figure(msgspec.Struct, frozen=True):
    """One number. `floor` is what the machine itself takes for the least work that could do the same, in the same run
    and unit; `ratio` says how far off the floor we are (1 is on it, larger is worse)."""

    name: str
    value: float
    unit: str
    floor: float
    ratio: float
    conditions: str


def figure(
    name: str, value: float, unit: str, *, floor: float, conditions: str, higher_is_better: bool = False
) -> Figure:
    """A figure with its ratio worked out. What is less than can be shown counts as the least that can."""
    beneath, above = (value, floor) if higher_is_better else (floor, value)
    ratio = above / max(beneath, LEAST)
    return Figure(name, round(value, 3), unit, round(floor, 3), round(ratio, 2), f"{conditions}; {machine()}")


def machine() -> str:
    """What it ran on, in a few words."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def as_table(figures: Sequence[Figure]) -> Table:
    """The figures for a terminal."""
    table = Table(title="Figures, each beside its floor in the same run", title_justify="left")
    for heading, side in (
        ("figure", "left"),
        ("value", "right"),
        ("unit", "left"),
        ("floor", "right"),
        ("ratio", "right"),
    ):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    for found in figures:
        table.add_row(found.name, f"{found.value:g}", found.unit, f"{found.floor:g}", f"{found.ratio:g}")
    if figures:
        table.caption = "; ".join(sorted({found.conditions for found in figures}))
    return table
