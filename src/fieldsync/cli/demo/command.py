"""`fieldsync demo`: everything at once, or with `--headless` the story in the terminal."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fieldsync.base.world import system_world
from fieldsync.cli.report import Exit, say

DEFAULT_FOLDER = Path.home() / ".fieldsync-demo"


def demo(
    headless: Annotated[bool, typer.Option("--headless", help="Tell Sarah's story here and check every step.")] = False,
    accounts: Annotated[int, typer.Option("--accounts", min=8, max=1_000_000, help="Accounts to make.")] = 400,
    reset: Annotated[bool, typer.Option("--reset", help="Throw the demo's data away and begin anew.")] = False,
    folder: Annotated[Path, typer.Option("--folder", help="Where the demo keeps its data.")] = DEFAULT_FOLDER,
    port: Annotated[int, typer.Option("--port", help="Port of the server and console; 0 takes a free one.")] = 8484,
) -> None:
    """Server, console and two devices with data; Ctrl-C stops it all."""
    if headless:
        _headless(accounts)
    else:
        _interactive(folder, port, accounts, reset=reset)


def _interactive(folder: Path, port: int, accounts: int, *, reset: bool) -> None:
    from fieldsync.cli.demo.run import free_port, place, run
    from fieldsync.cli.demo.scenes import set_scenes
    from fieldsync.cli.serve import require_free
    from fieldsync.server.http.serve import run as run_loop

    chosen = port or free_port()
    require_free("127.0.0.1", chosen)
    world = system_world()
    say("Starting; Ctrl-C stops everything.")
    with place(folder, chosen, world, accounts=accounts, reset=reset, tell=say) as where:
        run_loop(run(where, set_scenes, say))
    say("Stopped.")


def _headless(accounts: int) -> None:
    from fieldsync.cli.demo.headless import tell
    from fieldsync.cli.demo.story import Untrue

    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="fieldsync-story-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            told = tell(folder, accounts, lambda sentence: console.print(f"  [green]✓[/green] {sentence}"))
        except Untrue as untrue:
            console.print(f"  [red]✗ not as told:[/red] {untrue}")
            raise SystemExit(Exit.REFUSED) from None
    console.print(f"{told} sentences, all true.")
