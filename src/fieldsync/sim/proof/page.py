"""The page that says what a long run did, out of its numbers alone."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.sim.proof.long_run import Total

PAGE = "docs/explanation/proof.md"
_HEAD = """# What the simulator proved last

Made by `make sim`; the numbers are those of one run, and nothing else is written here by hand.

The production device engine and the production server, on a real PostgreSQL, run in one process under one seed: every
choice, every moment and every fault is drawn from it. A device-day counts only with at least 30 saves, an incremental
sync and 5 faults on that device. `fieldsync sim --seed N --steps M` repeats a run, byte for byte; `fieldsync sim
--planted all` plants the known bugs one by one and says which law caught each.
"""


def page(total: Total) -> str:
    """The page, as Markdown. Pure."""
    return "\n".join([_HEAD, *_numbers(total), "", *_faults(total), "", *_failed(total)]) + "\n"


def _numbers(total: Total) -> Iterator[str]:
    yield "| what | how much |"
    yield "|---|---|"
    yield f"| ended | {total.ended_at} |"
    yield f"| seeds | {total.first_seed} to {total.last_seed}, {total.runs} runs |"
    yield f"| steps | {total.steps} |"
    yield f"| device-days | {total.device_days} |"
    yield f"| saves that a device returned for | {total.saves} |"
    yield f"| devices killed, restored or without power | {total.kills} |"
    yield f"| hours of the machine | {total.seconds / 3600:.1f} |"
    yield f"| runs that broke a law | {len(total.failed)} |"


def _faults(total: Total) -> Iterator[str]:
    yield "| fault | injected | in runs that broke no law |"
    yield "|---|---|---|"
    for name, times in total.injected.items():
        yield f"| {name} | {times} | {total.survived.get(name, 0)} |"


def _failed(total: Total) -> Iterator[str]:
    for one in total.failed:
        yield f"- seed {one.seed}: {'; '.join(one.violations)}"
