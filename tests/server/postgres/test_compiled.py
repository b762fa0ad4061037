"""Statements compiled once."""

from __future__ import annotations

import pytest
from sqlalchemy import BigInteger, ClauseElement, MetaData, any_, bindparam, select

from fieldsync.server.postgres.compiled import compile_statement, compiled_once
from fieldsync.server.postgres.tables import system_tables

TABLES = MetaData()
system_tables(TABLES)
CHANGE = TABLES.tables["_change"]


def test_values_the_statement_was_built_with_are_bound_beside_the_given_ones() -> None:
    query = select(CHANGE.c.id).where(CHANGE.c.kind == "fed", CHANGE.c.stamp >= bindparam("since", type_=BigInteger))
    statement = compile_statement(query)
    assert statement.given == {"since"}
    assert statement.bind({"since": 7}) == {"kind_1": "fed", "since": 7}
    assert "%(since)s" in statement.text


def test_a_missing_or_foreign_parameter_is_a_bug() -> None:
    statement = compile_statement(select(CHANGE.c.id).where(CHANGE.c.id == any_(bindparam("ids"))))
    with pytest.raises(AssertionError):
        statement.bind({})
    with pytest.raises(AssertionError):
        statement.bind({"ids": [], "other": 1})


def test_a_list_that_would_change_the_text_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        compile_statement(select(CHANGE.c.id).where(CHANGE.c.id.in_(["a", "b"])))


def test_what_is_built_of_an_orgs_tables_is_compiled_once_for_each_data_model() -> None:
    built: list[str] = []

    @compiled_once
    def named(metadata: MetaData, column: str) -> ClauseElement:
        built.append(column)
        return select(metadata.tables["_change"].c[column])

    other = MetaData()
    system_tables(other)
    assert named(TABLES, "id") is named(TABLES, "id")
    assert named(TABLES, "kind").text != named(TABLES, "id").text
    assert named(other, "id") is not named(TABLES, "id")
    assert built == ["id", "kind", "id"]
