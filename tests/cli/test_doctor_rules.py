"""`fieldsync doctor` names sync rules that fit no more, bring nothing of what is needed, or bring everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update
from tests.server.lab import START, prepare_org

from fieldsync.base import limits
from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.cli.doctor import sync_rules
from fieldsync.schema.sync_rule import RuleType, SyncRule, record_of
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows

if TYPE_CHECKING:
    from tests.conftest import Databases

RULES = (
    SyncRule(object="Shop", device="iPhone", where="Town = 'Leeds'"),
    SyncRule(object="Visit", device="iPad", where="ShopId IN {SHOP.IDS}"),
    SyncRule(object="Shop", device="iPad", where="Id IN {SHOP.IDS}"),
    SyncRule(object="Gone", type=RuleType.FULL),
)


def test_what_is_wrong_with_sync_rules_is_named(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    database = databases.create(databases.template("small", prepare_org))
    with seeding_org(databases.uri(database), "small", World(ManualClock(START), SeededChance(9))) as seeding:
        questions = (sync_rules.unfit, sync_rules.uncomposed, sync_rules.missing, sync_rules.unbounded)
        assert [list(ask(seeding)) for ask in questions] == [[], [], [], []]

        table = seeding.metadata.tables["Sync_Rule"]
        seeding.connection.execute(update(table).where(table.c.Object_Name == "User").values(Active=False))
        insert_rows(seeding, "Sync_Rule", [record_of(rule) for rule in RULES])
        insert_rows(seeding, "Shop", [{"Name": f"S{number}"} for number in range(3)])
        monkeypatch.setattr(limits, "UNFILTERED_ROWS_MAX", 2)
        unfit, uncomposed, missing, unbounded = (list(ask(seeding)) for ask in questions)
    assert [sentence.partition(", ")[2] for sentence in unfit] == [
        "Shop: Shop has no field Town.",
        "Gone: There is no object Gone.",
        "Shop: The rules lead in a circle: Shop > Shop.",
    ]
    assert any(sentence.startswith("Rep on iPad: Shop, ") for sentence in uncomposed)
    assert not any("any other device" in sentence for sentence in uncomposed)
    assert missing == ["User: no rule that is switched on brings its rows"]
    assert "Shop: 3 rows go to every device its rule is for" in unbounded
