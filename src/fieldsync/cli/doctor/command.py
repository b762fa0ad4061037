"""`fieldsync doctor`: run every check on an org, and say what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from fieldsync.base.world import system_world
from fieldsync.cli.place import (
    DEFAULT_DATA,
    DEFAULT_ORG,
    DatabaseOption,
    DataOption,
    JsonOption,
    OrgOption,
    database_uri,
)
from fieldsync.cli.report import Exit, say, show_json, show_table

if TYPE_CHECKING:
    from fieldsync.cli.doctor.checks import Check


def doctor(
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Look for what is wrong with an org; nothing is changed. Exits with 1 when a check fails."""
    from fieldsync.cli.doctor.checks import CHECKS
    from fieldsync.server.org.create import seeding_org

    with database_uri(database, data) as uri, seeding_org(uri, org, system_world()) as seeding:
        found = {check: tuple(check.find(seeding)) for check in CHECKS}
    passed = not any(found.values())
    if as_json:
        checks = [_as_value(check, wrong) for check, wrong in found.items()]
        show_json({"org": org, "passed": passed, "checks": checks})
    else:
        _show(org, found)
    if not passed:
        raise typer.Exit(Exit.REFUSED)


def _as_value(check: Check, wrong: tuple[str, ...]) -> dict[str, object]:
    told = {"name": check.name, "claim": check.claim, "passed": not wrong, "found": wrong}
    return told | ({"remedy": check.remedy} if wrong else {})


def _show(org: str, found: Mapping[Check, tuple[str, ...]]) -> None:
    rows = [("failed" if wrong else "ok", check.name, check.claim) for check, wrong in found.items()]
    show_table(f"Checks of {org}", ("", "check", "what has to hold"), rows)
    for check, wrong in found.items():
        for sentence in wrong:
            say(f"{check.name}: {sentence}")
        if wrong:
            say(f"  {check.remedy}")
