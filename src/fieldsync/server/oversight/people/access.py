"""Why one person sees a record or does not, online and on a device: profile, sharing, then rule by rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import any_, bindparam, select

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.scope.explain import Weighed, explain
from fieldsync.server.oversight.scope.holders import Holder
from fieldsync.server.oversight.scope.words import condition_text, token_values
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.scope.cut import operands_of
from fieldsync.server.scope.scope import Scope


@dataclass(frozen=True)
class Ruled:
    """One rule of the object; `selects` is None where it does not count for this person and device."""

    weighed: Weighed
    selects: bool | None


@dataclass(frozen=True)
class RecordAccess:
    """The verdict and each reason. `missing`: there is no such record, or it is deleted."""

    name: str
    missing: bool
    rights: tuple[tuple[str, str], ...]
    """Profile and permission sets of the person that say something of the object: (who, what)."""
    may_read: bool
    hidden: tuple[str, ...]
    """Labels of fields that stay hidden from the person."""
    tokens: tuple[tuple[str, tuple[str, ...]], ...]
    """What the tokens of sharing and rules stand for here; territories by their names."""
    sharing: str
    sharing_condition: str
    owner: str
    shared: bool
    may_write: bool
    rules: tuple[Ruled, ...]
    brought: bool
    on_device: bool
    fed: bool
    """Whether it is on the person's own feed, which rules are not asked for."""

    @property
    def seen(self) -> bool:
        """Whether the person sees it online."""
        return self.may_read and self.shared and not self.missing


async def explain_record(org: Org, database: Database, holder: Holder, place: tuple[str, str]) -> RecordAccess:
    """`place` are object and id. Raises Refused: UNKNOWN_OBJECT, SYNC_RULE."""
    name, record_id = place
    if name not in org.catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=name))
    explained = await explain(org, database, holder, name)
    rules = await org.scopes.rules(database)
    scope = org.scopes.under(holder.caller, holder.looked, rules, org.world.clock)
    table, user = org.metadata.tables[name], org.metadata.tables["User"]
    query = select(user.c.Name).select_from(table.outerjoin(user, user.c.Id == table.c.OwnerId))
    row = await database.one(compile_statement(query.where(table.c.Id == record_id, table.c.IsDeleted.is_(False))))
    may_read = holder.caller.rights.may(name, Access.READ)
    access = dict(await database.rows(scope.access(name), ids=[record_id])) if may_read else {}
    ruled = [await _ruled(org, database, holder, rules, one, record_id) for one in explained.rules]
    on_device = await _among(database, scope, name, record_id)
    shared = scope.cut.composer.shared(name)
    tokens = explained.tokens | token_values(scope.recipe.values, operands_of(shared))
    return RecordAccess(
        name=name,
        missing=row is None,
        rights=_rights(org.catalog, holder, name),
        may_read=may_read,
        hidden=_hidden(org.catalog, holder, name),
        tokens=await _named(org, database, tokens),
        sharing=explained.sharing,
        sharing_condition=condition_text(org.catalog, shared),
        owner=str(row[0] or "") if row else "",
        shared=record_id in access,
        may_write=bool(access.get(record_id)),
        rules=tuple(ruled),
        brought=explained.brought or (on_device and not any(one.selects for one in ruled)),
        on_device=on_device,
        fed=await _fed(org, database, holder, record_id),
    )


async def _ruled(
    org: Org, database: Database, holder: Holder, rules: tuple[SyncRule, ...], weighed: Weighed, record_id: str
) -> Ruled:
    """Whether the record would come by this rule, were it the only one of its object."""
    if not weighed.counts:
        return Ruled(weighed, None)
    others = tuple(rule for rule in rules if rule.object != weighed.rule.object)
    alone = org.scopes.under(holder.caller, holder.looked, (*others, weighed.rule), org.world.clock)
    return Ruled(weighed, await _among(database, alone, weighed.rule.object, record_id))


async def _among(database: Database, scope: Scope, name: str, record_id: str) -> bool:
    if name not in scope.cut.chosen:
        return False
    return bool(await database.rows(scope.among(name), ids=[record_id]))


async def _fed(org: Org, database: Database, holder: Holder, record_id: str) -> bool:
    change, head = org.metadata.tables["_change"], org.metadata.tables["_user_head"]
    query = select(change.c.feed_position).select_from(change.join(head, head.c.user_id == change.c.feed_user))
    mine = query.where(change.c.feed_user == holder.caller.user_id, change.c.feed_position > head.c.floor)
    return bool(await database.rows(compile_statement(mine.where(change.c.id == record_id).limit(1))))


def _hidden(catalog: Catalog, holder: Holder, name: str) -> tuple[str, ...]:
    rights = holder.caller.rights
    if not rights.may(name, Access.READ):
        return ()
    fields = catalog[name].fields.values()
    return tuple(field.label or field.name for field in fields if not rights.sees(name, field.name))


async def _named(
    org: Org, database: Database, tokens: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    territory = org.metadata.tables["Territory"]
    query = select(territory.c.Id, territory.c.Name).where(territory.c.Id == any_(bindparam("ids")))
    ids = sorted({value for values in tokens.values() for value in values})
    names = {i: name for i, name in await database.rows(compile_statement(query), ids=ids) if name}
    return tuple((token, tuple(sorted(names.get(one, one) for one in tokens[token]))) for token in sorted(tokens))


def _rights(catalog: Catalog, holder: Holder, name: str) -> tuple[tuple[str, str], ...]:
    rights, found = holder.caller.rights, []
    profile = catalog.profiles.get(rights.profile)
    if profile is not None:
        named = profile.objects.get(name, () if catalog[name].system else profile.objects.get("*", ()))
        told = "everything: it is an admin's" if profile.admin else _told(tuple(named))
        found.append((f"Profile {profile.label}", told))
    for set_name in rights.permission_sets:
        given = catalog.permission_sets.get(set_name)
        if given is not None:
            named = given.objects.get(name, () if catalog[name].system else given.objects.get("*", ()))
            found.append((f"Permission set {given.label}", _told(tuple(named))))
    if rights.system:
        found.append(("System permissions", ", ".join(sorted(one.value for one in rights.system))))
    return tuple(found)


def _told(access: tuple[Access, ...]) -> str:
    return ", ".join(one.value.replace("_", " ") for one in access) or "says nothing of it"
