"""Whether what was read fits an org: what can be saved, and a finding for everything else. Pure.

A rule is refused (an error: nothing at all is saved), left out (it has no meaning here; the others are saved), or
saved. A token without a meaning here leaves its rule out; so does an object the org lacks, where that is asked for.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.rules_import.report import Configuration, Finding, Level, Place, ReadRule, ReadSetting, of_level
from fieldsync.schema.rules_import.sync_setting import SETTINGS
from fieldsync.server.configuration.named import objects_in, tokens_in
from fieldsync.server.scope.choose import complete_id
from fieldsync.server.scope.rules import Fault, check_rule
from fieldsync.server.scope.tokens import known_tokens
from fieldsync.soql import SoqlError, parse_condition
from fieldsync.soql.errors import Position
from fieldsync.soql.nodes import Condition

_WHERE = "where"


@dataclass(frozen=True)
class There:
    """The org, as far as a rule has to fit it: its catalog, and the names of its profiles by id."""

    catalog: Catalog
    profiles: Mapping[RecordId, str]


@dataclass(frozen=True)
class Wish:
    """How to bring in what does not fit as it is."""

    only_known: bool = False
    """Rules that need objects the org lacks are left out, instead of refused."""
    profiles: Mapping[str, str] = field(default_factory=dict)
    """Name or id of a profile where the configuration comes from, to the name of one here."""


@dataclass(frozen=True)
class Judged:
    """What can be saved, and everything there is to tell."""

    rules: tuple[ReadRule, ...]
    settings: tuple[ReadSetting, ...]
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> bool:
        """Whether nothing may be saved."""
        return bool(of_level(self.findings, Level.ERROR))


def judge(read: Configuration, there: There, wish: Wish) -> Judged:
    """Every rule and setting against the org, in the order of the source."""
    findings = list(read.findings)
    rules, settings = [], []
    for one in read.rules:
        named = _named_here(one, wish)
        stops, told = _judge_rule(named, there, wish)
        findings += [*stops, *told]
        rules += [] if stops else [_by_name(named, there)]
    for setting in read.settings:
        placed = _placed(setting, wish)
        stops = _setting_faults(placed, there)
        findings += stops
        settings += [] if stops else [placed]
    findings += _twice([(one.rule.key, one.place, one.fields.get("object", "object")) for one in rules])
    findings += _twice([(one.setting.key, one.place, "setting") for one in settings])
    return Judged(tuple(rules), tuple(settings), tuple(findings))


def _judge_rule(read: ReadRule, there: There, wish: Wish) -> tuple[list[Finding], list[Finding]]:
    """What keeps the rule out, and what else is to be told of it."""
    condition = _condition(read)
    stops = _missing_objects(read, condition, there.catalog, wish) or _strange_tokens(read, condition, there.catalog)
    if stops:
        return stops, []
    faults = [(fault.warning, _of_fault(read, fault)) for fault in check_rule(there.catalog, read.rule)]
    wrong = [finding for warning, finding in faults if not warning]
    profile = _profile_faults(read, there)
    stops = wrong + of_level(profile, Level.ERROR)
    told = [finding for warning, finding in faults if warning] + of_level(profile, Level.WARNING)
    return stops, told + _wanted(read, there.catalog)


def _condition(read: ReadRule) -> Condition | None:
    """The rule's condition; None without one, and for one that `check_rule` refuses."""
    text = (read.rule.where or "").strip()
    try:
        return parse_condition(text) if text else None
    except SoqlError:
        return None


def _missing_objects(read: ReadRule, condition: Condition | None, catalog: Catalog, wish: Wish) -> list[Finding]:
    """The rule's own object, or else those its condition selects from."""
    level = Level.UNSUPPORTED if wish.only_known else Level.ERROR
    if read.rule.object not in catalog:
        return [_finding(read, "object", f"there is no object {read.rule.object} here", level)]
    known = {name.lower() for name in catalog.objects}
    places = [] if condition is None else list(objects_in(condition))
    missing = [(name, at) for name, at in places if name.lower() not in known]
    return [_finding(read, _WHERE, f"there is no object {name} here", level, at) for name, at in missing]


def _strange_tokens(read: ReadRule, condition: Condition | None, catalog: Catalog) -> list[Finding]:
    """Another system's token leaves its rule out; in a file of ours it is wrong (FEATURES A12)."""
    known, level = known_tokens(catalog), Level.UNSUPPORTED if read.fields else Level.ERROR
    strange = [] if condition is None else [(name, at) for name, at in tokens_in(condition) if name not in known]
    return [_finding(read, _WHERE, f"the token {name} has no meaning here", level, at) for name, at in strange]


def _of_fault(read: ReadRule, fault: Fault) -> Finding:
    level = Level.WARNING if fault.warning else Level.ERROR
    return _finding(read, fault.attribute, fault.sentence.rstrip("."), level, fault.at)


def _wanted(read: ReadRule, catalog: Catalog) -> list[Finding]:
    lacking = [name for name in read.wanted if name not in catalog[read.rule.object].fields]
    if not lacking:
        return []
    sentence = f"{read.rule.object} has no field {', '.join(lacking)} here"
    return [_finding(read, "wanted", sentence, Level.UNSUPPORTED)]


def _named_here(read: ReadRule, wish: Wish) -> ReadRule:
    """The rule with the profile wished for; an id has all of its 18 characters (FEATURES A13)."""
    given = complete_id(read.rule.profile_id or "") or read.rule.profile_id
    wished = wish.profiles.get(given or "") or wish.profiles.get(read.rule.profile or "")
    name, kept = (wished, None) if wished is not None else (read.rule.profile, given)
    return replace(read, rule=msgspec.structs.replace(read.rule, profile=name, profile_id=kept))


def _profile_faults(read: ReadRule, there: There) -> list[Finding]:
    """An id of another org is worth nothing here, and must not select nothing in silence (FEATURES A13)."""
    given, name = read.rule.profile_id, read.rule.profile
    if given is None:
        return []
    here = there.profiles.get(RecordId(given))
    if here is None and name in there.catalog.profiles:
        sentence = f"{given} is no profile of this org; the name {name} counts"
        return [_finding(read, "profile_id", sentence, Level.WARNING)]
    if here is None or name not in (None, here):
        sentence = f"{given} is {f'the profile {here}' if here else 'no profile'} here{f', not {name}' if name else ''}"
        return [_finding(read, "profile_id", sentence, Level.ERROR)]
    return []


def _by_name(read: ReadRule, there: There) -> ReadRule:
    """The rule with the id and the name of its profile here, so that one profile is one key."""
    given = read.rule.profile_id
    if given is None:
        return read
    here = there.profiles.get(RecordId(given))
    kept = msgspec.structs.replace(read.rule, profile=here or read.rule.profile, profile_id=given if here else None)
    return replace(read, rule=kept)


def _placed(read: ReadSetting, wish: Wish) -> ReadSetting:
    wished = wish.profiles.get(read.setting.profile or "", read.setting.profile)
    return replace(read, setting=msgspec.structs.replace(read.setting, profile=wished))


def _setting_faults(read: ReadSetting, there: There) -> list[Finding]:
    setting, found = read.setting, []
    if setting.profile is not None and setting.profile not in there.profiles.values():
        found.append(("profile", f"there is no profile {setting.profile} here"))
    kind = SETTINGS.get(setting.setting)
    fault = kind.fault(setting.value) if kind is not None and setting.value is not None else None
    if fault is not None:
        found.append((setting.setting, fault))
    return [Finding(read.place.file, read.place.record, name, told, Level.ERROR) for name, told in found]


def _twice(found: Iterable[tuple[Sequence[str], Place, str]]) -> list[Finding]:
    """An error for each that stands there a second time, with the place of the first (FEATURES A01)."""
    first: dict[Hashable, Place] = {}
    told = []
    for key, place, name in found:
        if key in first:
            sentence = f"what is for {', '.join(part for part in key if part)} stands in {first[key]} already"
            told.append(Finding(place.file, place.record, name, sentence, Level.ERROR))
        first.setdefault(key, place)
    return told


def _finding(read: ReadRule, attribute: str, sentence: str, level: Level, at: Position | None = None) -> Finding:
    place, name = read.place, read.fields.get(attribute, attribute)
    if attribute != _WHERE or at is None:
        return Finding(place.file, place.record, name, sentence, level)
    return Finding(place.file, place.record, name, sentence, level, at.line, at.column)
