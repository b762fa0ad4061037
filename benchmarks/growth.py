"""How the product's figures grow with the rows, edits, entries and devices there are; writes a page with its plots.

`python -m benchmarks.growth --page docs/explanation/growth.md`, on a quiet machine, about a quarter of an hour.
`--most 100000` leaves out larger sizes.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ours import bench

from fieldsync.base.world import SystemClock
from fieldsync.sim.bench.figures import machine

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 640, 260, 70, 20, 40
Point = tuple[int, float, float]
"""A size, the value there, and its floor or what it is compared with in the same run."""


@dataclass(frozen=True)
class Curve:
    """One figure by size."""

    name: str
    title: str
    unit: str
    along: str
    """What grows."""
    beside: str
    """What the second line is."""
    sizes: tuple[int, ...]
    measure: Callable[[int], Point]


def _refresh(rows: int) -> Point:
    found = bench("refresh", "--rows", f"{rows}", seconds=1_800)["refresh"]
    return rows, found["value"], found["floor"]


def _memory(rows: int) -> Point:
    found = bench("refresh", "--rows", f"{rows}", seconds=1_800)
    return rows, found["server memory above idle"]["value"], found["device memory above idle"]["value"]


def _incremental(rows: int) -> Point:
    found = bench("incremental", "--few", f"{min(10_000, rows // 2)}", "--many", f"{rows}", seconds=1_800)
    held = found[f"the same with {rows} rows held"]
    return rows, held["value"], held["floor"]


def _upload(edits: int) -> Point:
    found = bench("upload", "--edits", f"{edits}", seconds=1_800)["upload"]
    return edits, found["value"], found["floor"]


def _feed(entries: int) -> Point:
    found = bench("feed", "--few", f"{min(10_000, entries // 2)}", "--many", f"{entries}", seconds=1_800)
    page = next(figure for name, figure in found.items() if f"{entries}" in name)
    return entries, page["value"], page["floor"]


def _idle(devices: int) -> Point:
    found = bench("idle", "--devices", f"{devices}", "--seconds", "20", seconds=600)
    memory = next(figure for figure in found.values() if figure["unit"] == "MB")
    return devices, memory["value"], memory["floor"]


def _storm(devices: int) -> Point:
    found = bench("storm", "--devices", f"{devices}", "--seconds", "1", seconds=600)
    served = next(figure for name, figure in found.items() if "median" in name)
    return devices, served["value"], served["floor"]


CURVES = (
    Curve("refresh", "Database refresh", "s", "rows", "floor", (10_000, 100_000, 1_000_000), _refresh),
    Curve("memory", "Memory of a refresh, server", "MB", "rows", "device", (10_000, 100_000, 1_000_000), _memory),
    Curve("incremental", "100 changes", "ms", "rows held", "few rows", (20_000, 100_000, 1_000_000), _incremental),
    Curve("upload", "Offline edits uploaded", "records/s", "edits", "PostgreSQL", (1_000, 10_000, 50_000), _upload),
    Curve("feed", "A page of the feed", "ms", "entries", "short feed", (20_000, 100_000, 1_000_000), _feed),
    Curve("idle", "Memory of listening devices", "MB", "devices", "bare streams", (10, 100, 1_000), _idle),
    Curve("storm", "Back within a second, until served", "ms", "devices", "the quickest", (10, 100, 1_000), _storm),
)


def main() -> None:
    """Measure every curve and write the page; one that fails is told on it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--page", type=Path, default=Path("docs/explanation/growth.md"))
    asked.add_argument("--most", type=int, default=1_000_000)
    asked.add_argument("--only", default="", help="names of curves, with commas")
    given = asked.parse_args()
    wanted = [curve for curve in CURVES if not given.only or curve.name in given.only.split(",")]
    given.page.write_text("\n".join(_lines(wanted, given.most, given.page)) + "\n", encoding="utf-8")


def _lines(curves: Sequence[Curve], most: int, page: Path) -> Iterator[str]:
    yield "# How it grows"
    yield ""
    yield "Made by `python -m benchmarks.growth`; each value stands beside what it is compared with in the same run."
    yield f"{SystemClock().now():%d %B %Y}, {machine()}, load {os.getloadavg()[2]:.1f} at the start. Machines"
    yield "differ and are shared: compare only within a line."
    for curve in curves:
        points, failed = _measured(curve, most)
        yield from ("", f"## {curve.title}, {curve.unit}", "")
        if points:
            drawing = page.with_name(f"growth-{curve.name}.svg")
            drawing.write_text(_drawn(curve, points), encoding="utf-8")
            yield from (f"![{curve.title} by {curve.along}]({drawing.name})", "")
            yield from (f"| {curve.along} | {curve.unit} | {curve.beside} |", "|---:|---:|---:|")
            yield from (f"| {size:,} | {value:.4g} | {beside:.4g} |" for size, value, beside in points)
        yield from (f"Not measured: {why}." for why in failed)


def _measured(curve: Curve, most: int) -> tuple[list[Point], list[str]]:
    points, failed = [], []
    for size in (size for size in curve.sizes if size <= most):
        try:
            points.append(curve.measure(size))
        except (subprocess.SubprocessError, StopIteration, KeyError) as error:
            failed.append(f"{size:,} {curve.along}: {type(error).__name__}")
    return points, failed


def _drawn(curve: Curve, points: Sequence[Point]) -> str:
    """Two lines over sizes that grow tenfold a step; every point carries its value."""
    most = max(max(value, beside) for _, value, beside in points) or 1.0
    first, last = math.log10(points[0][0]), math.log10(points[-1][0])

    def across(size: int) -> float:
        return LEFT + (WIDTH - LEFT - 90) * ((math.log10(size) - first) / (last - first) if last > first else 0.5)

    def down(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most)

    parts = [f'<line x1="{LEFT}" y1="{down(0)}" x2="{WIDTH - 70}" y2="{down(0)}" stroke="#94a3b8"/>']
    parts += [
        f'<text x="{across(s):.0f}" y="{HEIGHT - 14}" text-anchor="middle">{s:,} {curve.along}</text>'
        for s, *_ in points
    ]
    for place, (name, stroke, dash) in enumerate(((curve.title, "#2563eb", ""), (curve.beside, "#64748b", "5 4"))):
        line = [(across(point[0]), down(point[1 + place]), point[1 + place]) for point in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in line)
        drawn = f'fill="none" stroke="{stroke}" stroke-width="2" stroke-dasharray="{dash}"'
        parts.append(f'<polyline points="{path}" {drawn}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{stroke}"/>' for x, y, _ in line]
        shift = -8 if place == 0 else 16
        parts += [f'<text x="{x:.1f}" y="{y + shift:.1f}" fill="{stroke}">{value:.3g}</text>' for x, y, value in line]
        parts.append(f'<text x="{LEFT}" y="{14 + 15 * place}" fill="{stroke}">{name}</text>')
    style = "<style>text{font:12px sans-serif}</style>"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
    return f'{head}aria-label="{curve.title} by {curve.along}">{style}{"".join(parts)}</svg>\n'


if __name__ == "__main__":
    main()
