"""`fieldsync rules explain | preview | rows | test`: what sync rules do, asked of an org; nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.cli.place import (
    DEFAULT_DATA,
    DEFAULT_ORG,
    DatabaseOption,
    DataOption,
    JsonOption,
    OrgOption,
    database_uri,
)
from fieldsync.cli.report import show_json
from fieldsync.cli.rules.telling import tell_explained, tell_held, tell_preview, tell_tried
from fieldsync.schema.sync_rule import RuleType, SyncRule

if TYPE_CHECKING:
    from fieldsync.server.org.runtime import Org
    from fieldsync.server.oversight.scope.holders import Holder
    from fieldsync.server.oversight.scope.proposal import Proposal
    from fieldsync.server.postgres.work import Work

T = TypeVar("T", bound=msgspec.Struct | tuple[Any, ...])
Ask = Callable[["Org", "Work"], Awaitable[T]]

UserOption = Annotated[str, typer.Option("--user", help="User name of the person.")]
SomeUserOption = Annotated[
    str | None, typer.Option("--user", help="User name of a person; without it, the first who has a device.")
]
DeviceOption = Annotated[str | None, typer.Option("--device", help="Device type; without it, the first he has.")]
ObjectArgument = Annotated[str, typer.Argument(metavar="OBJECT", help="Name of an object.")]


def explain_rows(
    name: ObjectArgument,
    user: SomeUserOption = None,
    device: DeviceOption = None,
    sql: Annotated[bool, typer.Option("--sql", help="Show the statement, too.")] = False,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Say what decides which rows of an object go to a person's device, and how changes reach them."""
    from fieldsync.server.oversight.scope.explain import explain

    async def ask(there: Org, work: Work) -> Any:
        found = await explain(there, work, await _holder(there, work, user, device), name)
        return found if sql else msgspec.structs.replace(found, statement=None)

    found = _asked(database, data, org, ask)
    show_json(found) if as_json else tell_explained(found)


def preview_rules(
    file: Annotated[Path | None, typer.Argument(help="JSON as `fieldsync rules export` writes it.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="Id of a rule's record.")] = None,
    where: Annotated[str | None, typer.Option("--where", help="The rule with this condition.")] = None,
    active: Annotated[bool | None, typer.Option("--on/--off", help="The rule switched on or off.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Without the rule.")] = False,
    user: SomeUserOption = None,
    device: DeviceOption = None,
    people: Annotated[int, typer.Option("--people", min=1, max=1_000, help="How many of each profile.")] = 10,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Show what changed rules would bring to people's devices and take from them, before they take effect."""
    from fieldsync.server.oversight.scope.holders import Holders
    from fieldsync.server.oversight.scope.preview import Asked, preview

    if (file is None) == (rule is None):
        raise Refused(problem(Code.UNUSABLE, what="The command", reason="it takes either a file or --rule"))

    async def ask(there: Org, work: Work) -> Any:
        known = dict(await there.scopes.rules_by_id(work))
        proposals = _of_file(file, known) if file else [_changed(known, rule or "", where, active, delete=delete)]
        holders = Holders((await _holder(there, work, user, device),), {}) if user else None
        return await preview(there, work, Asked(proposals, there.rights.of(_admin(there)), people), holders)

    found = _asked(database, data, org, ask)
    show_json(found) if as_json else tell_preview(found)


def try_condition(
    name: ObjectArgument,
    condition: Annotated[str, typer.Argument(help="A condition as in a rule.")],
    user: UserOption,
    device: DeviceOption = None,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Count the rows a condition would bring a person's device, and name the first."""
    from fieldsync.server.oversight.scope.held import Trial, tried

    async def ask(there: Org, work: Work) -> Any:
        kind = RuleType.TOP_LEVEL if condition.strip() else RuleType.FULL
        trial = Trial(SyncRule(object=name, type=kind, where=condition), there.rights.of(_admin(there)))
        return await tried(there, work, await _holder(there, work, user, device), trial)

    found = _asked(database, data, org, ask)
    show_json(found) if as_json else tell_tried(found)


def count_rows(
    user: UserOption,
    device: DeviceOption = None,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Count what a person's device is to hold, object by object, and estimate its size."""
    from fieldsync.server.oversight.scope.held import held

    async def ask(there: Org, work: Work) -> Any:
        return await held(there, work, await _holder(there, work, user, device))

    found = _asked(database, data, org, ask)
    show_json(found) if as_json else tell_held(user, found)


def _asked(database: str | None, data: Path, org_name: str, ask: Ask[T]) -> T:
    with database_uri(database, data) as uri:
        return asyncio.run(_in_snapshot(uri, org_name, ask))


async def _in_snapshot(uri: str, org_name: str, ask: Ask[T]) -> T:
    from fieldsync.base.world import system_world
    from fieldsync.server.org.open import open_org
    from fieldsync.server.postgres.work import snapshot

    async with AsyncExitStack() as stack:
        org = await open_org(stack, uri, org_name, system_world())
        async with snapshot(org.pool) as work:
            return await ask(org, work)


async def _holder(org: Org, work: Work, user: str | None, device: str | None) -> Holder:
    """The person; without a name the first who has a device. Raises Refused(NOT_FOUND) where nobody has."""
    from fieldsync.server.oversight.scope.holders import first_holders, holder_of

    if user is not None:
        return await holder_of(org, work, user, device)
    first = next(iter((await first_holders(org, work, 1)).found), None)
    if first is None:
        raise Refused(problem(Code.NOT_FOUND, object="A person with a device"))
    return await holder_of(org, work, first.username, device)


def _admin(org: Org) -> str:
    """Who sits at this machine may see all that an admin may."""
    return next(profile.name for profile in org.catalog.profiles.values() if profile.admin)


def _of_file(file: Path, known: Mapping[str, SyncRule]) -> list[Proposal]:
    """The rules of a file: each in place of the one with its key, or beside the others."""
    from fieldsync.schema.rules_import import read_own
    from fieldsync.server.oversight.scope.proposal import Proposal

    there = {rule.key: rule_id for rule_id, rule in known.items()}
    read = read_own(file.read_bytes(), file.name)
    wrong = next((finding for finding in read.findings), None)
    if wrong is not None:
        raise Refused(problem(Code.UNUSABLE, what=f"{wrong.record} in {wrong.file}", reason=wrong.sentence))
    return [Proposal(there.get(one.rule.key), one.rule) for one in read.rules]


def _changed(
    known: Mapping[str, SyncRule], rule_id: str, where: str | None, active: bool | None, *, delete: bool
) -> Proposal:
    """One rule as the options say it would be. Raises Refused: NOT_FOUND, UNUSABLE where they say nothing."""
    from fieldsync.server.oversight.scope.proposal import Proposal

    before = known.get(rule_id)
    if before is None:
        raise Refused(problem(Code.NOT_FOUND, object="Sync_Rule", id=rule_id))
    if delete:
        return Proposal(rule_id, None)
    if where is None and active is None:
        reason = "it takes --where, --on, --off or --delete"
        raise Refused(problem(Code.UNUSABLE, what=f"--rule {rule_id}", reason=reason))
    after = before if active is None else msgspec.structs.replace(before, active=active)
    return Proposal(rule_id, after if where is None else msgspec.structs.replace(after, where=where or None))
