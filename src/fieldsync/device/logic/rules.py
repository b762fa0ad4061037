"""Validation rules that a device asks itself before a save is queued (FEATURES F08), by the server's evaluator.

A rule is asked here only where the answer is the server's: it reads fields that this person sees and that hold what the
server will see of them, of this record and of related ones that are on the device. What reads the clock, looks other
records up, asks what was before, or stands on an object whose rows a trigger may change first is left to the server.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fieldsync.base.problems import Code, Problem, problem
from fieldsync.device.store.objects import ObjectTables
from fieldsync.formula import Surroundings
from fieldsync.formula.catalog import Rows, Rule, record_of
from fieldsync.formula.catalog.compiled import Place
from fieldsync.formula.catalog.rows import is_whole
from fieldsync.formula.evaluate import Evaluation
from fieldsync.formula.problem import NoValue
from fieldsync.protocol.session import UserInfo
from fieldsync.schema.access.rights import RightsTable
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.model import FieldType

MADE_BY_SERVER = frozenset({FieldType.ROLL_UP, FieldType.AUTO_NUMBER})
"""Fields that hold something else there than here, until the save came back."""
_NOWHEN = Surroundings(datetime(2000, 1, 1, tzinfo=UTC))
"""No rule that is asked here reads it."""


@dataclass(frozen=True)
class _Asked:
    """A rule, and columns of its record that the server fills in where a new record leaves them empty."""

    rule: Rule
    filled: frozenset[str]


class RulesHere:
    """Those that one person's device asks. `left`: objects whose rules only the server may ask, None for all."""

    def __init__(self, user: UserInfo, left: Collection[str] | None) -> None:
        self._user, self._left = user, left
        self._model: _Model | None = None

    def serves(self, user: UserInfo, left: Collection[str] | None) -> bool:
        """Whether these are still the person and the objects."""
        return (self._user, self._left) == (user, left)

    def broken(
        self, tables: ObjectTables, name: str, row: Mapping[str, Any], rows: Rows, *, new: bool
    ) -> Problem | None:
        """The first rule that refuses the row. `new`: the server does not have the record; `rows`: what is here."""
        object_type = tables[name].type
        if self._left is None or name in self._left or not any(r.active for r in object_type.validation_rules):
            return None
        if self._model is None or self._model.tables is not tables:
            self._model = _Model(tables, self._user)
        return self._model.broken(object_type, row, rows, new=new)


class _Model:
    """The rules of one data model."""

    def __init__(self, tables: ObjectTables, user: UserInfo) -> None:
        self.tables, self._formulas = tables, tables.formulas
        self._rights = RightsTable(tables.catalog, {}).of(user.profile, user.permission_sets)
        self._asked: dict[str, tuple[_Asked, ...]] = {}

    def broken(self, object_type: ObjectType, row: Mapping[str, Any], rows: Rows, *, new: bool) -> Problem | None:
        """See `RulesHere.broken`."""
        asked = [
            one.rule
            for one in self._of(object_type)
            if not (new and any(row.get(column) is None for column in one.filled))
            and is_whole(self._formulas, object_type, row, one.rule.checked, rows)
        ]
        run = Evaluation(record_of(self._formulas, object_type.name, row, None, rows, _NOWHEN), _NOWHEN)
        return next((_problem(object_type, row, rule) for rule in asked if _refuses(run, rule)), None)

    def _of(self, object_type: ObjectType) -> tuple[_Asked, ...]:
        if object_type.name not in self._asked:
            self._asked[object_type.name] = tuple(self._askable(object_type))
        return self._asked[object_type.name]

    def _askable(self, object_type: ObjectType) -> Iterator[_Asked]:
        found = self._formulas[object_type.name]
        filled = {*found.defaults, "RecordTypeId"}
        for rule in found.rules:
            places = list(self._formulas.places_of(object_type, rule.checked))
            elsewhere = rule.checked.formula.zoned or self._formulas.is_local(object_type, rule.checked)
            if not elsewhere and all(map(self._is_settled, places)):
                own = {place.field for place in places if not place.way}
                yield _Asked(rule, frozenset(own & filled))

    def _is_settled(self, place: Place) -> bool:
        """Whether a field holds here what the server will see in it."""
        field = self._formulas.catalog[place.object].fields.get(place.field)
        if field is None or field.type in MADE_BY_SERVER or (field.system and field.name != "Id"):
            return False
        return self._rights.sees(place.object, field.name)


def _refuses(run: Evaluation, rule: Rule) -> bool:
    try:
        return run.fresh().value(rule.checked.root) is True
    except NoValue:
        return False  # the server says what is wrong with it


def _problem(object_type: ObjectType, row: Mapping[str, Any], rule: Rule) -> Problem:
    return problem(
        Code.VALIDATION,
        object=object_type.name,
        id=row.get("Id"),
        field=rule.declared.field,
        message=rule.declared.message,
        rule=rule.declared.name,
    )
