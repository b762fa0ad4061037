"""Our own JSON of rules and settings: one order, one form, strict."""

from __future__ import annotations

import random

import pytest

from fieldsync.base.problems import Refused
from fieldsync.schema.rules_import import Level, of_level, read_own, write_own
from fieldsync.schema.rules_import.sync_setting import SettingGroup, SyncSetting
from fieldsync.schema.sync_rule import RuleType, SyncRule

RULES = (
    SyncRule(object="Account", where="Name != 'ß'", profile="Rep", include_fields=("Id", "Name"), rows_max=5),
    SyncRule(object="Account", device="iPad", active=False, enhanced=False),
    SyncRule(object="Call", type=RuleType.RELATED, parent_object="Account", relationship_field="AccountId"),
)
SETTINGS = (SyncSetting(setting="Days_Offline_Max", value="20", group=SettingGroup.MOBILE), SyncSetting(setting="Own"))


def test_what_was_written_is_read_again_and_the_order_does_not_matter() -> None:
    written = write_own(RULES, SETTINGS)
    shuffled = random.Random(4).sample(RULES, len(RULES))
    assert write_own(shuffled, SETTINGS[::-1]) == written
    found = read_own(written, "rules.json")
    assert {one.rule for one in found.rules} == set(RULES)
    assert {one.setting for one in found.settings} == set(SETTINGS)
    assert found.findings == ()


def test_a_rule_of_the_wrong_shape_is_an_error_with_its_number() -> None:
    data = b'{"format": "fieldsync sync configuration", "version": 1, "rules": [{"object": "A", "colour": 1}, {}]}'
    errors = of_level(read_own(data, "rules.json").findings, Level.ERROR)
    assert [one.record for one in errors] == ["rule 1", "rule 2"]
    assert "colour" in errors[0].sentence


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{}", "it does not say that its format is"),
        (b'{"format": "fieldsync sync configuration", "version": 2}', "its version is not 1"),
        (b'{"format": "fieldsync sync configuration", "version": 1, "rules": {}}', "rules is no list"),
        (b'{"format": "fieldsync sync configuration", "version": 1, "more": 1}', "the unknown key more"),
    ],
)
def test_another_file_is_refused_whole(data: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        read_own(data, "rules.json")
    assert reason in refused.value.problem.message
