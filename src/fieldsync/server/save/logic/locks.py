"""Submitted records: locked with all their details, unless unlocked, and submitted only within their dates.

FEATURES G15 to G18. What a root's state was before the save decides; a save that submits may change anything with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta

import msgspec
from sqlalchemy import any_, bindparam, select

from fieldsync.base.problems import Code, Problem, problem
from fieldsync.protocol.upload import Operation
from fieldsync.schema.catalog import Catalog, Family
from fieldsync.schema.family.declaration import Submit
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Row, Wave, Work

CLOCK_TOLERANCE = timedelta(minutes=15)
"""A device's clock may be so far ahead before a date counts as in the future."""
KEYS = {Operation.DELETE: "NO_DEL_SUB"}
"""Message keys for translators; every other operation is `NO_UPD_SUB`."""


async def check_locks(org: Org, database: Database, wave: Wave) -> None:
    """Refuse changes of submitted families, and submits out of time."""
    works = [(work, family) for work in wave.works if work.open for family in [_family(org.catalog, work)] if family]
    if not works:
        return
    limits = await _backdate_limits(org, database, works)
    for work, family in works:
        submit = family.declaration.submit
        assert submit is not None
        problems = list(_lock_problems(org.catalog, wave, work, family, submit))
        problems += _date_problems(wave, work, family, submit, limits.get(family.root, submit.backdate_days))
        if problems:
            work.reject(*await _in_his_language(org, database, wave, problems))


async def _in_his_language(org: Org, database: Database, wave: Wave, problems: list[Problem]) -> list[Problem]:
    """Sentences of the packs by message key, where they have one in the person's language (FEATURES G15)."""
    said: dict[str, dict[str, str]] = {}
    for pack in org.catalog.packs:
        said |= {key: {**said.get(key, {}), **texts} for key, texts in pack.messages.items()}
    if not said:
        return problems
    user = org.metadata.tables["User"]
    asked = select(user.c.LanguageLocaleKey).where(user.c.Id == bindparam("user"))
    row = await database.one(compile_statement(asked), user=wave.caller.user_id)
    language = str(row[0]) if row else ""
    return [_said(one, said.get(str(one.details.get("key")), {}), language) for one in problems]


def _said(found: Problem, texts: Mapping[str, str], language: str) -> Problem:
    sentence = texts.get(language) or texts.get(language.partition("_")[0])
    return found if sentence is None else msgspec.structs.replace(found, message=sentence)


def _family(catalog: Catalog, work: Work) -> Family | None:
    family = catalog.family_of(work.edits[0].item.object) if work.edits else None
    return family if family is not None and family.declaration.submit is not None else None


def _lock_problems(catalog: Catalog, wave: Wave, work: Work, family: Family, submit: Submit) -> Iterable[Problem]:
    rights = wave.caller.rights
    is_admin = rights.admin
    root_edit = _root_edit(work, family)
    unlocks = root_edit is not None and submit.unlocked is not None and submit.unlocked in root_edit.changed
    if unlocks and not is_admin and root_edit is not None:
        yield problem(
            Code.FIELD_PERMISSION, object=family.root, id=root_edit.item.id, field=submit.unlocked, key="NO_UNLOCK"
        )
    row = wave.facts.rows.get(work.root.id) if work.root is not None else None
    is_locked = row is not None and row.get(submit.field) == submit.value and not row.get(submit.unlocked or "")
    overrides = _takes_override(root_edit, submit)
    if not is_locked or (overrides and (rights.integration or is_admin)):
        return
    for edit in work.edits:
        if edit.by_platform:
            continue
        only_unlocks = edit is root_edit and is_admin and edit.changed == {submit.unlocked}
        if edit.writes and edit.new is not None and not only_unlocks:
            key = KEYS.get(edit.item.operation, "NO_UPD_SUB")
            yield problem(Code.LOCKED, object=edit.item.object, id=edit.item.id, key=key)


def _takes_override(root_edit: Edit | None, submit: Submit) -> bool:
    """Whether this save asks to override the lock. The mark is for this save alone: it is never stored."""
    if root_edit is None or root_edit.new is None or submit.override is None:
        return False
    asked = submit.override in root_edit.changed and bool(root_edit.new.get(submit.override))
    root_edit.new[submit.override] = False
    return asked


def _root_edit(work: Work, family: Family) -> Edit | None:
    return next((edit for edit in work.edits if edit.item.object == family.root), None)


def _date_problems(wave: Wave, work: Work, family: Family, submit: Submit, days: int | None) -> Iterable[Problem]:
    edit = _root_edit(work, family)
    if edit is None or edit.new is None or submit.date is None or not _submits(edit, submit):
        return
    moment = _moment(edit.new.get(submit.date))
    now = datetime.fromisoformat(wave.frame.now)
    field = edit.object_type.fields[submit.date]
    place = {"object": family.root, "id": edit.item.id, "field": field.label or field.name}
    if moment is not None and moment > now + CLOCK_TOLERANCE:
        yield problem(Code.FUTURE_DATE, **place)
    if moment is not None and days is not None and moment.date() < (now - timedelta(days=days)).date():
        yield problem(Code.BACKDATE, days=days, **place)


def _submits(edit: Edit, submit: Submit) -> bool:
    assert edit.new is not None
    before = edit.current.get(submit.field) if edit.current is not None else None
    return edit.new.get(submit.field) == submit.value != before


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    if len(value) == len("2026-01-01"):
        return datetime.combine(date.fromisoformat(value), time(), UTC)
    return datetime.fromisoformat(value)


async def _backdate_limits(org: Org, database: Database, works: list[tuple[Work, Family]]) -> Mapping[str, int]:
    """The days of `<Object>_Backdate_Days`, for families of which something is being submitted."""
    submitted = {
        family.root
        for work, family in works
        for edit in [_root_edit(work, family)]
        if edit is not None
        and edit.new is not None
        and family.declaration.submit is not None
        and _submits(edit, family.declaration.submit)
    }
    if not submitted:
        return {}
    table = org.metadata.tables["Sync_Setting"]
    wanted = table.c.Setting == any_(bindparam("names"))
    query = select(table.c.Setting, table.c.Value).where(
        wanted, table.c.ProfileId.is_(None), table.c.IsDeleted.is_(False)
    )
    names = [f"{name}_Backdate_Days" for name in sorted(submitted)]
    rows: list[Row | tuple[str, str]] = list(await database.rows(compile_statement(query), names=names))
    return {str(name).removesuffix("_Backdate_Days"): int(value) for name, value in rows if str(value).isdecimal()}
