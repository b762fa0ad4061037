"""What of a configuration fits an org: profiles, objects, tokens, dates, and what stands there twice."""

from __future__ import annotations

import pytest

from fieldsync.base.ids import RecordId
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.schema.rules_import import Configuration, Level, ReadRule, ReadSetting, of_level
from fieldsync.schema.rules_import.report import Place
from fieldsync.schema.rules_import.sync_setting import SyncSetting
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.configuration.judge import Judged, There, Wish, judge

HERE = RecordId("00e4100000Ab2CdAAJ")
ELSEWHERE = "00e000000000001AAA"
THERE = There(build(load_packs()), {HERE: "Field_Representative"})
PLAIN = Wish()
NAMES = {"object": "SObject", "where": "WhereSoql", "profile_id": "Profile"}


def judged(*rules: SyncRule, names: dict[str, str] = NAMES, wish: Wish = PLAIN) -> Judged:
    read = tuple(ReadRule(rule, Place("f.json", f"R{number}"), names) for number, rule in enumerate(rules, 1))
    return judge(Configuration(read, (), ()), THERE, wish)


def told(found: Judged, level: Level) -> list[tuple[str, str, int | None, int | None]]:
    return [(one.field, one.sentence, one.line, one.column) for one in of_level(found.findings, level)]


def test_the_same_profile_by_id_or_by_name_is_the_same_rule() -> None:
    by_id, by_name = SyncRule(object="Call", profile_id=HERE), SyncRule(object="Call", profile="Field_Representative")
    found = judged(by_id, by_name)
    assert {one.rule.profile for one in found.rules} == {"Field_Representative"}
    sentence = "what is for Call, all, Field_Representative stands in R1 in f.json already"
    assert told(found, Level.ERROR) == [("SObject", sentence, None, None)]


@pytest.mark.parametrize(
    ("profile_id", "name", "wish", "level", "kept"),
    [
        (ELSEWHERE, None, Wish(), Level.ERROR, None),
        (ELSEWHERE, "Nobody", Wish(), Level.ERROR, None),
        (HERE, "Nobody", Wish(), Level.ERROR, None),
        (ELSEWHERE, "Field_Representative", Wish(), Level.WARNING, "Field_Representative"),
        (ELSEWHERE, None, Wish(profiles={ELSEWHERE: "Integration"}), None, "Integration"),
        (None, "MSL", Wish(profiles={"MSL": "Integration"}), None, "Integration"),
        (None, "MSL", Wish(), Level.ERROR, None),
    ],
)
def test_a_profile_of_another_org_never_selects_nothing_in_silence(
    profile_id: str | None, name: str | None, wish: Wish, level: Level | None, kept: str | None
) -> None:
    found = judged(SyncRule(object="Call", where="Id != null", profile_id=profile_id, profile=name), wish=wish)
    assert [one.level for one in found.findings] == ([] if level is None else [level])
    assert [one.rule.profile for one in found.rules] == ([] if kept is None else [kept])


def test_an_id_of_15_characters_is_the_same_profile() -> None:
    found = judged(SyncRule(object="Call", where="Id != null", profile_id=HERE[:15]))
    assert [(one.rule.profile_id, one.rule.profile) for one in found.rules] == [(HERE, "Field_Representative")]


@pytest.mark.parametrize(
    ("rule", "field", "sentence"),
    [
        (SyncRule(object="Planet"), "SObject", "there is no object Planet here"),
        (SyncRule(object="Call", where="Id IN (SELECT Id FROM Moon)"), "WhereSoql", "there is no object Moon here"),
    ],
)
def test_objects_the_org_lacks_refuse_or_leave_out_as_asked(rule: SyncRule, field: str, sentence: str) -> None:
    at = (None, None) if field == "SObject" else (1, 8)
    assert told(judged(rule), Level.ERROR) == [(field, sentence, *at)]
    found = judged(rule, wish=Wish(only_known=True))
    assert (found.refused, found.rules) == (False, ())
    assert told(found, Level.UNSUPPORTED) == [(field, sentence, *at)]


def test_a_strange_token_leaves_a_rule_of_another_system_out_and_refuses_one_of_ours() -> None:
    rule = SyncRule(object="Call", where="Id != null AND (Name LIKE '%{MOON.PHASE}%'\n OR OwnerId = @@NOPE@@)")
    places = [("the token MOON_PHASE has no meaning here", 1, 27), ("the token NOPE has no meaning here", 2, 15)]
    assert [one[1:] for one in told(judged(rule), Level.UNSUPPORTED)] == places
    assert [one[1:] for one in told(judged(rule, names={}), Level.ERROR)] == places


def test_a_condition_that_does_not_fit_is_told_with_its_place() -> None:
    found = judged(SyncRule(object="Call", where="OwnerId = '{USER.ID}'\nAND Nothing__c = 1"))
    assert [(one[0], *one[2:]) for one in told(found, Level.ERROR)] == [("WhereSoql", 2, 5)]


def test_a_delta_date_is_a_date_and_time() -> None:
    found = judged(SyncRule(object="Call", where="Id != null", delta_date_field="Name"), names={})
    assert told(found, Level.ERROR) == [("delta_date_field", "Call.Name is no date and time", None, None)]
    found = judged(SyncRule(object="Call", where="Id != null", delta_date_field="LastModifiedDate"), names={})
    [(attribute, sentence, *_)] = told(found, Level.WARNING)
    assert (attribute, "nothing goes by it" in sentence, told(found, Level.ERROR)) == ("delta_date_field", True, [])


def test_settings_name_a_profile_of_the_org_and_keep_their_bounds() -> None:
    settings = [
        SyncSetting(setting="Days_Offline_Max", value="20", profile="Field_Representative"),
        SyncSetting(setting="Days_Offline_Max", value="20", profile="Nobody"),
        SyncSetting(setting="Days_Offline_Max", value="many"),
        SyncSetting(setting="Of_A_Customer", value="anything"),
    ]
    read = tuple(ReadSetting(one, Place("f.json", f"S{number}")) for number, one in enumerate(settings, 1))
    found = judge(Configuration((), read, ()), THERE, Wish())
    assert [one.place.record for one in found.settings] == ["S1", "S4"]
    assert [(one.record, one.field) for one in found.findings] == [("S2", "profile"), ("S3", "Days_Offline_Max")]
