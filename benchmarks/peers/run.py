"""fieldsync and other sync systems on rows of one kind, one after another in one run; writes a page with its plots.

`python -m benchmarks.peers.run --rows 20000 --page docs/explanation/peers.md`, from the root of the project
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.ours import bench

from fieldsync.base.world import SeededChance
from fieldsync.server.postgres.embedded import EmbeddedPostgres
from fieldsync.server.postgres.embedded.cluster import free_port
from fieldsync.sim.bench.figures import machine
from fieldsync.sim.bench.refresh import a_row

HERE = Path(__file__).parent
ROWS = ("refresh", "upload", "second device", "incremental")
TITLES = {
    "refresh": "All rows onto an empty device, seconds",
    "upload": "Offline edits uploaded, ms an edit",
    "second device": "A save until another device shows it, ms (median)",
    "incremental": "100 changes fetched, ms",
}
UNITS = {"refresh": 1.0, "upload": 1000.0, "second device": 1000.0, "incremental": 1000.0}
SAID = {
    "fieldsync": "Encrypted device file with synchronous=FULL, PostgreSQL with fsync. Rights, sync rules, validation, "
    "formulas, old-value checks, errors by record, change log and receipts are on.",
    "turso": "Turso sync 0.7.2 with the development server of its 0.6.0 command line, default durability. Copies "
    "database pages: one database for all, no rights, no rows by person; the last push wins; no encryption.",
    "pouchdb": "PouchDB 9.0.0 with express-pouchdb 4.2.0, LevelDB on both sides, every batch synced to disk on both. "
    "Whole documents; no rights, no rows by person; a losing revision is kept and hidden; no encryption.",
    "triplit": "Triplit server 1.1.8 and client 1.0.50, SQLite on both sides with synchronous=FULL (its default is "
    "NORMAL). Whole collections or queries, no permission rules here; the last write of an attribute wins; no "
    "encryption. The two devices of the third figure subscribe to that one record: with the whole collection "
    "subscribed a change takes seconds.",
    "zero": "Zero 1.9.0: zero-cache beside PostgreSQL with fsync and logical replication, and the app's own server for "
    "queries and writes; the device's store is SQLite with synchronous=FULL. No writes without a network by design: "
    "its edits are made at once while connected, and its 100 changes come to a connected device. All rows are held in "
    "memory and stored behind; rights and checks are the app's to write (none here); no encryption.",
}
INCREMENTAL_SECONDS_MAX = PEER_SECONDS_MAX = 600.0
WHY = {
    "refresh": "Turso copies pages of a file that is the same for everybody. Here the rows of one person are read "
    "under their rights and sync rules, and written with their indexes into an encrypted file.",
    "upload": "Every edit is checked (rights, sharing, old values, validation, formulas, roll-ups), journaled, "
    "logged and answered by record. Where the time goes, by py-spy at 200 Hz in both processes, which "
    "share the two cores: on the device merging what the save logic made of the rows 47 %, the upload "
    "queue 24 %, commits 13 %; on the server no room has more than 15 %: the change log 15 %, the journal "
    "15 %, PostgreSQL's protocol 12 %, checks of values 11 %.",
}
"""What fieldsync does in the meantime, where another system is ahead."""
ON_POSTGRES = frozenset({"zero"})
WIDTH, BAR, LEFT = 640, 22, 110


def main() -> None:
    """Measure everything that is installed, and write the page."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=20_000)
    asked.add_argument("--page", type=Path, default=Path("docs/explanation/peers.md"))
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="fieldsync-peers-") as name:
        folder, chance = Path(name), SeededChance(42)
        rows = folder / "rows.ndjson"
        rows.write_text("".join(json.dumps(a_row(chance)) + "\n" for _ in range(given.rows)), encoding="utf-8")
        found = {"fieldsync": _ours(given.rows)}
        failed: dict[str, str] = {}
        for program in sorted(HERE.glob("*/measure.mjs")):
            peer = program.parent.name
            try:
                found[peer] = _peer(program, rows, folder / peer)
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                failed[peer] = str(error).splitlines()[0]
    given.page.write_text(_page(given.rows, found, failed, given.page), encoding="utf-8")


def _ours(rows: int) -> dict[str, float]:
    """Our own commands; seconds."""
    edits = max(1000, rows // 2)
    found = {
        "refresh": bench("refresh", "--rows", str(rows))["refresh"]["value"],
        "upload": 1 / bench("upload", "--edits", str(edits))["upload"]["value"],
        "second device": bench("autosync", "--saves", "50")["save to second device, median"]["value"] / 1000,
    }
    with suppress(subprocess.TimeoutExpired):
        figures = bench("incremental", "--few", "1000", "--many", str(rows), seconds=INCREMENTAL_SECONDS_MAX)
        found["incremental"] = next(one["value"] for name, one in figures.items() if str(rows) in name) / 1000
    return found


def _peer(program: Path, rows: Path, folder: Path) -> dict[str, float]:
    """What its program tells; seconds. Raises SubprocessError where it fails or takes too long."""
    folder.mkdir()
    command = ["node", str(program), str(rows), str(folder / "data"), str(free_port())]
    with _surroundings(program.parent.name, folder) as variables:
        printed = _said(command, variables)
    told = [json.loads(line) for line in printed.splitlines() if line.startswith('{"row"')]
    return {line["row"]: line["seconds"] for line in told}


def _said(command: list[str], variables: dict[str, str]) -> str:
    """What it prints. One that takes too long is told to end, so that it ends what it started."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=variables, stdout=pipe, stderr=pipe, text=True, encoding="utf-8") as program:
        try:
            printed, complained = program.communicate(timeout=PEER_SECONDS_MAX)
        finally:
            program.terminate()
    if program.returncode:
        lines = [line for line in complained.splitlines() if "Error: " in line]
        raise subprocess.SubprocessError(lines[0] if lines else f"it ended with {program.returncode}")
    return printed


@contextmanager
def _surroundings(peer: str, folder: Path) -> Iterator[dict[str, str]]:
    """The environment of its program; one that works on PostgreSQL finds an empty one named as POSTGRES."""
    if peer not in ON_POSTGRES:
        yield dict(os.environ)
        return
    with EmbeddedPostgres.start(folder / "postgres", port=free_port(), settings={"wal_level": "logical"}) as postgres:
        yield {**os.environ, "POSTGRES": postgres.uri}


def _page(rows: int, found: dict[str, dict[str, float]], failed: dict[str, str], page: Path) -> str:
    return "\n".join(_lines(rows, found, failed, page)) + "\n"


def _lines(rows: int, found: dict[str, dict[str, float]], failed: dict[str, str], page: Path) -> Iterator[str]:
    yield "# Beside other sync systems"
    yield ""
    yield f"Made by `python -m benchmarks.peers.run --rows {rows}` in one run, one system after another, all on"
    yield f"the same machine over loopback ({machine()}). Machines differ and are shared: compare only within this"
    yield "page."
    for row in ROWS:
        values = {peer: UNITS[row] * told[row] for peer, told in found.items() if row in told}
        drawing = page.with_name(f"peers-{row.replace(' ', '-')}.svg")
        drawing.write_text(_drawn(TITLES[row], values), encoding="utf-8")
        yield from ("", f"## {TITLES[row]}", "", f"![{TITLES[row]}]({drawing.name})", "")
        yield from ("| system | value |", "|---|---:|")
        yield from (f"| {peer} | {value:.3g} |" for peer, value in sorted(values.items(), key=lambda one: one[1]))
        if min(values, key=values.__getitem__) != "fieldsync" and row in WHY:
            yield from ("", WHY[row])
    yield from ("", "## What each does and does not do", "")
    for peer, said in SAID.items():
        yield f"- **{peer}**: {said}"
    for peer, why in failed.items():
        yield f"- **{peer}** could not be run: {why}"


def _drawn(title: str, values: dict[str, float]) -> str:
    """Bars, the best first; each carries its name and value, so nothing is told by colour alone."""
    most, height = max(values.values(), default=1.0), (BAR + 8) * len(values) + 8
    bars = []
    for place, (peer, value) in enumerate(sorted(values.items(), key=lambda one: one[1])):
        top, length = 8 + place * (BAR + 8), (WIDTH - LEFT - 80) * value / most
        fill = "#2563eb" if peer == "fieldsync" else "#94a3b8"
        bars.append(f'<text x="{LEFT - 8}" y="{top + 15}" text-anchor="end">{peer}</text>')
        bars.append(f'<rect x="{LEFT}" y="{top}" width="{max(length, 1):.1f}" height="{BAR}" rx="2" fill="{fill}"/>')
        bars.append(f'<text x="{LEFT + length + 6:.1f}" y="{top + 15}">{value:.3g}</text>')
    style = "<style>text{font:13px sans-serif;fill:#64748b}</style>"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">'
    return head + style + "".join(bars) + "</svg>\n"


if __name__ == "__main__":
    main()
