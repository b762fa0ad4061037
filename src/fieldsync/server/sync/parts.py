"""Long transactions travel in parts and run only when complete (FEATURES B16, B17).

Parts that arrive together are joined at once; others wait in `_part`. The hash covers all parts, so a part of another
content makes the whole a fork. Nothing of an incomplete transaction is ever applied.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.upload import Accepted, Item, Result, Transaction, decode_items, hash_of
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Incoming


@dataclass(frozen=True)
class Gathered:
    """Complete transactions in order; results of those whose parts are still missing; a part that does not fit."""

    complete: tuple[Incoming, ...]
    waiting: tuple[Result, ...] = ()
    fork_at: int | None = None


async def gather(org: Org, database: Database, caller: Caller, transactions: tuple[Transaction, ...]) -> Gathered:
    """Join parts. Everything behind an incomplete transaction waits with it: outcomes come in queue order (I7)."""
    by_n: dict[int, list[Transaction]] = {}
    for transaction in transactions:
        by_n.setdefault(transaction.n, []).append(transaction)
    partial = [n for n, given in by_n.items() if len(given) < given[0].parts]
    stored = await _stored(org, database, caller, partial) if partial else {}
    complete: list[Incoming] = []
    for n, given in by_n.items():
        contents = stored.get(n, {}) | {t.part: bytes(t.items) for t in given}
        if len(contents) < given[0].parts:
            await _keep(org, database, caller, given)
            return Gathered(tuple(complete), (_accepted(given[0], contents.values()),))
        raw = tuple(contents[part] for part in sorted(contents))
        if hash_of(raw) != given[0].hash:
            return Gathered(tuple(complete), fork_at=n) if len(raw) > 1 else _refuse_hash(n)
        complete.append(_joined(given[0], raw))
        if n in stored:
            await database.run(org.save.drop_parts, device=caller.number, ns=[n])
    return Gathered(tuple(complete))


def alone(transactions: tuple[Transaction, ...]) -> tuple[Incoming, ...]:
    """Those that came whole, in one part each, up to the first that did not. Raises Refused(BAD_REQUEST)."""
    whole = itertools.takewhile(lambda one: one.parts == 1, transactions)
    return tuple(_joined(one, (bytes(one.items),)) for one in whole)


def _refuse_hash(n: int) -> Gathered:
    raise Refused(problem(Code.BAD_REQUEST, reason=f"the content of transaction {n} does not fit its hash"))


def _joined(first: Transaction, raw: Iterable[bytes]) -> Incoming:
    items = tuple(item for part in raw for item in read_items(part))
    if len(items) > limits.TRANSACTION_TOTAL_ITEMS_MAX:
        raise Refused(problem(Code.TOO_LARGE, limit=f"{limits.TRANSACTION_TOTAL_ITEMS_MAX} records a save"))
    if first.expected not in (None, len(items)):
        reason = f"transaction {first.n} has {len(items)} records, and says that it has {first.expected}"
        raise Refused(problem(Code.BAD_REQUEST, reason=reason))
    return Incoming(first.id, first.n, first.hash, first.saved_at[:40], items)


def read_items(raw: bytes) -> tuple[Item, ...]:
    """Items of one part. Raises Refused(BAD_REQUEST) that says what and where."""
    try:
        return decode_items(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as bad:
        raise Refused(problem(Code.BAD_REQUEST, reason=str(bad))) from None


async def _stored(org: Org, database: Database, caller: Caller, ns: list[int]) -> dict[int, dict[int, bytes]]:
    found: dict[int, dict[int, bytes]] = {}
    for n, part, _, _, _, content in await database.rows(org.save.parts, device=caller.number, ns=ns):
        found.setdefault(n, {})[part] = content
    return found


async def _keep(org: Org, database: Database, caller: Caller, given: list[Transaction]) -> None:
    for part in given:
        await database.run(
            org.save.add_part,
            device=caller.number,
            n=part.n,
            part=part.part,
            parts=part.parts,
            transaction_id=part.id,
            hash=part.hash,
            items=bytes(part.items),
            received_at=org.world.clock.now(),
        )


def _accepted(first: Transaction, contents: Iterable[bytes]) -> Result:
    received = sum(len(read_items(content)) for content in contents)
    return Result(first.n, first.id, Accepted(received, first.expected or 0))
