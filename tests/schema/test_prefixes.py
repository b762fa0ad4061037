"""Key prefixes are given once and for ever."""

from __future__ import annotations

from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Object, Pack
from fieldsync.schema.prefixes import assign, assignments


def pack(*names: str, **declared: str) -> Pack:
    objects = [Object(name=n, label=n) for n in names] + [
        Object(name=n, label=n, prefix=p) for n, p in declared.items()
    ]
    return Pack(name="p", label="P", objects=tuple(objects))


def test_objects_without_a_prefix_get_the_next_free_ones() -> None:
    assert assignments(assign([pack("A", "B", Taken="a11")], {})) == {"A": "a10", "B": "a12", "Taken": "a11"}


def test_an_assignment_stays_when_objects_come_and_go() -> None:
    first = assignments(assign([pack("A", "B")], {}))
    later = assignments(assign([pack("Z", "B")], first))
    assert later["B"] == first["B"]
    assert later["Z"] not in first.values()


def test_a_declared_prefix_wins_over_a_former_assignment() -> None:
    found = assignments(assign([pack("A", New="a10")], {"A": "a10"}))
    assert found["New"] == "a10"
    assert found["A"] != "a10"


def test_the_products_own_objects_keep_to_their_range() -> None:
    mine = assignments(load_packs())
    assert assignments(assign(load_packs(), {})) == mine
    assert not any(p.startswith("a") and not p.startswith("a0") for p in mine.values())
