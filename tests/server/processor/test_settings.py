"""Settings of the processor, for the org or a profile: each is read when a transaction is processed (J05, J07, J23)."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from tests.server.lab import Lab, Phone, create, update
from tests.server.processor.test_acts import code_taken, statuses
from tests.server.processor.test_schedule import activated, run_at

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Rejected, Saved
from fieldsync.schema.rules_import.sync_setting import SETTINGS, SettingGroup, backdate_kind
from fieldsync.server.oversight.settings import ORG, PRODUCT, InForce, KeptSetting, fault_of, in_force
from fieldsync.server.postgres.work import Work
from fieldsync.server.processor.jobs import process


def setting(lab: Lab, name: str, value: str, profile: str | None = None) -> None:
    found = dict(lab.query('SELECT "Name", "Id" FROM "Profile"'))
    kept = {"Name": name, "Setting": name, "Value": value, "ProfileId": profile and found[profile]}
    lab.rows("Sync_Setting", kept)


class Counting:
    """How many statements go to the database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: Counter[str] = Counter()
        for name in ("rows", "one", "run"):
            monkeypatch.setattr(Work, name, self._counted(name, getattr(Work, name)))

    def _counted(self, name: str, method: object) -> object:
        def counted(work: Work, *args: object, **params: object) -> object:
            self.counts[name] += 1
            return method(work, *args, **params)  # type: ignore[operator]

        return counted

    def of(self, lab: Lab, phone: Phone, size: int) -> int:
        """How many it takes to save so many new shops and visits there, each a transaction."""
        shops = [phone.new_id("Shop") for _ in range(size)]
        batch = [phone.save(create("Shop", shop, Name="s")) for shop in shops]
        batch += [phone.save(create("Visit", phone.new_id("Visit"), ShopId=shop)) for shop in shops]
        self.counts.clear()
        assert {result.outcome for result in phone.upload(*batch).results} == {Saved()}
        return self.counts.total()


def test_what_belongs_together_is_processed_together_however_much_it_is(
    lab: Lab, sarah: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting(monkeypatch)
    few, many = counting.of(lab, sarah, 2), counting.of(lab, sarah, 60)
    assert many == few
    setting(lab, "Group_Items", "false")
    assert counting.of(lab, sarah, 60) > 20 * few


def test_a_profiles_own_value_counts_before_the_orgs(lab: Lab, sarah: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    few = counting.of(lab, sarah, 2)
    setting(lab, "Group_Items", "false")
    setting(lab, "Group_Items", "true", "Rep")
    assert counting.of(lab, sarah, 60) == few


def test_never_across_dependencies(lab: Lab, sarah: Phone) -> None:
    shop = sarah.new_id("Shop")
    batch = [sarah.save(create("Shop", shop, Name="a", City="x"))]
    cities = ["x", "y", "z", "x"]
    for n, (old, new) in enumerate(itertools.pairwise(cities), 1):
        batch.append(sarah.save(update("Shop", shop, City=(old, new), after=n)))
    assert {result.outcome for result in sarah.upload(*batch).results} == {Saved()}
    assert lab.query('SELECT "City" FROM "Shop"') == [("x",)]
    cities_written = lab.query("""SELECT old ->> 'City' FROM _change WHERE object = 'Shop' ORDER BY seq""")
    assert cities_written == [(None,), ("x",), ("y",), ("z",)]


@pytest.mark.parametrize(("org", "profile", "times"), [(None, None, 3), ("1", None, 1), ("1", "2", 2), ("x", None, 3)])
def test_a_failed_one_is_retried_as_often_as_the_profile_or_the_org_says(
    lab: Lab, sarah: Phone, org: str | None, profile: str | None, times: int
) -> None:
    assert limits.PROCESSOR_RETRIES_MAX == 3
    if org:
        setting(lab, "Processor_Retries_Max", org)
    if profile:
        setting(lab, "Processor_Retries_Max", profile, "Rep")
    activated(lab)
    code_taken(lab, sarah)
    for _ in range(times):
        assert run_at(lab) == 1
        lab.run(process(lab.org, sarah.number))
    assert run_at(lab) == 0
    assert statuses(lab) == {1: "Failed", 2: "Waiting"}


def test_steps_are_noted_for_a_profile_and_not_for_others(lab: Lab, sarah: Phone) -> None:
    lab.person("ann", "System_Administrator")
    setting(lab, "Step_Log", "true", "System_Administrator")
    assert sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x")) == Saved()
    assert lab.query("""SELECT count(*) FROM "Sync_Transaction_Log" """) == [(0,)]
    ann = lab.phone("ann")
    assert ann.outcome(create("Shop", ann.new_id("Shop"), Name="x")) == Saved()
    [(steps, kinds)] = lab.query("""SELECT count(*), array_agg(DISTINCT "Type") FROM "Sync_Transaction_Log" """)
    assert (steps, kinds) == (6, ["Debug"])


def test_a_refused_one_has_its_steps_too(lab: Lab, sarah: Phone) -> None:
    setting(lab, "Step_Log", "true")
    lab.rows("Shop", {"Name": "Corner", "Code": "A1"})
    assert isinstance(sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x", Code="A1")), Rejected)
    found = lab.query(
        """SELECT "Location", "Message" FROM "Sync_Transaction_Log" WHERE "Type" = 'Debug' ORDER BY "Id" """
    )
    told = [step for step, message in found if "Rejected" in message]
    assert told == ["rules", "write", "outcome"], "from the step on that refused it"


def test_every_setting_of_the_processor_is_read_somewhere() -> None:
    read = {
        "Deferred_Processing",  # test_deferred.py
        "Group_Items",
        "Cancel_Deletes_Of_Deleted",  # test_cancel_rules.py
        "Cancel_Updates_Of_Missing",  # test_cancel_rules.py
        "Retry_Locked",  # test_locked.py
        "Step_Log",
        "Processor_Retries_Max",
        "Recovery_Window_Minutes",  # scenarios/test_restored_server.py
        "Device_Log_Days",  # server/sync/test_tracking.py
    }
    assert {name for name, kind in SETTINGS.items() if kind.group is SettingGroup.PROCESSOR} == read


def test_where_the_value_comes_from_that_counts_for_somebody() -> None:
    kind = SETTINGS["Poll_Seconds"]

    def kept(value: str, profile: str = "", setting: str = "Poll_Seconds") -> KeptSetting:
        return KeptSetting(RecordId("0Ss"), 1, setting, value, profile)

    org, rep = kept("20"), kept("10", "Rep")
    cases = [
        ((), InForce("30", PRODUCT)),
        ((org,), InForce("20", ORG)),
        ((org, rep), InForce("10", "profile Rep")),
        ((rep,), InForce("10", "profile Rep")),
        ((org, kept("", "Rep")), InForce("20", ORG)),
        ((kept("10", "Manager"),), InForce("30", PRODUCT)),
        ((kept("99", "Rep", "Feed_Days"),), InForce("30", PRODUCT)),
    ]
    for values, expected in cases:
        assert in_force("Poll_Seconds", kind, values, "Rep") == expected
    days = backdate_kind("Call", None)
    assert in_force("Call_Backdate_Days", days, (kept("3", "Rep", "Call_Backdate_Days"),), "Rep").source == PRODUCT
    assert fault_of(days, "3", "Rep") is not None
    assert fault_of(days, "3", "") is None
    assert fault_of(SETTINGS["Metadata_Api_Guard"], "maybe", "") == "maybe is neither warn nor refuse"
