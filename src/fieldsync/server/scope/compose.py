"""From rules and sharing to one bound condition an object. Pure: tokens get their values when a condition is compiled.

What one rule says of another object's rows (`{ACCOUNT.IDS}`, a parent that must be selected too, a master whose sharing
counts) becomes a sub-select of that object's own condition, never a list of ids.
"""

from __future__ import annotations

from collections.abc import Mapping

from fieldsync.schema.catalog import Catalog
from fieldsync.schema.model import Sharing
from fieldsync.schema.sync_rule import RuleType, SyncRule
from fieldsync.server.scope.choose import brings_along, parent_of
from fieldsync.server.scope.inner import Inner, inner_name, inner_names, with_inner
from fieldsync.server.scope.recipe import Shared
from fieldsync.server.scope.tokens import TOKENS, selected_tokens
from fieldsync.soql import SoqlError, bind_condition, parse_condition
from fieldsync.soql.bound import ROOT, BoundCondition, BoundSubselect, Column
from fieldsync.soql.errors import START
from fieldsync.soql.functions import Kind
from fieldsync.soql.nodes import And, Bind, Comparison, Condition, Null, Or, Path

TEAM = "TEAM_USER_IDS"


class Composer:
    """The conditions for everybody with this sharing and these rules. Raises SoqlError for a rule that does not fit."""

    def __init__(
        self, catalog: Catalog, sharing: Mapping[str, Shared], chosen: Mapping[str, tuple[SyncRule, ...]]
    ) -> None:
        self._catalog, self._shared, self._chosen = catalog, sharing, chosen
        self._lists = selected_tokens(catalog)
        self._tokens = frozenset(TOKENS) | self._lists.keys() | inner_names(catalog)
        self._done: dict[tuple[Inner, str], BoundCondition] = {}
        self._open: list[tuple[Inner, str]] = []

    def selected(self, name: str) -> BoundCondition:
        """Rows of an object that the rules select and the person may read."""
        return self._composed(Inner.SELECTED, name)

    def shared(self, name: str, *, writing: bool = False) -> BoundCondition:
        """Rows of an object that the person may read, or may write."""
        return self._composed(Inner.WRITTEN if writing else Inner.SHARED, name)

    def _composed(self, kind: Inner, name: str) -> BoundCondition:
        key = (kind, name)
        if key not in self._done:
            if key in self._open:
                way = " > ".join(found for _, found in (*self._open[self._open.index(key) :], key))
                raise SoqlError(f"The rules lead in a circle: {way}.", START)
            self._open.append(key)
            try:
                self._done[key] = self._bound(name, self._condition(kind, name))
            finally:
                self._open.pop()
        return self._done[key]

    def _condition(self, kind: Inner, name: str) -> Condition | None:
        if kind is Inner.SELECTED:
            sharing = None if self._comes_with_its_master(name) else self._sharing(name, Inner.SHARED)
            return _all(sharing, self._rules(name))
        if kind is Inner.OWN:
            return _all(self._sharing(name, Inner.SHARED), self._own(name))
        return self._sharing(name, kind)

    def _sharing(self, name: str, kind: Inner) -> Condition | None:
        """None: every row."""
        declared, reading = self._shared[name], kind is Inner.SHARED
        open_to_all = (Sharing.READ_WRITE, Sharing.READ) if reading else (Sharing.READ_WRITE,)
        if declared.sharing in open_to_all or (declared.reads_all if reading else declared.writes_all):
            return None
        master = self._catalog[name].master
        if declared.sharing is Sharing.BY_PARENT and master is not None and master.references is not None:
            if self._composed(kind, master.references).term is None:
                return None
            return _among(master.name, inner_name(kind, master.references))
        own = _among("OwnerId", TEAM)
        return own if declared.shared_with is None else Or((own, parse_condition(declared.shared_with)))

    def _comes_with_its_master(self, name: str) -> bool:
        """Whether the rules select nothing but details of selected masters, whose sharing counts: it is asked there."""
        master, chosen = self._catalog[name].master, self._chosen.get(name, ())
        return (
            self._shared[name].sharing is Sharing.BY_PARENT
            and master is not None
            and all(
                rule.type is RuleType.RELATED
                and (rule.relationship_field, rule.parent_object) == (master.name, master.references)
                for rule in chosen
            )
            and not any(parent_of(self._catalog, rule) == name for rule in brings_along(self._chosen))
        )

    def _rules(self, name: str) -> Condition | None:
        """What the rules select, and what children of `child_and_parent` bring along. None: every row."""
        brought: list[Condition] = [
            _among("Id", inner_name(Inner.OWN, rule.object, rule.relationship_field))
            for rule in brings_along(self._chosen)
            if parent_of(self._catalog, rule) == name
        ]
        if not self._chosen.get(name):
            return _any(brought)
        own = self._own(name)
        return None if own is None else _any([own, *brought])

    def _own(self, name: str) -> Condition | None:
        parts = [self._rule(rule) for rule in self._chosen[name] if not rule.without_rows]
        return None if None in parts else _any([part for part in parts if part is not None])

    def _rule(self, rule: SyncRule) -> Condition | None:
        where = parse_condition(rule.where) if rule.where and rule.where.strip() else None
        if rule.type is not RuleType.RELATED or rule.relationship_field is None or rule.parent_object is None:
            return where
        return _all(_among(rule.relationship_field, inner_name(Inner.SELECTED, rule.parent_object)), where)

    def _bound(self, name: str, condition: Condition | None) -> BoundCondition:
        bound = bind_condition(condition, self._catalog, name, tokens=self._tokens)
        return with_inner(bound, self._lists, self._subselect)

    def _subselect(self, kind: Inner, name: str, column: str) -> BoundSubselect:
        field = self._catalog[name].fields[column]
        return BoundSubselect(self._composed(kind, name), Column(ROOT, name, column, field, Kind.ID))


def _among(field: str, token: str) -> Comparison:
    return Comparison(Path((field,)), "IN", (Bind(token, token=True),))


def _all(*parts: Condition | None) -> Condition | None:
    known = tuple(part for part in parts if part is not None)
    return known[0] if len(known) == 1 else And(known) if known else None


def _any(parts: list[Condition]) -> Condition:
    """One of these; nothing when there is none."""
    if not parts:
        return Comparison(Path(("Id",)), "=", (Null(),))
    return parts[0] if len(parts) == 1 else Or(tuple(parts))
