"""What others changed costs a device nothing: no entry of the change log is read that is not the person's, whatever
PostgreSQL believes of how many there are as new as that."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tests.server.lab import START, Lab

from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.probe import Entries, fill_day
from fieldsync.server.scope.delta import past

OTHERS = 3_000
FED = """
SELECT id FROM _change WHERE feed_user = %(user)s AND object = 'Shop' AND stamp >= %(xmin)s
AND (stamp >= %(xmax)s OR stamp = ANY(%(running)s)) AND day >= %(since)s AND day <= %(until)s
"""
"""As `removed` asks for what the person's feed brought."""


@pytest.fixture
def place(lab: Lab) -> dict[str, Any]:
    """A log whose entries were counted when there were some of everybody, and where others then wrote many; what a
    download is told that stands before those."""
    sarah, tom = lab.person("sarah"), lab.person("tom")
    shops = tuple(f"b00Az000{n:07d}" for n in range(500))
    fill_day(lab.uri, "org_small", START.date(), [Entries(u, "Shop", shops, 0, 500) for u in (sarah, tom)])
    with psycopg.connect(lab.uri) as connection:
        connection.execute("SET search_path = org_small")
        connection.execute(
            "INSERT INTO _change (day, stamp, version, seq, object, id, kind, feed_user, feed_position, at)"
            " SELECT day, 1000 + p, 1, 0, object, 'b00Az001' || lpad(p::text, 7, '0'), kind, %s, 500 + p, at"
            " FROM (SELECT * FROM _change LIMIT 1) one, generate_series(1, %s) p",
            (tom, OTHERS),
        )
    return {
        "user": sarah,
        "objects": sorted(lab.org.catalog.objects),
        "xmin": 1000,
        "xmax": 1000,
        "running": [],
        "since": START.date(),
        "until": START.date(),
    }


def looked_at(lab: Lab, text: str, values: dict[str, object]) -> float:
    """Entries of the log that a statement reads, also those it then passes over."""
    with psycopg.connect(lab.uri) as connection:
        connection.execute("SET search_path = org_small")
        [[[plan]]] = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", values).fetchall()

    def read(node: dict[str, Any]) -> float:
        own = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) if "_change" in str(node.get("Alias")) else 0
        return float(own * node["Actual Loops"]) + sum(read(below) for below in node.get("Plans", ()))

    return read(plan["Plan"])


def text_of(statement: Statement, place: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return statement.text, statement.bind({name: place[name] for name in statement.given})


def test_what_others_changed_is_not_read(lab: Lab, place: dict[str, Any]) -> None:
    read = {
        "stirred": looked_at(lab, *text_of(lab.org.read.stirred, place)),
        "fed": looked_at(lab, *text_of(lab.org.read.fed, place)),
        "brought by the feed": looked_at(lab, FED, place),
    }
    assert all(entries < 50 for entries in read.values()), read


def test_what_others_wrote_on_another_route_is_not_read(lab: Lab, place: dict[str, Any]) -> None:
    made, edited = (20_000, "created", 0), (OTHERS, "updated", 1000)
    with psycopg.connect(lab.uri, autocommit=True) as connection:
        connection.execute("SET search_path = org_small")
        for many, kind, stamp in (made, edited):
            connection.execute(
                "INSERT INTO _change (day, stamp, version, seq, object, id, kind, old, route, at)"
                " SELECT day, %s, 1, 0, object, 'b00Az002' || lpad(p::text, 7, '0'), %s, '{}', 'Shop:graz', at"
                " FROM (SELECT * FROM _change LIMIT 1) one, generate_series(1, %s) p",
                (stamp, kind, many),
            )
            if kind == "created":
                connection.execute("ANALYZE _change")
    change = lab.org.metadata.tables["_change"]
    parts = [
        *past.written(change, "Shop", "shop", ("id",), [past.route_key("Shop", "vienna")]),
        past.written_behind(change, "shop", ("id",), [past.route_key("Shop", "vienna")]),
    ]
    for part in parts:
        read = looked_at(lab, *text_of(compile_statement(part), place))
        assert read < 50, str(part)


def test_what_others_changed_is_noticed(lab: Lab, place: dict[str, Any]) -> None:
    def stirred(**told: Any) -> list[tuple[str, ...]]:
        text, values = text_of(lab.org.read.stirred, place | told)
        return lab.query(text, **values)

    assert stirred() == [("Shop",)]
    assert stirred(xmin=9_000, xmax=9_000) == []
    assert stirred(xmin=1_500, xmax=9_000, running=[1_500]) == [("Shop",)], "one that committed late"
    assert stirred(xmin=900, xmax=9_000, running=[900]) == [], "the one that is running has written nothing here"
