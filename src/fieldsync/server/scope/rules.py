"""Whether a sync rule makes sense: what is refused when it is saved, and what is only warned of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fieldsync.base.problems import Code, Problem, problem
from fieldsync.protocol.media import TEXT_FIELD_CHARS_MIN, carries_file, is_type, may_be_file
from fieldsync.protocol.session import Platform
from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.schema.model import FieldType, Sharing
from fieldsync.schema.sync_rule import COLUMNS, EVERY_DEVICE, RuleType, SyncRule
from fieldsync.server.scope.choose import complete_id
from fieldsync.server.scope.compose import Composer
from fieldsync.server.scope.recipe import Shared
from fieldsync.server.scope.tokens import known_tokens
from fieldsync.soql import SoqlError, bind_condition, parse_condition
from fieldsync.soql.errors import START, Position

OBJECT = "Sync_Rule"
CONDITION_CHARS_MAX = 32_000
KEPT_ALONE = "Changes are found by the version of each record: the delta date field is kept, and nothing goes by it."
ITSELF_A_FILE = "{object} is a file itself: its texts go along in the row."
IN_THE_ROW = "{field} is no long text of {chars} characters or more: what it holds goes along in the row."


@dataclass(frozen=True)
class Fault:
    """What is wrong, or with `warning` only unwise, in one attribute of a rule; the place counts for conditions."""

    attribute: str
    sentence: str
    at: Position = START
    warning: bool = False


def problem_of(fault: Fault, record_id: str | None = None) -> Problem:
    """The fault of a rule's record as a refusal, with line and column where it stands in a condition."""
    place = {"line": fault.at.line, "column": fault.at.column} if fault.attribute == "where" else {}
    said = "" if fault.at == START else f" (line {fault.at.line}, column {fault.at.column})"
    reason = f"{fault.sentence}{said}"
    return problem(Code.SYNC_RULE, object=OBJECT, id=record_id, field=COLUMNS[fault.attribute], reason=reason, **place)


def check_required(before: SyncRule, after: SyncRule | None) -> tuple[Fault, ...]:
    """Whether a rule the Field app needs would be switched off or deleted (FEATURES A39)."""
    if not before.required or not _brings(before):
        return ()
    needed = f"The field app needs {before.object}: its rule cannot be"
    if after is None:
        return (Fault("required", f"{needed} deleted."),)
    if not _brings(after) or after.object != before.object:
        return (Fault("active", f"{needed} switched off."),)
    return ()


def _brings(rule: SyncRule) -> bool:
    return rule.active and not rule.without_rows


def check_rule(catalog: Catalog, rule: SyncRule) -> tuple[Fault, ...]:
    """Everything that is to be said of a rule by itself; see `check_together` for rules of one org."""
    if rule.object not in catalog:
        return (Fault("object", f"There is no object {rule.object}."),)
    return tuple(_faults(catalog, catalog[rule.object], rule))


def check_together(catalog: Catalog, rules: Iterable[SyncRule]) -> tuple[tuple[SyncRule, Fault], ...]:
    """Rules that exist twice, and rules that lead in a circle."""
    known = tuple(rules)
    found: list[tuple[SyncRule, Fault]] = []
    seen: dict[tuple[str, ...], SyncRule] = {}
    for rule in known:
        if seen.setdefault(rule.key, rule) is not rule:
            sentence = f"There is a rule already for {', '.join(part for part in rule.key if part)}."
            found.append((rule, Fault("object", sentence)))
    fitting = [rule for rule in known if rule.active and all(fault.warning for fault in check_rule(catalog, rule))]
    found += [(rule, fault) for rule in fitting for fault in _circle(catalog, rule, fitting)]
    return tuple(found)


def _circle(catalog: Catalog, rule: SyncRule, fitting: Sequence[SyncRule]) -> Iterator[Fault]:
    """Whether what the rule refers to leads back to it, were all rules in force."""
    chosen = {other.object: (other,) for other in fitting if other.key != rule.key} | {rule.object: (rule,)}
    open_ = dict.fromkeys(catalog.objects, Shared(Sharing.READ_WRITE))
    try:
        Composer(catalog, open_, {n: chosen.get(n, ()) for n in catalog.objects}).selected(rule.object)
    except SoqlError as wrong:
        yield Fault("where", wrong.sentence, wrong.position)


def _faults(catalog: Catalog, object_type: ObjectType, rule: SyncRule) -> Iterator[Fault]:
    yield from _device_and_profile(catalog, rule)
    yield from _condition(catalog, rule)
    yield from _parent(object_type, rule)
    yield from _fields(object_type, rule)


def _device_and_profile(catalog: Catalog, rule: SyncRule) -> Iterator[Fault]:
    if rule.device != EVERY_DEVICE and rule.device not in set(Platform):
        yield Fault("device", f"There is no device type {rule.device}.")
    if rule.profile_id and complete_id(rule.profile_id) is None:
        yield Fault("profile_id", f"{rule.profile_id} is not the id of a profile: it has 15 or 18 characters.")
    if rule.profile and not rule.profile_id and rule.profile not in catalog.profiles:
        yield Fault("profile", f"There is no profile {rule.profile}.")


def _condition(catalog: Catalog, rule: SyncRule) -> Iterator[Fault]:
    text = (rule.where or "").strip()
    if not text:
        if rule.type is RuleType.TOP_LEVEL and not rule.without_rows:
            yield Fault("where", f"Without a condition every {rule.object} goes to the device.", warning=True)
        return
    if rule.type is RuleType.FULL:
        yield Fault("where", "A rule of type full takes no condition: it selects every row.")
    if len(text) > CONDITION_CHARS_MAX:
        yield Fault("where", f"A condition may have {CONDITION_CHARS_MAX} characters.")
        return
    try:
        bind_condition(parse_condition(text), catalog, rule.object, tokens=known_tokens(catalog))
    except SoqlError as wrong:
        yield Fault("where", wrong.sentence, wrong.position)


def _parent(object_type: ObjectType, rule: SyncRule) -> Iterator[Fault]:
    needed = rule.type in (RuleType.RELATED, RuleType.CHILD_AND_PARENT)
    if needed and not rule.relationship_field:
        yield Fault("relationship_field", f"A rule of type {rule.type} names the field that leads to the parent.")
    if rule.type is RuleType.RELATED and not rule.parent_object:
        yield Fault("parent_object", "A rule of type related names the parent's object.")
    if not rule.relationship_field:
        return
    field = object_type.fields.get(rule.relationship_field)
    if field is None or field.references is None:
        yield Fault("relationship_field", f"{rule.object}.{rule.relationship_field} is no reference.")
    elif rule.parent_object and field.references != rule.parent_object:
        reason = f"leads to {field.references}, not to {rule.parent_object}"
        yield Fault("relationship_field", f"{rule.object}.{rule.relationship_field} {reason}.")


def _files(object_type: ObjectType, rule: SyncRule) -> Iterator[Fault]:
    if rule.attachment_fields and carries_file(object_type):
        yield Fault("attachment_fields", ITSELF_A_FILE.format(object=rule.object), warning=True)
    for name in rule.attachment_fields:
        if name in object_type.fields and not may_be_file(object_type.fields[name]):
            said = IN_THE_ROW.format(field=f"{rule.object}.{name}", chars=TEXT_FIELD_CHARS_MIN)
            yield Fault("attachment_fields", said, warning=True)
    for name in rule.attachment_types:
        if not is_type(name):
            yield Fault("attachment_types", f"{name} is no type of file: write image/*, application/pdf or pdf.")


def _fields(object_type: ObjectType, rule: SyncRule) -> Iterator[Fault]:
    for attribute in ("include_fields", "exclude_fields", "attachment_fields"):
        for name in getattr(rule, attribute):
            if name not in object_type.fields:
                yield Fault(attribute, f"{rule.object} has no field {name}.")
    yield from _files(object_type, rule)
    if "Id" in rule.exclude_fields:
        yield Fault("exclude_fields", "The id of a record always goes along.")
    if rule.delta_date_field:
        field = object_type.fields.get(rule.delta_date_field)
        if field is None or field.type is not FieldType.DATETIME:
            yield Fault("delta_date_field", f"{rule.object}.{rule.delta_date_field} is no date and time.")
        else:
            yield Fault("delta_date_field", KEPT_ALONE, warning=True)
