"""An org whose validation rules are as somebody proposes, for simulations; all else of it is the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.catalog import build
from fieldsync.schema.model import Pack, ValidationRule
from fieldsync.server.org.runtime import Org
from fieldsync.server.save.logic.compiled import compile_logic


@dataclass(frozen=True)
class Proposed:
    """A rule of an object as it would be: one that is there under its name, or a new one; off where there is no
    condition."""

    object: str
    rule: str
    condition: str = ""
    message: str = "This would not be allowed."


def proposed_org(org: Org, proposed: Proposed) -> Org:
    """The org with this rule. Raises Refused: UNKNOWN_OBJECT, UNUSABLE for a condition that is none."""
    if proposed.object not in org.catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=proposed.object))
    catalog = build([_changed(pack, proposed) for pack in org.catalog.packs])
    logic = compile_logic(catalog, org.metadata)
    for fault in logic.formulas.faults:
        if (fault.object, fault.element) == (proposed.object, proposed.rule):
            raise Refused(
                problem(Code.UNUSABLE, what=f"The rule {proposed.rule}", reason=fault.sentence.removesuffix("."))
            )
    return replace(org, catalog=catalog, logic=logic)


def _changed(pack: Pack, proposed: Proposed) -> Pack:
    objects = tuple(
        msgspec.structs.replace(one, validation_rules=_rules(one.validation_rules, proposed))
        if one.name == proposed.object
        else one
        for one in pack.objects
    )
    return msgspec.structs.replace(pack, objects=objects)


def _rules(rules: tuple[ValidationRule, ...], proposed: Proposed) -> tuple[ValidationRule, ...]:
    others = tuple(rule for rule in rules if rule.name != proposed.rule)
    known = next((rule for rule in rules if rule.name == proposed.rule), None)
    if not proposed.condition.strip():
        return others
    message, field = (known.message, known.field) if known is not None else (proposed.message, None)
    made = ValidationRule(name=proposed.rule, condition=proposed.condition, message=message, field=field)
    return (*others, msgspec.structs.replace(made, active=True))
