"""What one person's device holds under some rules: rows and bytes of each object, and a condition tried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Select, false, func, select

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.sync_rule import EVERY_DEVICE, SyncRule
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.scope.holders import Holder
from fieldsync.server.oversight.scope.moves import SAMPLE
from fieldsync.server.oversight.scope.proposal import Proposal, judged
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Busy
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.scope.caps import counted_rows
from fieldsync.server.scope.scope import Scope

MEASURED_ROWS = 500
"""The size of an object's rows is measured on so many of them."""


class Held(msgspec.Struct, frozen=True):
    """An object on a device. `bytes` is what its rows take on the wire, uncompressed: estimated beyond 500 rows."""

    object: str
    rows: int
    bytes: int


class Tried(msgspec.Struct, frozen=True):
    """How many rows a condition brings one person's device, and the names of the first."""

    object: str
    rows: int
    names: tuple[str, ...]
    warnings: tuple[str, ...]


async def held(org: Org, database: Database, holder: Holder) -> tuple[Held, ...]:
    """What a download of everything would deliver now, masters first (FEATURES A37). Raises Refused(TIMEOUT)."""
    rules = await org.scopes.rules(database)
    scope = org.scopes.under(holder.caller, holder.looked, rules, org.world.clock)
    return tuple([await _held(database, scope, name) for name in scope.objects])


async def counting(org: Org, database: Database, holder: Holder) -> frozenset[SyncRule]:
    """The rules that count for this person's device: of each object the most particular ones. Raises Refused."""
    scope = org.scopes.under(holder.caller, holder.looked, await org.scopes.rules(database), org.world.clock)
    return frozenset(rule for found in scope.cut.chosen.values() for rule in found)


@dataclass(frozen=True)
class Trial:
    """A rule that is tried as if it were the only one of its object; the others stay as they are."""

    rule: SyncRule
    reader: Rights


async def tried(org: Org, database: Database, holder: Holder, trial: Trial) -> Tried:
    """What a rule would bring (FEATURES A17). Raises Refused: SYNC_RULE, TIMEOUT."""
    rule, name = _for_everybody(trial.rule), trial.rule.object
    others = tuple(r for r in await org.scopes.rules(database) if r.object != name)
    faults = judged(org.catalog, {str(i): other for i, other in enumerate(others)}, [Proposal(None, rule)])
    scope = org.scopes.under(holder.caller, holder.looked, (*others, rule), org.world.clock)
    if name not in scope.cut.chosen:
        return Tried(name, 0, (), (f"{holder.caller.profile} may not read {name}.",))
    found = await _held(database, scope, name)
    names: tuple[str, ...] = ()
    if trial.reader.may(name, Access.READ) and trial.reader.sees(name, "Name"):
        names = tuple(one for (one,) in await database.rows(compile_statement(_first_names(scope, name))))
    return Tried(name, found.rows, names, tuple(fault.sentence for fault in faults))


def _for_everybody(rule: SyncRule) -> SyncRule:
    blank = {"profile": None, "profile_id": None, "application_profile": None}
    return msgspec.structs.replace(rule, device=EVERY_DEVICE, active=True, **blank)


async def _held(database: Database, scope: Scope, name: str) -> Held:
    try:
        row = await database.one(compile_statement(_measured(scope, name)))
    except Busy:
        raise Refused(problem(Code.TIMEOUT)) from None
    assert row is not None, "a count has a row"
    rows, mean = row
    return Held(name, rows, round(rows * (mean or 0)))


def _measured(scope: Scope, name: str) -> Select[Any]:
    """(rows, mean bytes of the first)."""
    rows = counted_rows(scope, name).scalar_subquery()
    computed = scope.computed(name)
    wire = scope.wire_row(name, computed).label("wire")
    its = computed.table
    here = [its.c.IsDeleted.is_(False), func.coalesce(scope.selected(name, its), false())]
    first = select(wire).select_from(computed.source).where(*here).limit(MEASURED_ROWS).subquery("first")
    return select(rows, select(func.avg(func.octet_length(first.c.wire) + 1)).scalar_subquery())


def _first_names(scope: Scope, name: str) -> Select[Any]:
    table = scope.around.metadata.tables[name]
    found = select(func.coalesce(table.c.Name, table.c.Id)).where(table.c.IsDeleted.is_(False))
    return found.where(scope.selected(name, table)).order_by(table.c.Name, table.c.Id).limit(SAMPLE)
