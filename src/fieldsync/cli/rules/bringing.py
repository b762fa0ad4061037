"""What every import of a sync configuration does: judge it against an org, save it unless it is only checked, tell."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.cli.report import Exit, progress, say, show_json, show_table

if TYPE_CHECKING:
    from fieldsync.schema.rules_import import Configuration, Finding
    from fieldsync.server.configuration.judge import Judged, Wish
    from fieldsync.server.configuration.keep import Saved

CheckOption = Annotated[bool, typer.Option("--check", help="Only report; nothing is saved.")]
OnlyKnownOption = Annotated[
    bool, typer.Option("--only-known", help="Leave out rules that need objects the org lacks, and tell which.")
]
ProfilesOption = Annotated[
    list[str] | None,
    typer.Option("--profile", metavar="THERE=HERE", help="Name or id of a profile there, and its name here."),
]


@dataclass(frozen=True)
class Brought:
    """What was read, what of it fits, and what became of it; `saved` is None where nothing was to be saved."""

    read: Configuration
    judged: Judged
    saved: Saved | None

    @property
    def refused(self) -> bool:
        """Whether anything was refused."""
        return self.judged.refused or bool(self.saved and self.saved.refused)


def wish_of(profiles: Iterable[str] | None, *, only_known: bool) -> Wish:
    """The options as a wish. Raises Refused(UNUSABLE) for a profile that is not THERE=HERE."""
    from fieldsync.server.configuration.judge import Wish

    pairs = {}
    for pair in profiles or ():
        there, sign, here = pair.partition("=")
        if not (there.strip() and sign and here.strip()):
            reason = "it names a profile there and one here, with = between"
            raise Refused(problem(Code.UNUSABLE, what=f"--profile {pair}", reason=reason))
        pairs[there.strip()] = here.strip()
    return Wish(only_known, pairs)


def bring(uri: str, org_name: str, read: Configuration, wish: Wish, *, check: bool) -> Brought:
    """Judge a configuration against an org and, unless it is only checked or refused, save it."""
    return asyncio.run(_bring(uri, org_name, read, wish, check=check))


async def _bring(uri: str, org_name: str, read: Configuration, wish: Wish, *, check: bool) -> Brought:
    from fieldsync.base.world import system_world
    from fieldsync.server.configuration.judge import There, judge
    from fieldsync.server.configuration.keep import kept_in, save_all
    from fieldsync.server.org.open import open_org

    async with AsyncExitStack() as stack:
        org = await open_org(stack, uri, org_name, system_world())
        judged = judge(read, There(org.catalog, (await kept_in(org)).profiles), wish)
        if check or judged.refused:
            return Brought(read, judged, None)
        bars = stack.enter_context(progress())
        bar = bars.add_task("saving", total=len(judged.rules) + len(judged.settings))
        return Brought(read, judged, await save_all(org, judged, lambda done: bars.update(bar, completed=done)))


def tell(brought: Brought, *, as_json: bool) -> None:
    """Print the report. Exits with 1 when anything was refused."""
    if as_json:
        show_json(_as_json(brought))
    else:
        _show(brought)
    if brought.refused:
        raise typer.Exit(Exit.REFUSED)


def _errors(brought: Brought) -> list[Finding]:
    """What was found wrong before saving, and what the save refused."""
    from fieldsync.schema.rules_import import Finding, Level, of_level

    refused = brought.saved.refused if brought.saved else ()
    late = [Finding("", one.source, p.field or "", p.message, Level.ERROR) for one in refused for p in one.problems]
    return of_level(brought.judged.findings, Level.ERROR) + late


def _as_json(brought: Brought) -> dict[str, Any]:
    from fieldsync.schema.rules_import import Level, of_level

    findings = brought.judged.findings
    return {
        "rules": len(brought.read.rules),
        "settings": len(brought.read.settings),
        "conditions": brought.read.conditions,
        "fitting": {"rules": len(brought.judged.rules), "settings": len(brought.judged.settings)},
        "saved": None if brought.saved is None or brought.saved.refused else brought.saved.counts,
        "errors": _plain(_errors(brought)),
        "not_supported": _plain(of_level(findings, Level.UNSUPPORTED)),
        "warnings": _plain(of_level(findings, Level.WARNING)),
        "ignored": _plain(of_level(findings, Level.IGNORED)),
    }


def _plain(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [{key: value for key, value in msgspec.structs.asdict(one).items() if key != "level"} for one in findings]


def _show(brought: Brought) -> None:
    from fieldsync.schema.rules_import import Level, of_level

    read, findings = brought.read, brought.judged.findings
    say(f"read {len(read.rules)} rules, {read.conditions} of them with a condition, and {len(read.settings)} settings")
    _table("Refused; nothing was saved", _errors(brought))
    _table("Not taken over", of_level(findings, Level.UNSUPPORTED))
    _table("Taken over, to be looked at", of_level(findings, Level.WARNING))
    ignored = of_level(findings, Level.IGNORED)
    if ignored:
        say(f"{len(ignored)} parts that do not matter to what is synchronised are left out (--json lists them)")
    if brought.saved is not None and not brought.saved.refused:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(brought.saved.counts.items()))
        say(f"rules and settings: {counts or 'none'}")


def _table(title: str, findings: list[Finding]) -> None:
    """One line for everything that is said in the same words."""
    from fieldsync.schema.rules_import import told_once

    rows = [(one.records, one.field, one.place, one.sentence) for one in told_once(findings)]
    if rows:
        show_table(title, ("record", "field", "at", "why"), rows)
