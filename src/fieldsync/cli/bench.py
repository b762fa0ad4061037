"""`fieldsync bench`: what the product takes, each figure beside its floor, measured in the same run."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from fieldsync.cli.place import JsonOption
from fieldsync.cli.report import show_json

if TYPE_CHECKING:
    from fieldsync.sim.bench.figures import Figure

app = typer.Typer(help="Measure the product beside the floors of this machine.", no_args_is_help=True)


@app.command("autosync")
def autosync(
    saves: Annotated[int, typer.Option("--saves", min=10, help="Saves to time.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """A local save, and until the person's second device shows it."""
    from fieldsync.sim.bench.autosync import measure

    _run(lambda folder, port: measure(folder, port, saves=saves), as_json=as_json)


@app.command("upload")
def upload(
    edits: Annotated[int, typer.Option("--edits", min=100, help="Offline edits to upload.")] = 10_000,
    as_json: JsonOption = False,
) -> None:
    """Offline edits, from the network's return until each is acknowledged."""
    from fieldsync.sim.bench.upload import measure

    _run(lambda folder, port: measure(folder, port, edits=edits), as_json=as_json)


@app.command("save")
def save(
    batches: Annotated[int, typer.Option("--batches", min=3, help="Batches of 500 records for each stream.")] = 40,
    as_json: JsonOption = False,
) -> None:
    """Saves in one batch stream, with and without rules, formula fields and a roll-up."""
    from fieldsync.sim.bench.save import measure

    _run(lambda folder, port: measure(folder, port, batches=batches), as_json=as_json)


@app.command("refresh")
def refresh(
    rows: Annotated[int, typer.Option("--rows", min=1_000, help="Rows of 21 fields to refresh.")] = 100_000,
    as_json: JsonOption = False,
) -> None:
    """A database refresh over loopback into an encrypted file, and the memory it takes at both ends."""
    from fieldsync.sim.bench.refresh import measure

    _run(lambda folder, port: measure(folder, port, rows=rows), as_json=as_json)


@app.command("apply")
def apply(
    rows: Annotated[int, typer.Option("--rows", min=1_000, help="Rows that changed.")] = 100_000,
    as_json: JsonOption = False,
) -> None:
    """A prepared update in which every row changed: how long its *Apply* takes."""
    from fieldsync.sim.bench.prepared import measure

    _run(lambda folder, port: measure(folder, port, rows=rows), as_json=as_json)


@app.command("incremental")
def incremental(
    few: Annotated[int, typer.Option("--few", min=1_000, help="Rows that one device holds.")] = 10_000,
    many: Annotated[int, typer.Option("--many", min=1_000, help="Rows that the other holds.")] = 100_000,
    as_json: JsonOption = False,
) -> None:
    """100 changes, by how many rows the device holds and how much others changed."""
    from fieldsync.sim.bench.incremental import measure

    _run(lambda folder, port: measure(folder, port, few=few, many=many), as_json=as_json)


@app.command("scope")
def scope(
    practices: Annotated[int, typer.Option("--practices", min=1_000, help="Practices with 3 visits.")] = 30_000,
    as_json: JsonOption = False,
) -> None:
    """Who gets what: a selection through assignments, and the difference of a changed rule and alignment."""
    from fieldsync.sim.bench.scope import measure

    _run(lambda folder, _: measure(folder, practices=practices), as_json=as_json)


@app.command("feed")
def feed(
    few: Annotated[int, typer.Option("--few", min=1_000, help="Entries of the short feed.")] = 10_000,
    many: Annotated[int, typer.Option("--many", min=2_000, help="Entries of the long one.")] = 1_000_000,
    as_json: JsonOption = False,
) -> None:
    """The feed's next page by how long the feed is, and dropping a day by what is in it."""
    from fieldsync.sim.bench.feed import measure

    _run(lambda folder, _: measure(folder, few=few, many=many), as_json=as_json)


@app.command("idle")
def idle(
    devices: Annotated[str, typer.Option("--devices", help="How many, with commas: a curve.")] = "1000",
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="How long to look.")] = 45.0,
    as_json: JsonOption = False,
) -> None:
    """Memory and processor of a server while devices listen and nothing happens."""
    from fieldsync.sim.bench.fleet.idle import measure

    counts = [int(count) for count in devices.split(",")]
    _run(lambda folder, port: measure(folder, port, counts=counts, seconds=seconds), as_json=as_json)


@app.command("storm")
def storm(
    devices: Annotated[int, typer.Option("--devices", min=10, help="How many come back.")] = 1_000,
    seconds: Annotated[float, typer.Option("--seconds", min=0, help="Within how long.")] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Devices that all come back at once, each with a save."""
    from fieldsync.sim.bench.fleet.storm import measure

    _run(lambda folder, port: measure(folder, port, devices=devices, seconds=seconds), as_json=as_json)


@app.command("console")
def console(
    transactions: Annotated[int, typer.Option("--transactions", min=10_000, help="Transactions to list.")] = 1_000_000,
    syncs: Annotated[int, typer.Option("--syncs", min=1_000, help="Tracking records to draw.")] = 100_000,
    as_json: JsonOption = False,
) -> None:
    """Pages of the list of transactions, by filter, and the charts of syncs."""
    from fieldsync.sim.bench.fleet.console import measure

    _run(lambda folder, _: measure(folder, transactions=transactions, syncs=syncs), as_json=as_json)


@app.command("all")
def every(
    rows: Annotated[int, typer.Option("--rows", min=1_000, help="Rows of a refresh; other sizes follow.")] = 100_000,
    devices: Annotated[int, typer.Option("--devices", min=20, help="Of idle and storm.")] = 1_000,
    as_json: JsonOption = False,
) -> None:
    """Every benchmark, one after another; a changed rule is in `scope`."""
    refresh(rows, as_json)
    upload(rows // 10, as_json)
    autosync(200, as_json)
    save(40, as_json)
    incremental(max(1_000, rows // 10), rows, as_json)
    scope(max(1_000, rows * 3 // 10), as_json)
    feed(max(1_000, rows // 10), max(2_000, rows), as_json)
    idle(f"{devices}", 45.0, as_json)
    storm(devices, 10.0, as_json)
    apply(rows, as_json)
    console(max(10_000, rows * 10), max(1_000, rows), as_json)


def _run(measure: Callable[[Path, int], list[Figure]], *, as_json: bool) -> None:
    from fieldsync.sim.bench.figures import as_table

    with _folder() as folder:
        figures = measure(folder, _free_port())
    if as_json:
        for found in figures:
            show_json(found)
    else:
        Console().print(as_table(figures))


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that goes when the measuring is done."""
    with tempfile.TemporaryDirectory(prefix="fieldsync-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
