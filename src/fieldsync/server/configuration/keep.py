"""An org's sync rules and settings as they are kept, and what was judged brought to them through the save pipeline.

All of it is saved or none. What is kept as it should be already is not touched, so bringing in the same file twice
changes nothing (FEATURES A36); what a source does not speak of stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from sqlalchemy import select

from fieldsync.base.ids import RecordId
from fieldsync.schema.fields import BadValue, FieldValue, canonical
from fieldsync.schema.model import Field
from fieldsync.schema.rules_import.report import ReadRule, ReadSetting
from fieldsync.schema.rules_import.sync_setting import SyncSetting
from fieldsync.schema.sync_rule import COLUMNS, SyncRule, record_of, rule_of
from fieldsync.server.configuration.judge import Judged
from fieldsync.server.org.bring_in import Arriving, NotTaken, Told, bring_in, draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work, transaction

RULE, SETTING = "Sync_Rule", "Sync_Setting"
_SETTING_COLUMNS = ("Setting", "Value", "ProfileId", "Group", "Unit", "Description")
Columns = dict[str, FieldValue]


@dataclass(frozen=True)
class Kept:
    """The configuration of an org: records by id, and its profiles' names by id."""

    rules: Mapping[RecordId, Columns]
    settings: Mapping[RecordId, Columns]
    profiles: Mapping[RecordId, str]

    def sync_rules(self) -> dict[RecordId, SyncRule]:
        """The rules, each with the name of its profile."""
        return {rule_id: self._named(rule_of(columns)) for rule_id, columns in self.rules.items()}

    def sync_settings(self) -> dict[RecordId, SyncSetting]:
        """The settings, each with the name of its profile."""
        return {one: self._setting(columns) for one, columns in self.settings.items()}

    def _named(self, rule: SyncRule) -> SyncRule:
        name = self.profiles.get(RecordId(rule.profile_id or ""))
        return msgspec.structs.replace(rule, profile=name or rule.profile)

    def _setting(self, columns: Columns) -> SyncSetting:
        profile = self.profiles.get(RecordId(str(columns["ProfileId"])))
        names = {"setting": "Setting", "value": "Value", "group": "Group", "unit": "Unit", "description": "Description"}
        return msgspec.convert({**{a: columns[c] for a, c in names.items()}, "profile": profile}, SyncSetting)


@dataclass(frozen=True)
class Saved:
    """What became of a configuration: counts of created, updated and unchanged records, or the refused."""

    counts: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[NotTaken, ...] = ()


async def kept_in(org: Org) -> Kept:
    """The configuration of an org, as it is now."""
    async with transaction(org.pool) as database:
        profiles = await _table(org, database, "Profile", ("Name",))
        rules = await _table(org, database, RULE, tuple(COLUMNS.values()))
        settings = await _table(org, database, SETTING, _SETTING_COLUMNS)
    return Kept(rules, settings, {profile: str(columns["Name"]) for profile, columns in profiles.items()})


async def _table(org: Org, database: Work, name: str, columns: tuple[str, ...]) -> dict[RecordId, Columns]:
    table = org.metadata.tables[name]
    query = select(table.c.Id, *(table.c[column] for column in columns)).where(table.c.IsDeleted.is_(False))
    rows = await database.rows(compile_statement(query.order_by(table.c.Id)))
    return {RecordId(row[0]): dict(zip(columns, row[1:], strict=True)) for row in rows}


async def save_all(org: Org, judged: Judged, told: Told) -> Saved:
    """Save what was judged and differs from what is kept."""
    kept = await kept_in(org)
    changes = [*_rule_changes(org, judged.rules, kept), *_setting_changes(org, judged.settings, kept)]
    counts = Counter(change.kind for change in changes)
    new = [change for change in changes if change.kind == "created"]
    drawn = iter(await draw_ids(org, [change.object_name for change in new]))
    arriving = [change.arriving(drawn) for change in changes if change.kind != "unchanged"]
    refused = await bring_in(org, arriving, told)
    return Saved({}, tuple(refused)) if refused else Saved(counts)


@dataclass(frozen=True)
class _Change:
    """One record: what it should hold, and, if it is there, its id and what it holds now."""

    object_name: str
    wanted: Columns
    source: str
    id: RecordId | None = None
    now: Columns = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """created, updated or unchanged."""
        if self.id is None:
            return "created"
        return "updated" if self._different() else "unchanged"

    def _different(self) -> list[str]:
        return [column for column, value in self.wanted.items() if value != self.now[column]]

    def arriving(self, drawn: Iterator[RecordId]) -> Arriving:
        """The record for the pipeline; a new one takes the next id drawn."""
        if self.id is None:
            return Arriving(self.object_name, next(drawn), self.wanted, self.source)
        different = self._different()
        values, before = ({c: held[c] for c in different} for held in (self.wanted, self.now))
        return Arriving(self.object_name, self.id, values, self.source, before)


def spoken_of(read: ReadRule) -> set[str]:
    """The attributes its source speaks of, which a rule that is there takes over. Its key says which profile."""
    named = {*read.fields, "active"} if read.fields else COLUMNS.keys()
    return {name for name in named if name in COLUMNS} - {"profile_id", "profile"}


def rules_as_brought(kept: Kept, rules: Iterable[ReadRule]) -> Iterator[tuple[RecordId | None, SyncRule]]:
    """Each rule as it would be once it were saved, with the id of the one it takes the place of."""
    known = kept.sync_rules()
    there = {rule.key: rule_id for rule_id, rule in reversed(known.items())}
    for read in rules:
        rule_id = there.get(read.rule.key)
        said = {name: getattr(read.rule, name) for name in spoken_of(read)}
        yield rule_id, read.rule if rule_id is None else msgspec.structs.replace(known[rule_id], **said)


def _rule_changes(org: Org, rules: Iterable[ReadRule], kept: Kept) -> Iterator[_Change]:
    there = {rule.key: rule_id for rule_id, rule in reversed(kept.sync_rules().items())}
    for read in rules:
        wanted = _canonical(org, RULE, record_of(read.rule))
        rule_id = there.get(read.rule.key)
        if rule_id is None:
            yield _Change(RULE, wanted, str(read.place))
        else:
            spoken = {COLUMNS[name] for name in spoken_of(read)}
            wanted = {column: value for column, value in wanted.items() if column in spoken}
            yield _Change(RULE, wanted, str(read.place), rule_id, kept.rules[rule_id])


def _setting_changes(org: Org, settings: Iterable[ReadSetting], kept: Kept) -> Iterator[_Change]:
    there = {setting.key: one for one, setting in reversed(kept.sync_settings().items())}
    profiles = {name: profile for profile, name in kept.profiles.items()}
    for read in settings:
        setting = read.setting
        given = (setting.setting, setting.value, profiles.get(setting.profile or ""))
        values = (*given, setting.group, setting.unit, setting.description)
        wanted = _canonical(org, SETTING, dict(zip(_SETTING_COLUMNS, values, strict=True)))
        one = there.get(setting.key)
        if one is None:
            named = " / ".join(part for part in setting.key if part)
            yield _Change(SETTING, {**wanted, "Name": named}, str(read.place))
        else:
            yield _Change(SETTING, wanted, str(read.place), one, kept.settings[one])


def _canonical(org: Org, name: str, values: Mapping[str, Any]) -> Columns:
    fields = org.catalog[name].column_fields
    return {column: _stored(fields[column], value) for column, value in values.items()}


def _stored(field: Field, value: Any) -> FieldValue:
    """The value as it is kept; one that its field does not take as it is, for the save to refuse."""
    try:
        return canonical(field, value)
    except BadValue:
        return cast("FieldValue", value)
