"""Why an object's rows are, or are not, on one person's device: rules, sharing, tokens, and the condition they make."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.model import Sharing
from fieldsync.schema.sync_rule import EVERY_DEVICE, SyncRule
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.scope.holders import Holder
from fieldsync.server.oversight.scope.words import EVERY_ROW, condition_text, token_values, ways
from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.scope.choose import ForWhom, choose
from fieldsync.server.scope.cut import operands_of
from fieldsync.server.scope.delta.routes import route_values
from fieldsync.server.scope.recipe import Shared
from fieldsync.server.scope.scope import Scope


class Weighed(msgspec.Struct, frozen=True):
    """A rule of the object, whether it counts here, and why."""

    id: str
    rule: SyncRule
    counts: bool
    why: str


class Explained(msgspec.Struct, frozen=True):
    """All that decides which rows of an object go to one device."""

    object: str
    username: str
    profile: str
    device: str
    rules: tuple[Weighed, ...]
    brought: bool
    """Whether rows come because rules of other objects bring them."""
    sharing: str
    tokens: dict[str, tuple[str, ...]]
    condition: str | None
    """SOQL on indented lines; None where nothing goes to the device."""
    why_nothing: str | None
    reads: tuple[tuple[str, str], ...]
    ways: tuple[tuple[str, str], ...]
    route: tuple[str, tuple[str, ...]] | None
    """The field and its values without which no row counts: changes of others are passed over."""
    columns: tuple[str, ...]
    statement: str | None


async def explain(org: Org, database: Database, holder: Holder, name: str) -> Explained:
    """The object on the device of this person. Raises Refused: UNKNOWN_OBJECT, SYNC_RULE."""
    if name not in org.catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=name))
    rules = await org.scopes.rules_by_id(database)
    everything = tuple(rule for _, rule in rules)
    scope = org.scopes.under(holder.caller, holder.looked, everything, org.world.clock)
    weighed = weigh([(rule_id, rule) for rule_id, rule in rules if rule.object == name], _whom(holder))
    there = name in scope.cut.chosen
    return Explained(
        object=name,
        username=holder.username,
        profile=holder.caller.profile,
        device=holder.device,
        rules=weighed,
        brought=there and not any(one.counts for one in weighed),
        sharing=sharing_text(scope.cut.sharing[name]),
        why_nothing=None if there else _why_nothing(holder, name, weighed),
        **(_selection(scope, name) if there else _NOTHING),
    )


_NOTHING: dict[str, Any] = {
    "tokens": {}, "condition": None, "reads": (), "ways": (), "route": None, "columns": (), "statement": None
}  # fmt: skip


def _selection(scope: Scope, name: str) -> dict[str, Any]:
    catalog, selected = scope.around.catalog, scope.cut.composer.selected(name)
    route, field = route_values(scope, name), catalog[name].declared.route
    return {
        "tokens": token_values(scope.recipe.values, operands_of(selected)),
        "condition": condition_text(catalog, selected),
        "reads": tuple(sorted(selected.reads)),
        "ways": tuple(dict.fromkeys(ways(catalog, selected))),
        "route": None if route is None or field is None else (field, tuple(route)),
        "columns": scope.wire_columns(name),
        "statement": _told(scope.rows_behind(name)),
    }


def _told(statement: Statement) -> str:
    """The SQL with the values it was built with; `after` is the id a download has come to."""
    values = "".join(f"\n-- {name}: {value}" for name, value in sorted(statement.fixed.items()))
    return f"{statement.text}{values}"


def _whom(holder: Holder) -> ForWhom:
    person = holder.looked.person
    return ForWhom(holder.device, person.profile, person.profile_id, person.application_profile)


def weigh(rules: Iterable[tuple[str, SyncRule]], who: ForWhom) -> tuple[Weighed, ...]:
    """Every rule of one object, with the reason why it counts or does not (FEATURES A14, A15). Pure."""
    known = tuple(rules)
    best = [rule for found in choose([rule for _, rule in known], who).values() for rule in found]
    return tuple(
        Weighed(rule_id, rule, counts := any(rule is one for one in best), _reason(rule, who, counts=counts))
        for rule_id, rule in known
    )


def _reason(rule: SyncRule, who: ForWhom, *, counts: bool) -> str:
    if not rule.active:
        return "it is switched off"
    if rule.device not in (EVERY_DEVICE, who.device):
        return f"it is for devices of the type {rule.device}"
    if not choose([rule], who):
        kind = "application profile" if rule.application_profile else "profile"
        return f"it is for the {kind} {rule.application_profile or rule.profile or rule.profile_id}"
    if not counts:
        return "a more particular rule counts before it"
    meant = "the application profile" if rule.application_profile else "the profile"
    own = rule.application_profile or rule.profile or rule.profile_id
    whose = f"{meant} {own}" if own else "every profile without a rule of its own"
    where = "every device type without one" if rule.device == EVERY_DEVICE else rule.device
    return f"it is for {whose} and {where}"


def sharing_text(shared: Shared) -> str:
    """How the object is shared with the person. Pure."""
    if shared.reads_all:
        return "a permission lets this person read every row"
    match shared.sharing:
        case Sharing.READ_WRITE | Sharing.READ:
            return EVERY_ROW
        case Sharing.BY_PARENT:
            return "rows whose master the person may read"
    mine = "rows of the person and of the people in territories below"
    return mine if shared.shared_with is None else f"{mine}, and those where {shared.shared_with}"


def _why_nothing(holder: Holder, name: str, weighed: tuple[Weighed, ...]) -> str:
    if not holder.caller.rights.may(name, Access.READ):
        return f"{holder.username} may not read {name}"
    return "no rule counts here" if weighed else "there is no rule for it"
