"""The rules Salesforce publishes for Life Sciences Cloud: all are read, all conditions run on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.conftest import Databases
from tests.schema.shared_data import shared_file
from tests.server.scope.stub_objects import stub_catalog

from fieldsync.base.ids import RecordId
from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.schema.rules_import import Configuration, Level, of_level, read_lsc
from fieldsync.server.configuration.judge import Judged, There, Wish, judge
from fieldsync.server.configuration.keep import kept_in, save_all
from fieldsync.server.org.create import create_org
from fieldsync.server.org.directory import enter_org
from fieldsync.server.org.open import open_org
from fieldsync.server.org.users import NewUser
from fieldsync.server.postgres.connect import admin_connection
from fieldsync.server.scope.tokens import Person, known_tokens
from fieldsync.soql import Context, bind_condition, parse_condition
from fieldsync.soql.sql.statement import selection

ADMIN = "System_Administrator"
WISH = Wish(profiles={"LSC Custom Profile": ADMIN})
PERSON = Person(
    RecordId("005000000000001AAA"), "00e000000000001AAA", ADMIN, "00D000000000001AAA", "en_US", "en_US", "UTC", "sarah",
    territories=(("0MI000000000001AAA", "North"),),
)  # fmt: skip


@pytest.fixture(scope="module")
def source() -> Path:
    return shared_file("lsc_dbschema.json")


@pytest.fixture(scope="module")
def read(source: Path) -> Configuration:
    return read_lsc(source)


@pytest.fixture(scope="module")
def there(read: Configuration) -> There:
    """An org with everything the conditions name."""
    return There(stub_catalog((one.rule.object, one.rule.where) for one in read.rules), {})


@pytest.fixture(scope="module")
def judged(read: Configuration, there: There) -> Judged:
    return judge(read, there, WISH)


def test_every_record_is_a_rule_and_every_condition_is_understood(read: Configuration, judged: Judged) -> None:
    assert (len(read.rules), read.conditions, len(read.settings)) == (173, 84, 0)
    assert of_level(judged.findings, Level.ERROR) == []
    assert len(judged.rules) == 169
    assert Counter(one.rule.type for one in read.rules) == {"top_level": 167, "full": 6}
    assert sum(one.rule.one_way for one in read.rules) == 16
    assert sum(one.rule.include_attachments for one in read.rules) == 14


def test_tokens_without_a_meaning_are_told_with_their_place(judged: Judged) -> None:
    told = [f for f in of_level(judged.findings, Level.UNSUPPORTED) if f.field == "WhereSoql"]
    assert [(f.record, f.sentence.split()[2], f.line, f.column) for f in told] == [
        ("DbSchema_ContentDocument", "CONT_DOCS", 1, 8),
        ("DbSchema_ContentDocumentLink", "RELATED_ENTITIES", 1, 20),
        ("DbSchema_ContentVersion", "CONT_DOCS", 1, 23),
        ("DbSchema_DeviceSyncTransactionRecord", "STI_OBJ_IDS", 1, 58),
    ]


@pytest.fixture(scope="module")
def uri(there: There, databases: Databases) -> Iterator[str]:
    """A database with the org `lsc`, which has the stub objects."""
    name = databases.create()
    world = World(ManualClock(datetime(2026, 3, 2, 8, tzinfo=UTC)), SeededChance(5))
    admin = NewUser("admin@lsc.example", "correct horse 9 battery", ADMIN, "Admin")
    create_org(databases.uri(name), "lsc", there.catalog, admin=admin, world=world)
    yield databases.uri(name)
    databases.drop(name)


def test_every_condition_runs_on_postgresql(read: Configuration, there: There, uri: str) -> None:
    """Also those whose tokens mean nothing here, with a value made up for the test."""
    ran = 0
    tokens = known_tokens(there.catalog) | {"CONT_DOCS", "RELATED_ENTITIES", "STI_OBJ_IDS"}
    values = PERSON.values | dict.fromkeys(tokens - PERSON.values.keys(), ("x",))
    context = Context(datetime(2026, 3, 2, tzinfo=UTC), values=values)
    with admin_connection(uri) as connection:
        enter_org(connection, "lsc")
        for one in read.rules:
            if not one.rule.where:
                continue
            condition = parse_condition(one.rule.where)
            bound = bind_condition(condition, there.catalog, one.rule.object, tokens=tokens)
            chosen = selection(bound, there.catalog, context)
            ids = sa.select(chosen.row.c.Id).select_from(chosen.source).where(chosen.where)
            assert list(connection.scalars(ids)) == [] or one.rule.object == "User"
            ran += 1
    assert ran == 84


def test_saving_them_twice_changes_nothing(judged: Judged, uri: str) -> None:
    world = World(ManualClock(datetime(2026, 3, 2, 9, tzinfo=UTC)), SeededChance(6))

    async def twice() -> list[dict[str, int]]:
        async with AsyncExitStack() as stack:
            org = await open_org(stack, uri, "lsc", world)
            found = [dict((await save_all(org, judged, lambda _: None)).counts) for _ in range(2)]
            assert {r.where for r in (await kept_in(org)).sync_rules().values()} == {o.rule.where for o in judged.rules}
            return found

    assert asyncio.run(twice()) == [{"created": 169}, {"unchanged": 169}]


def test_an_org_without_the_objects_refuses_each_or_leaves_them_out(read: Configuration) -> None:
    bare = There(stub_catalog([("User", "IsActive = true")]), {})
    refused = judge(read, bare, WISH)
    assert len({f.record for f in of_level(refused.findings, Level.ERROR)}) == 171
    known = judge(read, bare, Wish(only_known=True, profiles=WISH.profiles))
    assert not known.refused
    assert [one.rule.object for one in known.rules] == ["RecordType", "User"]
