"""The page that says what the provers did last, out of their numbers alone, beside the bars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fieldsync.sim.planted.catch import BUGS, DAYS_MAX, Caught
from fieldsync.sim.proof.long_run import Total
from fieldsync.sim.proof.numbers import Calls, Numbers

PAGE = "docs/explanation/proof.md"
BAR_DAYS, BAR_STATES, BAR_ORDERS = 10_000, 100_000, 15_000
BAR_SERVER_KILLS, BAR_DATABASE_KILLS, BAR_STEPS, BAR_CALLS = 60, 30, 100_000, 1_500
_HEAD = """# What the provers found last

Made by `make sim` and `python -m fieldsync.sim.proof`; the numbers are those of the last run of each, and nothing else
is written here by hand. A bar that is not reached says so.

The production device engine and the production server, on a real PostgreSQL, run in one process under one seed: every
choice, every moment and every fault is drawn from it. A device-day counts only with at least 30 saves, an incremental
sync and 5 faults on that device. `fieldsync sim --seed N --steps M --devices D` repeats a run, byte for byte;
`--workload` makes another kind of days of it, such as the month's end or a hot record.
`fieldsync sim --planted all` plants the known bugs one by one and says which law caught each.
"""
_RUNS_HEAD = """## Simulated days

A run goes on where the last one of the same code stopped. What other code did is beside it. Of a run that broke a law
the days until then are counted; what it broke stands below.
"""
_ORDERS_HEAD = """## Orders of two transactions

Every order in which two of the product's transactions can take their turns at a real PostgreSQL, against what they
leave behind one after the other. `all` says whether every order was played.
"""
_CRASHES_HEAD = """## Power lost at any write

A device at work, and after each operation on its disk what a power loss can leave: nothing of what was not synced, all
of it, or any sectors. Each state is opened as the product opens it. Settings that are known to lose saves have to be
found out.
"""
_CALLS_HEAD = """
## Killed, or told no, at a system call

A device at work, and each call by which its store writes, syncs, cuts or removes a file: there it gets SIGKILL, EIO or
ENOSPC from `strace`. Then the store is opened again and the work is ended (`tests/device/killing_calls.py`).
"""
_KILLS_HEAD = """
## Processes killed

Cells of `fieldsync sim matrix` (reality.md): each kill is a SIGKILL while people save. Those of cells that broke a law
are not counted.
"""
_MACHINE_HEAD = """
## A device as a state machine

Any order of saves, refusals, undo, open pages, restarts and a network that loses requests and answers; after each step
every save is in one place (`tests/device/test_stateful.py`).
"""
_PLANTED_HEAD = """## Planted bugs

Each is a patch of the product for one run; its own seed is run first, then those behind it, until a law is broken. The
device-days are those of all these runs, only those counted that have enough saves and faults: a bug that is caught
before a day is over has 0.
"""


def page(numbers: Numbers) -> str:
    """The page, as Markdown. Pure."""
    parts = [
        _HEAD,
        *_bars(numbers),
        "",
        *_runs(numbers),
        *_days(numbers.days),
        "",
        *_orders(numbers),
        "",
        *_crashes(numbers),
        *_processes(numbers),
    ]
    return "\n".join([*parts, "", *_planted(numbers)]).rstrip() + "\n"


def _table(*rows: Iterable[object]) -> Iterator[str]:
    for place, row in enumerate(rows):
        yield "| " + " | ".join(str(cell) for cell in row) + " |"
        if place == 0:
            yield "|" + "---|" * len(list(row))


def _bars(numbers: Numbers) -> Iterator[str]:
    days = sum(one.device_days for one in totals(numbers))
    orders = sum(one.orders for one in numbers.orders)
    states = sum(one.states for one in numbers.crashes)
    caught = sum(one.by_law for one in numbers.planted)
    rows = [
        ("device-days, of every code below", days, BAR_DAYS),
        ("orders of two transactions", orders, BAR_ORDERS),
        ("states of a device after a power loss", states, BAR_STATES),
        (f"planted bugs caught by a law within {DAYS_MAX} device-days", caught, len(BUGS)),
    ]
    rows += [
        ("kills and errors at system calls of a device", _struck(numbers.calls), BAR_CALLS),
        ("kills of the server", numbers.kills.servers, BAR_SERVER_KILLS),
        ("kills of PostgreSQL", numbers.kills.databases, BAR_DATABASE_KILLS),
        ("steps of the state machine of a device", numbers.machine.steps, BAR_STEPS),
    ]
    told = [(what, seen or "not counted", bar, _reached(seen, bar)) for what, seen, bar in rows]
    yield from _table(("what", "seen", "bar of the long run", "reached"), *told)


def _reached(seen: int, bar: int | str) -> str:
    return "yes" if isinstance(bar, int) and seen >= bar else "no"


def totals(numbers: Numbers) -> list[Total]:
    """What was simulated, code by code, the newest first."""
    return [one for one in (numbers.days, *reversed(numbers.earlier)) if one is not None]


def _runs(numbers: Numbers) -> Iterator[str]:
    if numbers.days is None:
        return
    yield _RUNS_HEAD
    rows = [
        (one.commit or one.code, _seeds(one), one.steps_each, one.devices, one.runs, one.device_days, len(one.failed))
        for one in totals(numbers)
    ]
    yield from _table(("code", "seeds", "steps each", "devices", "runs", "device-days", "runs that failed"), *rows)
    yield ""
    for total in totals(numbers):
        for one in total.failed:
            yield f"- {total.commit or total.code}, seed {one.seed}: {'; '.join(one.violations)}"
    yield ""


def _seeds(total: Total) -> str:
    return ", ".join(f"{first} to {last}" if first != last else str(first) for first, last in total.seeds)


def _days(total: Total | None) -> Iterator[str]:
    if total is None:
        return
    yield f"The days of the newest code ({total.commit or total.code}):\n"
    yield from _table(
        ("what", "how much"),
        ("ended", total.ended_at),
        ("seeds", f"{_seeds(total)}, {total.runs} runs"),
        ("steps", total.steps),
        ("device-days", total.device_days),
        ("saves that a device returned for", total.saves),
        ("devices killed, restored or without power", total.kills),
        ("hours of the machine", f"{total.seconds / 3600:.1f}"),
        ("runs that broke a law or did not end", len(total.failed)),
    )
    yield ""
    faults = [(name, times, total.survived.get(name, 0)) for name, times in total.injected.items()]
    yield from _table(("fault", "injected", "in runs that broke no law"), *faults)
    yield ""


def _orders(numbers: Numbers) -> Iterator[str]:
    if not numbers.orders:
        return
    yield _ORDERS_HEAD
    rows = [(one.name, one.orders, "yes" if one.complete else "no", len(one.wrong)) for one in numbers.orders]
    yield from _table(("pair", "orders", "all", "wrong"), *rows)
    yield ""
    for control in numbers.order_controls:
        yield f"- With the bug *{control.name}*: {'found out' if control.found else 'NOT FOUND OUT'}."


def _crashes(numbers: Numbers) -> Iterator[str]:
    if not numbers.crashes:
        return
    yield _CRASHES_HEAD
    rows = [(one.name, one.operations, one.states, one.wrong) for one in (*numbers.crashes, *numbers.crash_controls)]
    yield from _table(("settings", "operations", "states", "states that lost or tore something"), *rows)


def _processes(numbers: Numbers) -> Iterator[str]:
    kills, machine, calls = numbers.kills, numbers.machine, numbers.calls
    if _struck(calls):
        yield _CALLS_HEAD
        headings = ("killed", "EIO", "ENOSPC", "places after which something was wrong", "seconds")
        yield from _table(headings, (calls.killed, calls.io_errors, calls.disk_full, calls.wrong, calls.seconds))
    if kills.cells:
        yield _KILLS_HEAD
        counted = (kills.cells, kills.saves, kills.servers, kills.databases, kills.devices, len(kills.broken))
        what = ("cells", "saves", "servers killed", "PostgreSQL killed", "devices killed", "cells that broke a law")
        yield from _table(what, counted)
        yield from ("", *(f"- {told}" for told in kills.broken))
    if machine.runs:
        yield _MACHINE_HEAD
        yield from _table(("runs", "steps", "seconds"), (machine.runs, machine.steps, machine.seconds))


def _struck(calls: Calls) -> int:
    return calls.killed + calls.io_errors + calls.disk_full


def _planted(numbers: Numbers) -> Iterator[str]:
    if not numbers.planted:
        return
    yield _PLANTED_HEAD
    known = {one.name: one for one in numbers.planted}
    rows = [_planted_row(name, known.get(name)) for name in BUGS]
    yield from _table(("bug", "caught by", "seed", "device-days until then", "what was seen"), *rows)


def _planted_row(name: str, one: Caught | None) -> tuple[object, ...]:
    if one is None:
        return name, "not run", "", "", ""
    law = f"{one.law}" if one.by_law else f"NOT CAUGHT BY A LAW {one.law}".rstrip()
    return name, law, one.seed, one.device_days, one.found.partition(": ")[2].replace("|", "/")
