"""Records brought in from files go through the save pipeline, all of them or none."""

from __future__ import annotations

from tests.server.lab import Lab

from fieldsync.base.problems import Code
from fieldsync.server.org.bring_in import Arriving, NotTaken, bring_in, draw_ids


def load(lab: Lab, *records: tuple[str, dict[str, object]]) -> tuple[list[str], list[NotTaken], list[int]]:
    """Bring in; `@0` is the id of the first record. The ids, the refusals, and what was told."""
    ids = lab.run(draw_ids(lab.org, [name for name, _ in records]))
    told: list[int] = []

    def resolved(value: object) -> object:
        return ids[int(value[1:])] if isinstance(value, str) and value.startswith("@") else value

    arriving = [
        Arriving(name, ids[i], {column: resolved(v) for column, v in values.items()}, f"line {i}")  # type: ignore[misc]
        for i, (name, values) in enumerate(records)
    ]
    return list(ids), lab.run(bring_in(lab.org, arriving, told.append)), told


def test_records_that_refer_to_each_other_are_saved_as_any_save(lab: Lab) -> None:
    ids, refused, told = load(
        lab,
        ("Shop", {"Name": "Corner", "Score": 1.5}),
        ("Visit", {"ShopId": "@0"}),
        ("Visit_Line", {"VisitId": "@1", "Product": "Soap"}),
    )
    assert refused == []
    assert told == [1, 2, 3]
    [(name, owner)] = lab.query('SELECT "Name", "OwnerId" FROM "Visit"')
    assert name == "V-0001"
    assert lab.query('SELECT "Id" FROM "User"') == [(owner,)]
    kinds = lab.query("SELECT kind, feed_position FROM _change WHERE object = 'Shop' AND id = %(id)s", id=ids[0])
    assert kinds == [("created", None)]


def test_a_thousand_records_travel_in_batches(lab: Lab) -> None:
    many: list[tuple[str, dict[str, object]]] = [("Shop", {"Name": f"Shop {i}"}) for i in range(1_001)]
    _, refused, told = load(lab, *many)
    assert refused == []
    assert told == [500, 1_000, 1_001]
    assert lab.query('SELECT count(*) FROM "Shop"') == [(1_001,)]


def test_one_refused_record_keeps_all_others_out_and_is_named(lab: Lab) -> None:
    _, refused, _ = load(
        lab,
        ("Shop", {"Name": "Good"}),
        ("Shop", {"Name": "Bad", "Stage": "Nowhere"}),
        ("Shop", {"City": "Nameless"}),
        ("Visit", {"ShopId": "@0"}),
    )
    assert [(one.source, one.problems[0].code, one.problems[0].field) for one in refused] == [
        ("line 1", Code.PICKLIST, "Stage"),
        ("line 2", Code.REQUIRED, "Name"),
    ]
    assert lab.query('SELECT count(*) FROM "Shop"') == [(0,)]


def test_a_reference_to_nothing_is_refused(lab: Lab) -> None:
    _, refused, _ = load(lab, ("Visit", {"ShopId": "a00000000000000AAA"}))
    assert refused[0].problems[0].code is Code.INVALID_REF
