"""The territories a person works in, and the one that is picked on this device (FEATURES A34, E13).

Another one is another set of rows: what waits goes up first, then everything comes anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.status.report import SyncKind, SyncReport, Trigger
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work
from fieldsync.device.sync.account import read_account
from fieldsync.device.sync.calls import Calls
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.session import MyTerritories, Picked, PickTerritory

OBJECTS = ("User_Territory", "Territory")


@dataclass(frozen=True)
class TerritoryChoice:
    """One a person may work in; `primary`: the one he starts in."""

    id: RecordId
    name: str
    primary: bool


class Territories:
    """`sync` runs a sync of a kind and trigger."""

    def __init__(self, store: Store, calls: Calls, sync: Callable[[SyncKind, Trigger], SyncReport]) -> None:
        self._store, self._calls, self._sync = store, calls, sync

    def mine(self) -> list[TerritoryChoice]:
        """Those of the person that this device knows of, the primary one first."""
        with self._store.read() as work:
            account = read_account(work)
            if account is None or not all(name in self._store.tables for name in OBJECTS):
                return []
            return _assigned(work, account.user.id)

    def offered(self) -> list[TerritoryChoice]:
        """Those of the person that the server knows of: before the first download. Raises Refused: AUTH, OFFLINE."""
        try:
            found = self._calls.get("/sync/v1/device/territories", MyTerritories)
        except Unreachable:
            raise Refused(problem(Code.OFFLINE)) from None
        return [TerritoryChoice(one.id, one.name, one.primary) for one in found.territories]

    def picked(self) -> RecordId | None:
        """The one this device works in; None: all of them."""
        with self._store.read() as work:
            found: RecordId | None = meta.get(work, Key.TERRITORY)
            return found

    def switch(self, territory: RecordId | None) -> SyncReport:
        """Work in another one, or in all. Blocks. Raises Refused: AUTH, OFFLINE, SYNC_RUNNING, NOT_FOUND; then this
        device works where it did, or has the other one picked and gets its rows with the next sync."""
        self._sync(SyncKind.UPLOAD_ONLY, Trigger.TERRITORY_SWITCH)
        self.pick(territory)
        return self._sync(SyncKind.FULL, Trigger.TERRITORY_SWITCH)

    def pick(self, territory: RecordId | None) -> None:
        """What the next download brings is of this one. Raises Refused: AUTH, OFFLINE, NOT_FOUND."""
        try:
            self._calls.post("/sync/v1/device/territory", PickTerritory(territory), Picked)
        except Unreachable:
            raise Refused(problem(Code.OFFLINE)) from None
        with self._store.write() as work:
            meta.put(work, Key.TERRITORY, territory)


def _assigned(work: Work, user: RecordId) -> list[TerritoryChoice]:
    rows = work.rows(
        'SELECT t.Id, t.Name, max(u."Primary") FROM User_Territory u JOIN Territory t ON t.Id = u.TerritoryId'
        " WHERE u.UserId = ? AND u.Active GROUP BY t.Id ORDER BY 3 DESC, 2, 1",
        user,
    )
    return [TerritoryChoice(RecordId(i), str(name or i), bool(primary)) for i, name, primary in rows]
