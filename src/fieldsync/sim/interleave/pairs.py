"""The pairs whose every order is played (TESTING, layer 3), and what must hold after each.

What comes out of an interleaving has to be what comes out when the same actors go one after the other, in some order:
nobody may see, and the database may not hold, what no order of whole transactions explains.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.upkeep import higher_floors
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import transaction
from fieldsync.sim.ground import ORG, Person
from fieldsync.sim.interleave.hand import Hand
from fieldsync.sim.interleave.turns import Act
from fieldsync.sim.server import SimServer
from fieldsync.sim.territory import add_accounts

Facts = tuple[object, ...]
"""What a play left behind, in words that do not name its own records."""


class Stage:
    """People with devices, and records that no play has touched."""

    def __init__(self, server: SimServer, name: str, plays_max: int) -> None:
        self.server, self.ground = server, server.ground
        sarah, tom = self.ground.people["sarah"], self.ground.people["tom"]
        self.sarah, self.ipad, self.phone = (Hand(server, sarah, f"sarah {n} {name}") for n in (1, 2, 3))
        self.tom = Hand(server, tom, f"tom {name}")
        north, south = self.ground.territories["north"], self.ground.territories["south"]
        with seeding_org(server.uri, ORG, server.world) as seeding:
            names = [{"Name": f"Played {n}"} for n in range(2 * plays_max)]
            self.accounts = add_accounts(seeding, north, names)
            shared = [{"AccountId": a, "TerritoryId": south} for a in self.accounts]
            self.places = insert_rows(seeding, "Territory_Account", shared)
            calls = [
                {"AccountId": a, "Call_Date": seeding.now, "Notes": "before", "OwnerId": sarah.id}
                for a in self.accounts[:plays_max]
            ]
            self.calls = insert_rows(seeding, "Call", calls)

    @property
    def admin(self) -> Person:
        return self.server.admin

    async def online(self, item: Item) -> str:
        """A save of the admin's at a desk; what became of it."""
        return type(await self.server.saved(self.admin, item)).__name__

    def row(self, object_name: str, record_id: str, *columns: str) -> Facts:
        """What stands in some columns now."""
        chosen = ", ".join(f'"{column}"' for column in columns)
        found = self.server.query(f'SELECT {chosen} FROM "{object_name}" WHERE "Id" = %(id)s', id=record_id)  # noqa: S608
        return found[0] if found else ("gone",)

    def writes(self, record_id: str) -> Facts:
        """What the change log says was done to a record, in the order of its versions."""
        rows = self.server.query(
            "SELECT kind FROM _change WHERE id = %(id)s AND kind IN ('created', 'updated', 'deleted')"
            " ORDER BY version, seq",
            id=record_id,
        )
        return tuple(kind for (kind,) in rows)

    def feed_is_whole(self) -> bool:
        """Whether every feed's positions follow each other, without gaps, up to its head."""
        gaps = self.server.query(
            "SELECT 1 FROM (SELECT feed_user, count(*) AS entries, count(DISTINCT feed_position) AS places,"
            " min(feed_position) AS first, max(feed_position) AS last FROM _change WHERE feed_position IS NOT NULL"
            " GROUP BY feed_user) s JOIN _user_head h ON h.user_id = s.feed_user"
            " WHERE h.position <> s.last OR s.entries <> s.places OR s.places <> s.last - s.first + 1 LIMIT 1"
        )
        return not gaps


def _update(object_name: str, record_id: RecordId, **changes: tuple[object, object]) -> Item:
    changed: dict[str, Any] = {name: Change(old, new) for name, (old, new) in changes.items()}
    return Item(object_name, record_id, Operation.UPDATE, changed)


Scene = Callable[[Stage, int], Sequence[Act]]
Before = Callable[[Stage, int], Coroutine[Any, Any, None]]
Look = Callable[[Stage, int, Sequence[object]], Facts]


@dataclass(frozen=True)
class Pair:
    """Who runs at once, and the facts of a play."""

    name: str
    scene: Scene
    look: Look
    actors: int = 2
    before: Before | None = None
    """What is there when the actors begin."""


def _same_record(stage: Stage, n: int) -> Sequence[Act]:
    account = stage.accounts[n]
    his, hers = (
        stage.tom.save(_update("Account", account, Phone=(None, "tom"))),
        stage.sarah.save(_update("Account", account, Phone=(None, "sarah"))),
    )
    return (lambda: stage.sarah.send(hers), lambda: stage.tom.send(his))


def _account_and_outcomes(stage: Stage, n: int, results: Sequence[object]) -> Facts:
    account = stage.accounts[n]
    return (*results, stage.row("Account", account, "Phone", "IsDeleted"), stage.writes(account), stage.feed_is_whole())


def _same_person(stage: Stage, n: int) -> Sequence[Act]:
    first, second = stage.accounts[2 * n], stage.accounts[2 * n + 1]
    one = stage.sarah.save(_update("Account", first, Fax=(None, "one")))
    two = stage.ipad.save(_update("Account", second, Fax=(None, "two")))
    return (lambda: stage.sarah.send(one), lambda: stage.ipad.send(two))


def _both_and_a_whole_feed(stage: Stage, n: int, results: Sequence[object]) -> Facts:
    rows = [stage.row("Account", stage.accounts[2 * n + k], "Fax") for k in (0, 1)]
    return (*results, *rows, stage.feed_is_whole())


def _save_and_poll(stage: Stage, n: int) -> Sequence[Act]:
    saved = stage.sarah.save(_update("Account", stage.accounts[n], Fax=(None, "polled")))
    return (lambda: stage.sarah.send(saved), stage.ipad.poll)


def _seen_once(stage: Stage, n: int, results: Sequence[object]) -> Facts:
    """The poller has it now or with its next look, and never twice."""
    first = results[1] if isinstance(results[1], list) else [str(results[1])]
    later = stage.server.run(stage.ipad.poll())
    return (results[0], [*first, *later].count(stage.accounts[n]), stage.feed_is_whole())


def _same_person_and_a_poll(stage: Stage, n: int) -> Sequence[Act]:
    return (*_same_person(stage, n), stage.phone.poll)


def _each_seen_once(stage: Stage, n: int, results: Sequence[object]) -> Facts:
    """A third device has both, now or with its next look, and neither twice."""
    first = results[2] if isinstance(results[2], list) else [str(results[2])]
    seen = [*first, *stage.server.run(stage.phone.poll())]
    return (*results[:2], *(seen.count(stage.accounts[2 * n + k]) for k in (0, 1)), stage.feed_is_whole())


async def _news(stage: Stage, n: int) -> None:
    await stage.sarah.send(stage.sarah.save(_update("Account", stage.accounts[n], Fax=(None, "aged"))))


def _expiry_and_poll(stage: Stage, n: int) -> Sequence[Act]:
    """News come of age while a device asks for them: it gets them, or is told to sync."""
    later = stage.server.world.clock.now() + timedelta(days=limits.FEED_RETENTION_DAYS, hours=1)
    floors = compile_statement(higher_floors(later))

    async def expire() -> None:
        async with transaction(stage.server.org.pool) as work:
            await work.run(floors)

    return (expire, stage.ipad.poll_or_sync)


def _told_or_seen(stage: Stage, n: int, results: Sequence[object]) -> Facts:
    """What the device was given, in words, and that nothing is left behind what it was given."""
    given = results[1] if isinstance(results[1], list) else [str(results[1])]
    left = stage.server.run(stage.ipad.poll_or_sync())
    told = ["its account" if one == stage.accounts[n] else one for one in given]
    return (str(results[0]), *told, len(left), stage.feed_is_whole())


def _save_and_delete(stage: Stage, n: int) -> Sequence[Act]:
    account = stage.accounts[n]
    saved = stage.sarah.save(_update("Account", account, Phone=(None, "sarah")))
    deleted = Item("Account", account, Operation.DELETE, {})
    return (lambda: stage.sarah.send(saved), lambda: stage.online(deleted))


def _save_and_scope(stage: Stage, n: int) -> Sequence[Act]:
    """Tom saves while the account leaves his territory."""
    saved = stage.tom.save(_update("Account", stage.accounts[n], Phone=(None, "tom")))
    gone = _update("Territory_Account", stage.places[n], Active=(True, False))
    return (lambda: stage.tom.send(saved), lambda: stage.online(gone))


def _save_and_revoke(stage: Stage, n: int) -> Sequence[Act]:
    """Tom saves while he is shut out."""
    saved = stage.tom.save(_update("Account", stage.accounts[n], Phone=(None, "tom")))
    out = _update("User", stage.tom.person.id, IsActive=(True, False))
    return (lambda: stage.tom.send(saved), lambda: stage.online(out))


def _shut_out(stage: Stage, n: int, results: Sequence[object]) -> Facts:
    """After it nothing of his is done any more; then he is let in again."""
    late = stage.tom.save(_update("Account", stage.accounts[n], Fax=(None, "late")))
    refused = stage.server.run(stage.tom.send(late))
    stage.server.run(stage.online(_update("User", stage.tom.person.id, IsActive=(False, True))))
    return (*results, refused, stage.row("Account", stage.accounts[n], "Phone", "Fax"))


def _submit_and_edit(stage: Stage, n: int) -> Sequence[Act]:
    call = stage.calls[n]
    submitted = stage.sarah.save(_update("Call", call, Status=("Planned", "Submitted")))
    edited = stage.ipad.save(_update("Call", call, Notes=("before", "after")))
    return (lambda: stage.sarah.send(submitted), lambda: stage.ipad.send(edited))


def _submit_and_edit_at_a_desk(stage: Stage, n: int) -> Sequence[Act]:
    call = stage.calls[n]
    submitted = _update("Call", call, Status=("Planned", "Submitted"))
    edited = stage.sarah.save(_update("Call", call, Notes=("before", "after")))
    return (lambda: stage.online(submitted), lambda: stage.sarah.send(edited))


def _one_duplicate_at_most(stage: Stage, n: int, results: Sequence[object]) -> Facts:
    call = stage.calls[n]
    [(copies,)] = stage.server.query('SELECT count(*) FROM "Call" WHERE "Original_CallId" = %(id)s', id=call)
    return (*results, copies, stage.row("Call", call, "Status", "Notes"))


def _retried(stage: Stage, n: int) -> Sequence[Act]:
    """The same save arrives twice at once."""
    saved = stage.sarah.save(_update("Account", stage.accounts[n], Phone=(None, "sarah")))

    def act() -> Coroutine[Any, Any, str]:
        return stage.sarah.send(saved)

    return (act, act)


def _created_twice(stage: Stage, n: int) -> Sequence[Act]:
    """The same new call arrives twice at once."""
    new = stage.sarah.new_id("Call")
    when = {"Call_Date": Change(None, "2026-03-02T09:00:00.000Z"), "Notes": Change(None, f"twice {n}")}
    values: dict[str, Any] = {"AccountId": Change(None, stage.accounts[n]), **when}
    saved = stage.sarah.save(Item("Call", new, Operation.CREATE, values))

    def act() -> Coroutine[Any, Any, str]:
        return stage.sarah.send(saved)

    return (act, act)


def _made_once(stage: Stage, n: int, results: Sequence[object]) -> Facts:
    [(made,)] = stage.server.query('SELECT count(*) FROM "Call" WHERE "Notes" = %(notes)s', notes=f"twice {n}")
    return (*results, made, stage.feed_is_whole())


PAIRS = (
    Pair("two saves of one record", _same_record, _account_and_outcomes),
    Pair("two saves of one person", _same_person, _both_and_a_whole_feed),
    Pair("a save and a poll", _save_and_poll, _seen_once),
    Pair("two saves of one person and a poll", _same_person_and_a_poll, _each_seen_once, actors=3),
    Pair("news that come of age and a poll", _expiry_and_poll, _told_or_seen, before=_news),
    Pair("a save and a delete", _save_and_delete, _account_and_outcomes),
    Pair("a save and a change of territory", _save_and_scope, _account_and_outcomes),
    Pair("a save and its person shut out", _save_and_revoke, _shut_out),
    Pair("submit and edit, one person", _submit_and_edit, _one_duplicate_at_most),
    Pair("submit at a desk and edit", _submit_and_edit_at_a_desk, _one_duplicate_at_most),
    Pair("a save that arrives twice", _retried, _account_and_outcomes),
    Pair("a new record that arrives twice", _created_twice, _made_once),
)
