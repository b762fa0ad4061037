"""Conditions as an attack: nothing of one becomes SQL, what cannot work is refused at once, what costs too much is
stopped and told, and others go on (THREATS T8; law L7)."""

from __future__ import annotations

import asyncio
import os
import random
import re
import time

import pytest
from tests.server.lab import Lab, downloaded, update
from tests.server.scope.asking import read_download
from tests.server.scope.packs import clinic_pack
from tests.server.scope.test_rules import drop_rules, rule
from tests.server.scope.test_sharing import saved

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.http.context import reading
from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.work import Work
from fieldsync.server.save.batch import Caller
from fieldsync.server.scope.rules import Fault, check_rule
from fieldsync.server.scope.tokens import TOKENS
from fieldsync.soql.limits import LIKE_WILDCARDS_MAX

CATALOG = build([*load_packs(("platform",)), clinic_pack()])
GENERATED = int(os.environ.get("FIELDSYNC_CONDITIONS", "300"))
TEXTS = (
    "zq'; DROP TABLE x; --",
    'zq"Clinic"."City"',
    "zq%(param_1)s %s %% {USER.ID",
    "zq\\' OR 1=1 /*",
    "zq$$;COPY x TO PROGRAM 'id';$$",
    "zq\u202e\u2019 OR \u2018",
    "zq@@USER_ID",
    "zq:name ?",
)
NUMBERS, DATES = ("9876543", "-9876543.25"), ("1917-05-23", "1917-05-24")
FIELDS = {"Clinic": ("Name", "City"), "Doctor": ("Name", "Field", "Clinic.City", "Clinic.Name"), "Note": ("Text",)}


class Grammar:
    """Conditions of the language, with literals no one would want to see in SQL."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def condition(self, name: str, depth: int = 3) -> str:
        kind = self._chance.randrange(8)
        if depth and kind < 3:
            joined = self._chance.choice((" AND ", " OR ")).join(
                f"({self.condition(name, depth - 1)})" for _ in range(self._chance.randrange(2, 4))
            )
            return joined if kind else f"NOT ({joined})"
        if kind == 3 and name == "Clinic" and depth:
            negation = self._chance.choice(("", "NOT "))
            return f"Id {negation}IN (SELECT ClinicId FROM Doctor WHERE {self.condition('Doctor', 0)})"
        return self._test(name)

    def _test(self, name: str) -> str:
        field = self._chance.choice(FIELDS[name])
        match self._chance.randrange(6):
            case 0:
                return f"{field} {self._chance.choice(('LIKE', '=', '!=', '<', '>='))} {self._text()}"
            case 1:
                return f"{field} {self._chance.choice(('IN', 'NOT IN'))} ({self._text()}, {self._text()})"
            case 2 if name == "Clinic":
                return f"Beds {self._chance.choice(('<', '=', '!='))} {self._chance.choice(NUMBERS)}"
            case 3 if name == "Clinic":
                return f"Opened {self._chance.choice(('<', '='))} {self._chance.choice((*DATES, 'LAST_N_DAYS:7'))}"
            case 4:
                return "OwnerId = @@USER_ID@@"
            case _:
                return f"{field} = {self._text()}"

    def _text(self) -> str:
        return "'" + self._chance.choice(TEXTS).replace("\\", "\\\\").replace("'", "\\'") + "'"


def holds_nothing_of(statement: Statement, names: frozenset[str]) -> None:
    """No literal that was written, and no name that is not the catalog's or one of ours."""
    assert re.search(r"zq|9876543|1917|PROGRAM", statement.text) is None, statement.text
    quoted = set(re.findall(r'"((?:[^"]|"")*)"', statement.text))
    assert quoted - names == set(), statement.text
    assert set(re.findall(r"'([^']*)'", statement.text)) <= {"", "\\"}, statement.text
    assert re.search(r";|--|/\*", statement.text) is None, statement.text


def test_no_literal_or_name_that_is_written_becomes_sql(lab: Lab) -> None:
    lab.person("sarah")
    sarah = lab.phone("sarah")
    catalog = lab.org.catalog
    names = frozenset(
        {n for o in catalog for n in (o.name, *o.columns, *o.fields)} | set(lab.org.metadata.tables) | {"C"}
    )

    async def ask(work: Work, caller: Caller, where: str) -> None:
        looked = await lab.org.scopes.look_up(work, caller, lab.clock)
        rules = (SyncRule(object="Clinic", where=where),)
        scope = lab.org.scopes.under(caller, looked, rules, lab.clock)
        for statement in (scope.rows_behind("Clinic"), scope.rows("Clinic"), scope.access("Clinic")):
            holds_nothing_of(statement, names)
        await work.rows(scope.rows_behind("Clinic"), after="")

    async def all_of_them() -> None:
        async with reading(lab.org, sarah.token) as (work, caller):
            for seed in range(GENERATED):
                await ask(work, caller, Grammar(seed).condition("Clinic"))

    lab.run(all_of_them())
    assert lab.query("SELECT to_regclass('\"Clinic\"') IS NOT NULL") == [(True,)]


REFUSED = {
    "parentheses": "(" * 10_000 + "City = 'a'" + ")" * 10_000,
    "ten megabytes": "City = '" + "x" * 10_000_000 + "'",
    "ten megabytes of operators": "NOT " * 2_500_000,
    "another statement": "City = 'a'; DELETE FROM Clinic",
    "a comment": "City = 'a' -- ",
    "a comment in the middle": "City /* */ = 'a'",
    "a union": "City = 'a' UNION SELECT Id FROM User",
    "a sub-select of what is not there": "Id IN (SELECT usename FROM pg_shadow)",
    "a system column": "_stamp > 0",
    "a table of the platform": "Id IN (SELECT user_id FROM _session)",
    "a quoted name": "\"City\" = 'a'",
    "a function of PostgreSQL": "pg_sleep(10) = 1",
    "an equals sign that is none": "City \uff1d 'a'",
    "an OR that is none": "City = 'a' \u041eR City = 'b'",
    "an AND of wide letters": "City = 'a' \uff21\uff2e\uff24 City = 'b'",
    "typographic quotes": "City = \u2018a\u2019",
    "a NUL": "City = 'a\0'",
    "half a letter": "City = '\ud800'",
    "a token nobody knows": "City = @@PASSWORD@@",
    "a token with an attack": "City = @@USER_ID'; --@@",
    "braces that never close": "City = {USER.ID",
    "an inner token": "Id IN (SHARED:Clinic:Id)",
    "no end of quotes": "'" * 31_000,
    "no end of binds": "City = " + ":" * 31_000,
    "four more levels": "Id IN (SELECT ClinicId FROM Doctor WHERE " * 6 + "Id != null" + ")" * 6,
    "wildcards": "Name LIKE '" + "%a" * 300 + "'",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused_at_once_with_a_sentence(name: str) -> None:
    spent: list[float] = []
    faults: tuple[Fault, ...] = ()
    for _ in range(2):  # what the collector of garbage takes in between is not meant
        began = time.process_time()
        faults = check_rule(CATALOG, SyncRule(object="Clinic", where=REFUSED[name]))
        spent.append(time.process_time() - began)
    faults = tuple(fault for fault in faults if not fault.warning)
    assert faults, name
    assert faults[0].sentence.endswith(".")
    assert len(faults[0].sentence) < 500
    assert min(spent) < 0.05, spent


def test_every_token_is_bound_whatever_it_holds(lab: Lab) -> None:
    """A person whose name and territory are an attack."""
    hostile = 'o\'); DROP TABLE "Clinic"; --'
    (territory,) = lab.rows("Territory", {"Name": hostile})
    user = lab.person("sarah")
    lab.rows("User_Territory", {"UserId": user, "TerritoryId": territory, "Primary": True})
    (own,) = lab.rows("Clinic", {"Name": hostile, "City": hostile, "OwnerId": user})
    drop_rules(lab, "Clinic", "Doctor", "Note", "Clinic_Area")
    admin, sarah = lab.phone("admin"), lab.phone("sarah")
    made = rule(admin, object="Clinic", where="City = @@TERRITORY_NAME@@")
    saved(admin.outcome(made))
    assert set(downloaded(sarah.download(), "Clinic")) == {own}
    before = "City = @@TERRITORY_NAME@@"
    for token in TOKENS:
        after = f"City IN (@@{token}@@) OR City = 'x@@{token}@@' OR Name LIKE '%@@{token}@@'"
        saved(admin.outcome(update("Sync_Rule", made.id, Where_Clause=(before, after))))
        before = after
        assert set(downloaded(sarah.download(), "Clinic")) <= {own}


async def chooses(lab: Lab) -> bool:
    """Whether the rows of a condition are being counted."""
    busy = "FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT count(*)%%\"Clinic\"%%LIKE%%'"
    async with lab.org.pool.connection() as connection:
        return await (await connection.execute(f"SELECT 1 {busy} AND pid <> pg_backend_pid()")).fetchone() is not None


def test_a_condition_that_costs_too_much_is_stopped_and_told_and_others_go_on(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_rules(lab, "Clinic")
    admin, user = lab.phone("admin"), lab.person("sarah")
    lab.person("tom")
    sarah, tom = lab.phone("sarah"), lab.phone("tom", "iphone")
    (mine,) = lab.rows("Clinic", {"Name": "mine", "City": "Oslo", "OwnerId": user})
    made = rule(admin, object="Clinic", where="City = 'Oslo'", device="iPad")
    saved(admin.outcome(made))
    tom.download()
    assert set(downloaded(sarah.download(), "Clinic")) == {mine}
    lab.rows("Clinic", *({"Name": "a" * 240 + str(n), "OwnerId": user} for n in range(6_000)))
    worst = " OR ".join(f"Name LIKE '{'%a' * (LIKE_WILDCARDS_MAX - 1)}z{n}'" for n in range(300))
    saved(admin.outcome(update("Sync_Rule", made.id, Where_Clause=("City = 'Oslo'", worst))))

    place = (sarah.checkpoint, tom.checkpoint)

    async def both() -> tuple[bytes | BaseException, bytes | BaseException]:
        """His begins while PostgreSQL is busy with hers, and however slow the machine is, nobody stops his."""
        with monkeypatch.context() as short:
            short.setattr(limits, "CHOOSING_SECONDS_MAX", 1.5)
            hers = asyncio.create_task(read_download(lab, sarah.token, place[0]))
            while not hers.done() and not await chooses(lab):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        his = asyncio.create_task(read_download(lab, tom.token, place[1]))
        return await asyncio.gather(hers, his, return_exceptions=True)

    began = time.perf_counter()
    refused, quick = lab.run(both())
    assert isinstance(quick, bytes)
    assert isinstance(refused, Refused)
    assert (refused.problem.code, refused.problem.object) == (Code.SYNC_RULE, "Clinic")
    assert time.perf_counter() - began < 30
    saved(admin.outcome(update("Sync_Rule", made.id, Where_Clause=(worst, "Name = 'mine'"))))
    assert downloaded(sarah.download(), "Clinic") == {}, "the checkpoint it had is as good as before"
