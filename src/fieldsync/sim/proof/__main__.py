"""`python -m fieldsync.sim.proof [--orders N [--pairs PAIR ...]] [--states N] [--planted [BUG ...]]
[--matrix FILE ...]`: provers and page.

What is asked for is run first and takes its place among the numbers; then docs/explanation/proof.md is written of all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from fieldsync.sim.proof.numbers import NUMBERS, keep_kills, read
from fieldsync.sim.proof.page import PAGE, page
from fieldsync.sim.proof.parts import run_crashes, run_orders, run_planted
from fieldsync.sim.reality.cell import Outcome


def main() -> None:
    """Run what is asked for; write the page."""
    asked = argparse.ArgumentParser(prog="python -m fieldsync.sim.proof", description=__doc__)
    asked.add_argument("--numbers", type=Path, default=Path(NUMBERS), help="where the numbers are kept")
    asked.add_argument("--orders", type=int, default=0, help="orders of turns of each pair of transactions, at most")
    asked.add_argument("--pairs", nargs="*", default=(), metavar="PAIR", help="of these pairs alone, by name")
    asked.add_argument("--by-statement", action="store_true", help="turns change between statements, not only trips")
    asked.add_argument("--states", type=int, default=0, help="states of a device's files after a power loss")
    asked.add_argument("--planted", nargs="*", metavar="BUG", help="planted bugs by name; without a name, every one")
    asked.add_argument("--matrix", type=Path, nargs="*", default=(), help="results of `fieldsync sim matrix`, counted")
    given = asked.parse_args()
    if given.orders:
        run_orders(given.numbers, given.orders, given.pairs, by_statement=given.by_statement)
    if given.states:
        run_crashes(given.numbers, given.states)
    if given.planted is not None:
        run_planted(given.numbers, given.planted)
    if given.matrix:
        lines = [line for file in given.matrix for line in file.read_bytes().splitlines()]
        keep_kills(given.numbers, [msgspec.json.decode(line, type=Outcome) for line in lines])
    Path(PAGE).write_text(page(read(given.numbers)), encoding="utf-8")


if __name__ == "__main__":
    main()
