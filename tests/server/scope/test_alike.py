"""A statement that is written once for many is, filled for one of them, the one that is written for him alone.

Everything that can differ from one person to the next does here: how many territories he works in and what they are
called, the day, what of it a checkpoint remembers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.server.scope.packs import clinic_pack

from fieldsync.base.problems import Refused
from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.formula.catalog.sources import sources
from fieldsync.schema.access.rights import RightsTable
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.tables import org_metadata
from fieldsync.server.scope.alike import MAY_BE_LEFT_OUT
from fieldsync.server.scope.choose import ForWhom, choose, complete
from fieldsync.server.scope.cut import Cut, make_cut
from fieldsync.server.scope.delta.difference import Delta, _Difference
from fieldsync.server.scope.recipe import Recipe
from fieldsync.server.scope.scope import Around, Scope
from fieldsync.server.scope.tokens import Value
from fieldsync.soql import SoqlError

CATALOG = build([*load_packs(("platform",)), clinic_pack()])
FORMULAS = CatalogFormulas(CATALOG)
METADATA = org_metadata(CATALOG)
RIGHTS = RightsTable(CATALOG, sources(FORMULAS)).of("Rep", ())
CONDITIONS = (
    None,
    "City = '{TERRITORY.NAME}'",
    "City != '{TERRITORY.NAME}'",
    "City IN @@TERRITORY_NAMES@@",
    "City NOT IN ('Graz', {TERRITORY.NAMES})",
    "City = '{TERRITORY.NAME} of {USER.LANGUAGE}'",
    "City LIKE '{TERRITORY.NAME}%'",
    "City > '{TERRITORY.NAME}' OR Opened = TODAY",
    "Opened > LAST_N_DAYS:7 AND City = '{USER.LANGUAGE}'",
    "Opened != THIS_WEEK AND OwnerId = @@USER_ID@@",
    "Id IN (SELECT ClinicId FROM Doctor WHERE Field = '{TERRITORY.NAME}' AND CreatedDate >= YESTERDAY)",
)
TEXTS = ("", "Wien", "wien", "Graz %", "a_b\\")
OBJECTS = ("Clinic", "Doctor")

names = st.sampled_from(TEXTS)
several = st.lists(names, max_size=4).map(tuple)
one = st.one_of(st.just(()), names)
people = st.fixed_dictionaries(
    {
        "TERRITORY_NAME": one,
        "TERRITORY_NAMES": several,
        "USER_LANGUAGE": names,
        "USER_ID": st.sampled_from(("a00Az0000000001AAA", "a00Az0000000002AAA")),
        "TEAM_USER_IDS": several,
        "TERRITORY_TREE_IDS": several,
    }
)
days = st.sampled_from(("2026-03-29", "2026-10-25", "2026-12-31"))
zones = st.sampled_from(("UTC", "Europe/Vienna"))


def cut_of(where: str | None, routed: str | None = None) -> Cut:
    rules = (SyncRule(object="Clinic", where=where), SyncRule(object="Doctor"), SyncRule(object="Note", where=routed))
    chosen = complete(CATALOG, RIGHTS, choose(rules, ForWhom("iPad", "Rep", "a01Az0000000001AAA")))
    return make_cut(CATALOG, FORMULAS, RIGHTS, chosen)


EMPTY: dict[str, Value] = {"TEAM_USER_IDS": (), "TERRITORY_TREE_IDS": ()}
CUTS = tuple(cut_of(where) for where in CONDITIONS)


def scope_of(around: Around, cut: Cut, values: Mapping[str, Value], day: str, zone: str) -> Scope:
    used = {name: value for name, value in values.items() if name in cut.operands}
    return Scope(around, cut, Recipe(cut.chosen, cut.sharing, cut.shapes, used, day, zone, cut.routes))


Written = Statement | str
"""A statement, or why there is none."""


def told(written: Callable[[], Statement]) -> Written:
    try:
        return written()
    except Refused as refused:
        return refused.problem.details["reason"]  # type: ignore[no-any-return]


def alone(build_it: Callable[[], Any]) -> Written:
    try:
        return compile_statement(build_it(), spare=MAY_BE_LEFT_OUT)
    except SoqlError as wrong:
        return str(wrong)


def of_rows(scope: Scope, name: str) -> Iterator[tuple[Written, Written]]:
    yield told(lambda: scope.rows_behind(name)), alone(lambda: scope._rows_behind(name))
    yield told(lambda: scope.rows(name)), alone(lambda: scope._rows(name))
    yield told(lambda: scope.among(name)), alone(lambda: scope._among(name))
    yield told(lambda: scope.access(name)), alone(lambda: scope._access(name))


def of_changes(then: Scope, now: Scope, name: str) -> Iterator[tuple[Written, Written]]:
    delta, stirred = Delta(then, now), frozenset({"Clinic", "Doctor"})
    whole = _Difference(delta, name, stirred)
    yield told(lambda: asyncio.run(delta.changed(name, stirred))), alone(whole.changed)
    yield told(lambda: asyncio.run(delta.removed(name, stirred))), alone(_Difference(delta, name, stirred).removed)


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(st.data())
def test_filled_for_one_it_is_what_is_written_for_him_alone(data: st.DataObject) -> None:
    around = Around(CATALOG, METADATA, FORMULAS)
    cut, before = data.draw(st.sampled_from(CUTS)), data.draw(st.sampled_from(CUTS))
    for _ in range(2):
        zone = data.draw(zones)
        now = scope_of(around, cut, data.draw(people), data.draw(days), zone)
        then = data.draw(st.sampled_from((now, scope_of(around, before, data.draw(people), data.draw(days), zone))))
        for name in OBJECTS:
            for many, single in (*of_rows(now, name), *of_changes(then, now, name)):
                assert many == single, (name, now.recipe, then.recipe)


def test_the_next_of_a_team_has_nothing_composed(monkeypatch: pytest.MonkeyPatch) -> None:
    around = Around(CATALOG, METADATA, FORMULAS)
    cut = cut_of("City = '{TERRITORY.NAME}' AND Opened = TODAY")
    first, second = (
        scope_of(around, cut, {"TERRITORY_NAME": city, "TEAM_USER_IDS": team, "TERRITORY_TREE_IDS": ("t",)}, day, "UTC")
        for city, team, day in (("Wien", ("a", "b"), "2026-03-29"), ("Graz", ("a", "c", "d"), "2026-03-30"))
    )
    texts = [first.rows_behind("Clinic"), asyncio.run(Delta(first, first).changed("Clinic", frozenset({"Clinic"})))]
    monkeypatch.setattr(Scope, "for_many", lambda scope, whose: pytest.fail(f"composed anew for {whose}"))
    again = [second.rows_behind("Clinic"), asyncio.run(Delta(second, second).changed("Clinic", frozenset({"Clinic"})))]
    assert [one.text for one in again] == [one.text for one in texts]
    assert "graz" in again[0].fixed.values()
    assert "wien" not in again[0].fixed.values()


def test_a_value_that_does_not_fit_is_refused_for_its_person_alone() -> None:
    around = Around(CATALOG, METADATA, FORMULAS)
    cut = cut_of("City = '{TERRITORY.NAME}'")
    good, bad = (scope_of(around, cut, EMPTY | {"TERRITORY_NAME": city}, "", "UTC") for city in ("Wien", "Wi\x00en"))
    assert "wien" in good.kept("x", build=lambda scope: scope._among("Clinic")).fixed.values()
    with pytest.raises(Refused):
        bad.kept("x", build=lambda scope: scope._among("Clinic"))


def test_keys_tell_apart_what_reads_otherwise() -> None:
    around = Around(CATALOG, METADATA, FORMULAS)
    cut = cut_of("City = '{TERRITORY.NAME}'")
    shapes = [scope_of(around, cut, {"TERRITORY_NAME": value}, "", "UTC").shape for value in ((), "", "Wien", "Graz")]
    assert len(set(shapes)) == 3
    assert shapes[2] == shapes[3]
