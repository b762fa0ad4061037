"""The scopes of one org: made once for everybody with the same rules and rights, kept as long as they are asked for."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from fieldsync.base.recent import Recent
from fieldsync.base.world import Clock
from fieldsync.schema.sync_rule import COLUMNS, SyncRule, rule_of
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Pool, Question, transaction
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller
from fieldsync.server.scope.caps import Caps
from fieldsync.server.scope.choose import ForWhom, choose, complete
from fieldsync.server.scope.cut import Cut, make_cut
from fieldsync.server.scope.people import Looked, People
from fieldsync.server.scope.recipe import Recipe, decode_recipe
from fieldsync.server.scope.scope import Around, Scope

SCOPES_MAX, CUTS_MAX, RULEBOOKS_MAX = 400, 200, 4


class Scopes:
    """Ask `of` in the request's own snapshot."""

    def __init__(self, around: Around, org_id: str, beside: Pool) -> None:
        tables = around.metadata.tables
        self._around, self._beside = around, beside
        self._people = People(tables, org_id)
        self.caps = Caps(tables)
        rule, recipe = tables["Sync_Rule"], tables["_recipe"]
        columns = [rule.c.Id, *(rule.c[column] for column in COLUMNS.values())]
        present = rule.c.IsDeleted.is_(False)
        self._rules = compile_statement(select(*columns).where(present).order_by(rule.c.CreatedDate, rule.c.Id))
        values: dict[str, Any] = {name: bindparam(name) for name in ("hash", "content", "at")}
        renewed: dict[str, Any] = {"at": bindparam("at")}
        self._keep = compile_statement(
            insert(recipe).values(values).on_conflict_do_update(index_elements=["hash"], set_=renewed)
        )
        self._kept = compile_statement(select(recipe.c.content).where(recipe.c.hash == bindparam("hash")))
        self._rulebooks: Recent[tuple[int, int], tuple[SyncRule, ...]] = Recent(RULEBOOKS_MAX)
        self._cuts: Recent[tuple[object, ...], Cut] = Recent(CUTS_MAX)
        self._scopes: Recent[str, Scope] = Recent(SCOPES_MAX)
        self._asked: Recent[tuple[Looked, str, str], Scope] = Recent(SCOPES_MAX)
        """By all they are made of, so that a request need not compose what it was composed of before."""
        self._last: Recent[tuple[str, str | None], Scope] = Recent(SCOPES_MAX)
        self._stored: Recent[tuple[str, date], bool] = Recent(10 * SCOPES_MAX)

    def last(self, caller: Caller) -> Scope | None:
        """What `of` gave the caller's device last: a guess at what it will give, and nothing to decide by."""
        return self._last.use((caller.user_id, caller.device_id))

    async def of(self, database: Database, caller: Caller, clock: Clock) -> Scope:
        """What the caller's device may hold now. Raises Refused(SYNC_RULE)."""
        looked = await self.look_up(database, caller, clock)
        asked = (looked, caller.rights.version, _day(looked.person.time_zone, clock))
        known = self._asked.use(asked)
        if known is None:
            rules = self._rulebooks.use(looked.rules)
            if rules is None:
                rules = self._rulebooks.keep(looked.rules, await self.rules(database))
            known = self._asked.keep(asked, self._made(*self.recipe(caller, looked, rules, clock)))
        return self._last.keep((caller.user_id, caller.device_id), known)

    def question(self, caller: Caller, clock: Clock) -> Question:
        """What `of` will ask first."""
        return self._people.question(caller, clock)

    async def look_up(self, database: Database, caller: Caller, clock: Clock) -> Looked:
        """What the caller's device depends on beside rows and rules."""
        return await self._people.look_up(database, caller, clock)

    def under(self, caller: Caller, looked: Looked, rules: tuple[SyncRule, ...], clock: Clock) -> Scope:
        """What the caller's device would hold under these rules; nothing of it is kept. Raises Refused(SYNC_RULE)."""
        return Scope(self._around, *self.recipe(caller, looked, rules, clock))

    async def past(self, database: Database, hash_: str) -> Scope | None:
        """The scope of a recipe that was kept; None where it is not known any more."""
        known = self._scopes.use(hash_)
        if known is None:
            row = await database.one(self._kept, hash=hash_)
            if row is None:
                return None
            recipe = decode_recipe(row[0])
            cut = Cut(self._around.catalog, recipe.rules, recipe.sharing, {}, recipe.shapes)
            known = self._scopes.keep(hash_, Scope(self._around, cut, recipe))
        return known

    async def rules(self, database: Database) -> tuple[SyncRule, ...]:
        """Every rule of the org."""
        return tuple(rule for _, rule in await self.rules_by_id(database))

    async def rules_by_id(self, database: Database) -> list[tuple[str, SyncRule]]:
        """Every rule of the org, with the id of its record."""
        names = ("Id", *COLUMNS.values())
        records = [dict(zip(names, row, strict=True)) for row in await database.rows(self._rules)]
        return [(record["Id"], rule_of(record)) for record in records]

    def recipe(self, caller: Caller, looked: Looked, rules: tuple[SyncRule, ...], clock: Clock) -> tuple[Cut, Recipe]:
        """What the caller's device may hold under these rules, in force or not. Raises Refused(SYNC_RULE)."""
        person = looked.person
        who = ForWhom(looked.device, person.profile, person.profile_id, person.application_profile)
        key = (rules, who, caller.rights.version)
        cut = self._cuts.use(key)
        if cut is None:
            chosen = complete(self._around.catalog, caller.rights, choose(rules, who))
            cut = make_cut(self._around.catalog, self._around.formulas, caller.rights, chosen)
            self._cuts.keep(key, cut)
        zone = person.time_zone if _is_zone(person.time_zone) else "UTC"
        day = _day(zone, clock) if None in cut.operands else ""
        values = {name: value for name, value in person.values.items() if name in cut.operands}
        return cut, Recipe(cut.chosen, cut.sharing, cut.shapes, values, day, zone, cut.routes)

    def _made(self, cut: Cut, recipe: Recipe) -> Scope:
        known = self._scopes.use(recipe.hash)
        if known is not None and known.cut is cut:
            return known
        return self._scopes.keep(recipe.hash, Scope(self._around, cut, recipe))

    async def keep(self, scope: Scope, at: datetime) -> None:
        """Keep what a checkpoint is to name, so that the next sync can compare with it."""
        recipe = scope.recipe
        if self._stored.use((recipe.hash, at.date())):
            return
        async with transaction(self._beside) as database:
            await database.run(self._keep, hash=recipe.hash, content=recipe.encoded, at=at)
        self._stored.keep((recipe.hash, at.date()), value=True)


def _day(zone: str, clock: Clock) -> str:
    return clock.now().astimezone(ZoneInfo(zone if _is_zone(zone) else "UTC")).date().isoformat()


@lru_cache(maxsize=1_000)
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True
