"""An org that an earlier version made is brought to the present shape: in order, once, whoever opens it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from sqlalchemy import text
from tests.server.http.running import running_server
from tests.server.lab import PASSWORD, Lab, create, small_catalog

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import system_world
from fieldsync.schema.catalog import Catalog, build
from fieldsync.server.org.begin.upgrade import upgrade_org
from fieldsync.server.org.create import create_org, deploy_catalog
from fieldsync.server.org.open import open_org
from fieldsync.server.org.users import NewUser
from fieldsync.server.postgres.connect import admin_connection
from fieldsync.server.postgres.deploy import gently, levels
from fieldsync.server.postgres.deploy.levels import FINGERPRINT, PRESENT, fingerprint
from fieldsync.server.postgres.names import org_schema
from fieldsync.server.postgres.stored_catalog import store_catalog

ADMIN = NewUser("admin@old.example", PASSWORD, "System_Administrator", "Admin")
OLD_SHAPE = """
DROP TABLE _upgrade, _alias, _duplicate, _undecided, "Sync_Schedule";
ALTER TABLE _change DROP COLUMN beside;
DROP INDEX ix__change_id, ix__change_route, ix__change_left;
CREATE INDEX ix__change_stamp ON _change (stamp);
CREATE INDEX ix__change_route ON _change (object, route, stamp) WHERE route IS NOT NULL;
CREATE INDEX ix__change_left ON _change (object, route_before, stamp) WHERE route_before IS NOT NULL;
COMMENT ON COLUMN _change.route IS 'the route field''s value, where its object declares one';
DROP INDEX "ix_Device_UserId";
INSERT INTO _change (day, stamp, version, seq, object, id, kind, route, route_before, at)
    SELECT current_date, 1, 1, i, 'Shop', 'a' || i, 'updated', 'graz', 'lyon', now() FROM generate_series(1, 50) i;
"""
"""What an org of the last version before levels looked like: tables, a column, indexes and values that were others."""
SHAPE = """
SELECT 'column', c.relname, a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid), a.attcollation,
    CASE WHEN NOT c.relispartition THEN col_description(c.oid, a.attnum) END)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (c.oid, a.attnum)
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
UNION ALL
SELECT 'table', c.relname, c.relkind::text, concat_ws(' ', c.relpersistence, pg_get_partkeydef(c.oid),
    pg_get_expr(c.relpartbound, c.oid))
FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'S')
UNION ALL
SELECT 'index', t.relname, coalesce('part of ' || above.relname, c.relname),
    concat_ws(' ', i.indisvalid, i.indisunique, substring(pg_get_indexdef(c.oid) FROM ' USING .*'))
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
LEFT JOIN pg_inherits h ON h.inhrelid = c.oid LEFT JOIN pg_class above ON above.oid = h.inhparent
WHERE c.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = current_schema()::regnamespace AND contype <> 'n'
"""
"""Everything PostgreSQL knows of an org's tables but the order of their columns, what parts call their indexes, and
comments on parts."""


def shape(uri: str, org: str) -> set[tuple[Any, ...]]:
    with admin_connection(uri, org_schema(org)) as connection:
        return {tuple(row) for row in connection.execute(text(SHAPE))}


def told(uri: str, org: str, sql: str) -> list[tuple[Any, ...]]:
    with admin_connection(uri, org_schema(org)) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]


def former_catalog() -> Catalog:
    """The platform without an object that came later."""
    platform, small = small_catalog().packs
    objects = tuple(one for one in platform.objects if one.name != "Sync_Schedule")
    granted = tuple(
        msgspec.structs.replace(one, objects={k: v for k, v in one.objects.items() if k != "Sync_Schedule"})
        for one in platform.profiles
    )
    return build([msgspec.structs.replace(platform, objects=objects, profiles=granted), small])


def make_old(uri: str, name: str = "old") -> None:
    """An org as an earlier version left it."""
    create_org(uri, name, small_catalog(), admin=ADMIN, world=system_world())
    with admin_connection(uri, org_schema(name)) as connection:
        connection.exec_driver_sql(OLD_SHAPE)
        store_catalog(connection, former_catalog(), system_world().clock.now())
        connection.exec_driver_sql("DELETE FROM _catalog WHERE NOT current")


def make_old_and_fresh(uri: str) -> None:
    make_old(uri)
    create_org(uri, "fresh", small_catalog(), admin=ADMIN, world=system_world())


@pytest.fixture
def database(template_database: Callable[[str, Callable[[str], None]], str]) -> str:
    """The org `old` of an earlier version, and `fresh` of this one."""
    return template_database("old and fresh", make_old_and_fresh)


def opened(uri: str, name: str) -> Catalog:
    async def run() -> Catalog:
        async with AsyncExitStack() as stack:
            return (await open_org(stack, uri, name, system_world())).catalog

    return asyncio.run(run())


def test_an_old_org_that_is_opened_has_the_shape_of_a_fresh_one(database: str) -> None:
    assert shape(database, "old") != shape(database, "fresh")
    assert opened(database, "old").version == small_catalog().version
    assert shape(database, "old") == shape(database, "fresh")
    assert told(database, "old", 'SELECT "Name" FROM "Sync_Schedule"') == [("Daily",)]
    assert told(database, "old", "SELECT DISTINCT fingerprint, max(level) OVER () FROM _upgrade") == [
        (FINGERPRINT, PRESENT)
    ]


def test_values_that_mean_something_else_now_are_filled_in_once(database: str) -> None:
    done = upgrade_org(database, "old", system_world())
    found = "SELECT DISTINCT route, route_before FROM _change WHERE object = 'Shop'"
    assert told(database, "old", found) == [("Shop:graz", "Shop:lyon")]
    assert (done.from_level, done.to_level, done.left) == (0, PRESENT, ())
    again = upgrade_org(database, "old", system_world())
    assert (again.from_level, again.steps) == (PRESENT, ())
    assert len(told(database, "old", found)) == 1


def test_files_that_came_by_the_rule_of_their_object_go_on_coming(database: str) -> None:
    """Before level 2 it was of no effect whether the rule of the records they hang on included attachments."""
    with admin_connection(database, org_schema("old")) as connection:
        connection.exec_driver_sql('CREATE TABLE "Paper" ("Id" text, "Checksum" text)')
        connection.exec_driver_sql("""UPDATE "Sync_Rule" SET "Include_Attachments" = false,
            "Object_Name" = CASE "Object_Name" WHEN 'Visit_Line' THEN 'Paper' ELSE "Object_Name" END,
            "Profile_Name" = CASE WHEN "Object_Name" IN ('Visit_Line', 'Shop') THEN 'Rep' END""")
    upgrade_org(database, "old", system_world())
    found = told(database, "old", 'SELECT "Object_Name", "Include_Attachments" FROM "Sync_Rule" WHERE NOT "IsDeleted"')
    assert {("Shop", True), ("Paper", True), ("Visit", False)} <= set(found), "for whom they came, and for nobody else"


def test_formulas_are_computed_as_this_version_does(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    former = "CREATE OR REPLACE FUNCTION fieldsync_formula.contains_text(t text, wanted text) RETURNS smallint"
    with admin_connection(database, org_schema("fresh")) as connection:
        connection.exec_driver_sql(f"{former} LANGUAGE sql AS 'SELECT 0::smallint'")
        connection.exec_driver_sql("UPDATE _upgrade SET fingerprint = 'of a former version'")
    opened(database, "fresh")
    assert told(database, "fresh", "SELECT fieldsync_formula.contains_text('A:B', NULL)") == [(1,)]
    monkeypatch.setattr(levels, "ddl", tuple)
    assert fingerprint() != FINGERPRINT, "other functions are another shape"


def test_several_servers_that_start_at_once_upgrade_it_once(database: str) -> None:
    with ThreadPoolExecutor(4) as servers:
        done = list(servers.map(lambda _: upgrade_org(database, "old", system_world()), range(4)))
    assert sorted(one.from_level for one in done) == [0, PRESENT, PRESENT, PRESENT]
    assert len([one for one in done if one.steps]) == 1


@pytest.mark.parametrize("reached", range(1, 8))
def test_an_upgrade_that_is_killed_anywhere_is_finished_by_the_next(
    database: str, reached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between any two statements that change something; the connection ends with it."""

    class Killed(BaseException):
        pass

    left = iter(range(reached * 7 - 1))

    def dying(run: Callable[..., None]) -> Callable[..., None]:
        def counted(*given: Any) -> None:
            if next(left, None) is None:
                raise Killed
            run(*given)

        return counted

    with monkeypatch.context() as patched:
        for name in ("_patiently", "_unhurried"):
            patched.setattr(gently, name, dying(getattr(gently, name)))
        with pytest.raises(Killed):
            upgrade_org(database, "old", system_world())
    upgrade_org(database, "old", system_world())
    assert shape(database, "old") == shape(database, "fresh")


def test_people_save_while_the_log_gets_its_index(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement of the upgrade runs beside a save that is open and one that begins."""
    insert = (
        "INSERT INTO org_old._change (day, stamp, version, seq, object, id, kind, at)"
        " VALUES (current_date, 2, 2, 0, 'Shop', 'b', 'created', now())"
    )
    waited: list[float] = []
    stop = threading.Event()

    def save() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            while not stop.is_set():
                began = system_world().clock.now()
                with connection.transaction():
                    connection.execute(insert)
                    stop.wait(0.005)
                waited.append((system_world().clock.now() - began).total_seconds())

    saving = threading.Thread(target=save)
    saving.start()
    try:
        upgrade_org(database, "old", system_world())
    finally:
        stop.set()
        saving.join()
    assert len(waited) > 5
    assert max(waited) < 10 * gently.LOCK_TIMEOUT_MS / 1000, "the machine may be busy with others"
    assert told(database, "old", "SELECT count(*) FROM _change WHERE id = 'b'") == [(len(waited),)]


def test_a_lock_that_is_held_for_long_is_asked_for_again(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gently, "LOCK_TIMEOUT_MS", 50)
    monkeypatch.setattr(gently, "LOCK_PAUSE_SECONDS", 0.05)
    with psycopg.connect(database) as holder:
        holder.execute("LOCK TABLE org_old._change IN ROW EXCLUSIVE MODE")
        release = threading.Timer(0.5, holder.rollback)
        release.start()
        upgrade_org(database, "old", system_world())
        release.join()
    assert told(database, "old", "SELECT max(level) FROM _upgrade") == [(PRESENT,)]


def test_an_org_of_a_newer_version_is_refused_and_left_as_it_is(database: str) -> None:
    upgrade_org(database, "old", system_world())
    told(database, "old", f"INSERT INTO _upgrade VALUES ({PRESENT + 1}, 'x', 'later', now()) RETURNING 1")
    before = shape(database, "old")
    for refused_by in (
        lambda: opened(database, "old"),
        lambda: upgrade_org(database, "old", system_world()),
        lambda: deploy_catalog(database, "old", small_catalog(), world=system_world(), dry_run=False, allow_drop=False),
    ):
        with pytest.raises(Refused) as refused:
            refused_by()
        assert refused.value.problem.code is Code.ORG_NEWER
        assert f"level {PRESENT + 1}" in refused.value.problem.message
    assert shape(database, "old") == before


def test_an_org_that_is_not_upgraded_is_refused_by_what_does_not_upgrade(database: str) -> None:
    with pytest.raises(Refused) as refused:
        deploy_catalog(database, "old", small_catalog(), world=system_world(), dry_run=True, allow_drop=False)
    assert refused.value.problem.code is Code.ORG_OLDER


def test_what_would_lose_data_is_left_alone_and_told(database: str) -> None:
    with admin_connection(database, org_schema("old")) as connection:
        connection.exec_driver_sql("ALTER TABLE _recipe ADD COLUMN kept text")
    done = upgrade_org(database, "old", system_world())
    assert done.left == ("drop column _recipe.kept",)
    assert told(database, "old", "SELECT kept FROM _recipe") == []


def test_devices_go_on_where_they_were(lab: Lab) -> None:
    """An upgrade changes no row that a device holds, and no number it counts on."""
    lab.person("sarah")
    phone = lab.phone("sarah")
    phone.download()
    shop = phone.new_id("Shop")
    phone.outcome(create("Shop", shop, Name="x"))
    with admin_connection(lab.uri, org_schema("small")) as connection:
        connection.exec_driver_sql(OLD_SHAPE.replace("current_date", "date '2026-03-02'"))
        store_catalog(connection, former_catalog(), lab.clock.now())
    lab.reopen()
    assert phone.outcome(create("Shop", phone.new_id("Shop"), Name="y")).__class__.__name__ == "Saved"
    assert phone.download()
    assert {name for (name,) in lab.query('SELECT "Name" FROM "Shop"')} == {"x", "y"}


def test_the_present_level_says_what_the_present_shape_is() -> None:
    """Where this fails the platform's tables or objects have changed, and orgs that are there have to get it."""
    assert fingerprint() == FINGERPRINT, (
        f"Is level {PRESENT} released? Then append a level to {levels.__name__}. "
        f"Put its FINGERPRINT in any case: {fingerprint()}"
    )


def test_two_server_processes_that_start_together_both_serve_it(database: str) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(2) as starting:
        both = list(starting.map(lambda _: running_server(database), range(2)))
        addresses = list(starting.map(lambda server: stack.enter_context(server)[0], both))
        assert [httpx.get(f"{address}/health", timeout=60).status_code for address in addresses] == [200, 200]
    assert told(database, "old", "SELECT max(level), count(*) FROM _upgrade") == [(PRESENT, PRESENT)]
