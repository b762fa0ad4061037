"""A configuration saved through the pipeline: all or none, twice changes nothing, what nobody speaks of stays."""

from __future__ import annotations

from tests.server.lab import Lab

from fieldsync.schema.rules_import import Configuration, ReadRule, ReadSetting, read_own, write_own
from fieldsync.schema.rules_import.report import Place
from fieldsync.schema.rules_import.sync_setting import SettingGroup, SyncSetting
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.configuration.judge import There, Wish, judge
from fieldsync.server.configuration.keep import Kept, Saved, kept_in, rules_as_brought, save_all

RULES = (
    SyncRule(object="Shop", where="City = 'Bern'", profile="Rep", rows_max=5, order=2, exclude_fields=("Code",)),
    SyncRule(object="Shop", device="iPad", active=False, enhanced=False),
)
SETTINGS = (
    SyncSetting(setting="Days_Offline_Max", value="20", group=SettingGroup.MOBILE, unit="days"),
    SyncSetting(setting="Days_Offline_Max", value="30", profile="Rep"),
)


def kept(lab: Lab) -> Kept:
    return lab.run(kept_in(lab.org))


def bring(lab: Lab, read: Configuration) -> Saved:
    judged = judge(read, There(lab.org.catalog, kept(lab).profiles), Wish())
    assert not judged.refused, judged.findings
    return lab.run(save_all(lab.org, judged, lambda _: None))


def own() -> Configuration:
    return read_own(write_own(RULES, SETTINGS), "rules.json")


def test_what_is_carried_in_comes_out_the_same_and_twice_changes_nothing(lab: Lab) -> None:
    before = kept(lab)
    assert bring(lab, own()).counts == {"created": 4}
    there = kept(lab)
    assert {*RULES} == {*there.sync_rules().values()} - {*before.sync_rules().values()}
    assert {*SETTINGS} == {*there.sync_settings().values()} - {*before.sync_settings().values()}
    everything = read_own(write_own(there.sync_rules().values(), there.sync_settings().values()), "all.json")
    assert bring(lab, everything).counts == {"unchanged": len(there.rules) + len(there.settings)}
    assert kept(lab) == there


def test_a_source_changes_only_what_it_speaks_of(lab: Lab) -> None:
    bring(lab, own())
    rule = SyncRule(object="Shop", where="City = 'Basel'", profile="Rep")
    read = ReadRule(rule, Place("vmoc.csv", "line 2"), {"object": "Object", "where": "Where Clause"})
    foreseen = dict(rules_as_brought(kept(lab), [read]))
    assert bring(lab, Configuration((read,), (), ())).counts == {"updated": 1}
    assert {rule_id: kept(lab).sync_rules()[rule_id] for rule_id in foreseen if rule_id} == foreseen
    now = next(one for one in kept(lab).sync_rules().values() if one.key == rule.key)
    assert (now.where, now.rows_max, now.exclude_fields) == ("City = 'Basel'", 5, ("Code",))


def test_a_setting_is_changed_where_it_is(lab: Lab) -> None:
    bring(lab, own())
    setting = ReadSetting(SyncSetting(setting="Days_Offline_Max", value="25", profile="Rep"), Place("f", "S"))
    assert bring(lab, Configuration((), (setting,), ())).counts == {"updated": 1}
    values = {one.profile: one.value for one in kept(lab).sync_settings().values() if one.setting == "Days_Offline_Max"}
    assert values == {None: "20", "Rep": "25"}


def test_when_one_is_refused_none_is_saved(lab: Lab) -> None:
    """What the judge cannot know, the save says: here a value that is too long."""
    before = kept(lab)
    long = ReadSetting(SyncSetting(setting="Of_A_Customer", value="x" * 256), Place("rules.json", "setting 1"))
    rules = tuple(ReadRule(rule, Place("rules.json", "rule")) for rule in RULES)
    saved = bring(lab, Configuration(rules, (long,), ()))
    assert [one.source for one in saved.refused] == ["setting 1 in rules.json"]
    assert kept(lab) == before
