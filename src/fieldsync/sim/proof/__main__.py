"""`python -m fieldsync.sim.proof NUMBERS [--orders N] [--states N] [--planted]`: the provers and their page.

What is asked for is run first and takes its place among the numbers; then docs/explanation/proof.md is written of all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fieldsync.sim.proof.numbers import read
from fieldsync.sim.proof.page import PAGE, page
from fieldsync.sim.proof.parts import run_crashes, run_orders, run_planted


def main() -> None:
    """Run what is asked for; write the page."""
    asked = argparse.ArgumentParser(prog="python -m fieldsync.sim.proof", description=__doc__)
    asked.add_argument("numbers", type=Path, help="where the numbers are kept")
    asked.add_argument("--orders", type=int, default=0, help="orders of turns of each pair of transactions, at most")
    asked.add_argument("--by-statement", action="store_true", help="turns change between statements, not only trips")
    asked.add_argument("--states", type=int, default=0, help="states of a device's files after a power loss")
    asked.add_argument("--planted", action="store_true", help="every planted bug")
    given = asked.parse_args()
    if given.orders:
        run_orders(given.numbers, given.orders, by_statement=given.by_statement)
    if given.states:
        run_crashes(given.numbers, given.states)
    if given.planted:
        run_planted(given.numbers)
    Path(PAGE).write_text(page(read(given.numbers)), encoding="utf-8")


if __name__ == "__main__":
    main()
