"""An admin's desk, for the tests of sync rules: rules as they are and would be, and people whose devices they feed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import pytest
from tests.server.lab import PASSWORD, Lab, delete

from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Change, Item, Operation, Saved
from fieldsync.schema.sync_rule import COLUMNS, SyncRule
from fieldsync.server.http.context import calling
from fieldsync.server.oversight.editing import save_from_page
from fieldsync.server.oversight.scope.holders import Holders, holder_of
from fieldsync.server.oversight.scope.preview import Asked, Preview, preview
from fieldsync.server.oversight.scope.proposal import Proposal
from fieldsync.server.postgres.queue import progress
from fieldsync.server.postgres.work import Work, snapshot, transaction
from fieldsync.server.sync.session import open_console

T = TypeVar("T")
NEAR = "City = 'Leeds' OR OwnerId = @@USER_ID@@"


class Desk:
    """An admin with rules to change."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.token = lab.run(self._signed_in())

    async def _signed_in(self) -> str:
        async with transaction(self.lab.org.pool) as database:
            _, token = await open_console(self.lab.org, database, "admin@small.example", PASSWORD)
            return token

    def rules(self) -> dict[str, tuple[str, SyncRule]]:
        """The rules by object."""

        found = self.read(self.lab.org.scopes.rules_by_id)
        return {rule.object: (rule_id, rule) for rule_id, rule in found}

    def edited(self, name: str, **changes: Any) -> Proposal:
        """The rule of an object as it would be."""
        rule_id, rule = self.rules()[name]
        return Proposal(rule_id, msgspec.structs.replace(rule, **changes))

    def save(self, proposal: Proposal) -> object:
        """Bring it into force; the outcome."""
        assert proposal.id is not None
        if proposal.rule is None:
            [(stamp,)] = self.lab.query('select "_stamp" from "Sync_Rule" where "Id" = %(id)s', id=proposal.id)
            return self._saved(delete("Sync_Rule", RecordId(proposal.id), stamp))
        known = dict(self.rules().values())[proposal.id]
        old, new = (_columns(rule) for rule in (known, proposal.rule))
        changes = {column: Change(old[column], value) for column, value in new.items() if old[column] != value}
        return self._saved(Item("Sync_Rule", RecordId(proposal.id), Operation.UPDATE, changes))

    def _saved(self, item: Item) -> object:
        return self.lab.run(save_from_page(self.lab.org, lambda: calling(self.lab.org, self.token), item))

    def preview(self, *proposals: Proposal, per_profile: int = 10, whose: str | None = None) -> Preview:
        """What they would move."""
        org = self.lab.org

        async def ask(database: Work) -> Preview:
            holders = Holders((await holder_of(org, database, f"{whose}@small.example"),), {}) if whose else None
            asked = Asked(proposals, org.rights.of("System_Administrator"), per_profile)
            return await preview(org, database, asked, holders)

        return self.read(ask)

    def read(self, ask: Callable[[Work], Awaitable[T]]) -> T:
        """Ask something in one snapshot."""

        async def asked() -> T:
            async with snapshot(self.lab.org.pool) as database:
                return await ask(database)

        return self.lab.run(asked())


def _columns(rule: SyncRule) -> dict[str, Any]:
    values = {column: getattr(rule, name) for name, column in COLUMNS.items()}
    return {column: ", ".join(v) if isinstance(v, tuple) else v for column, v in values.items()}


def desk_with_shops(lab: Lab) -> Desk:
    """Sarah and Tom have shops, the shops visits; rules bring the shops near by and what hangs on them."""
    sarah, tom = lab.person("sarah"), lab.person("tom")
    leeds, york, hull = lab.rows(
        "Shop",
        {"Name": "A", "City": "Leeds", "OwnerId": sarah},
        {"Name": "B", "City": "York", "OwnerId": tom},
        {"Name": "C", "City": "Hull", "OwnerId": sarah},
    )
    visits = lab.rows("Visit", *({"ShopId": shop} for shop in (leeds, leeds, york, york, york, hull)))
    lab.rows("Visit_Line", *({"VisitId": visit, "Product": "p"} for visit in visits))
    desk = Desk(lab)
    for name, where in (
        ("Shop", NEAR),
        ("Visit", "ShopId IN {SHOP.IDS}"),
        ("Visit_Line", "VisitId IN {VISIT.IDS}"),
    ):
        assert desk.save(desk.edited(name, type="top_level", where=where)) == Saved()
    return desk


@contextmanager
def killed_at_note(number: int) -> Iterator[None]:
    """What runs in this block is killed as it is about to note, for the so many-th time, how far it is."""
    real, left = progress.note, iter(range(number - 1))

    async def note(database: Work, known: int, place: tuple[int, int], result: msgspec.Struct) -> bool:
        if next(left, None) is None:
            raise asyncio.CancelledError
        return await real(database, known, place, result)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(progress, "note", note)
        with pytest.raises(asyncio.CancelledError):
            yield
