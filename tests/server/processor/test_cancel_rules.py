"""What was deleted elsewhere, cancelled by rules that are off by default (FEATURES G24, J08)."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab, Phone, create, delete, update
from tests.server.processor.test_acts import statuses

from fieldsync.base.problems import Code
from fieldsync.protocol.upload import Canceled, Item, Rejected, Saved

DELETES, UPDATES = "Cancel_Deletes_Of_Deleted", "Cancel_Updates_Of_Missing"


def gone(lab: Lab) -> str:
    """A shop that Sarah's device had and Grace deleted."""
    [shop] = lab.rows("Shop", {"Name": "Corner"})
    lab.person("grace")
    [(stamp,)] = lab.query('SELECT _stamp FROM "Shop"')
    assert lab.phone("grace").outcome(delete("Shop", shop, stamp)) == Saved()
    return shop


def act_on(shop: str, rule: str) -> Item:
    return delete("Shop", shop) if rule == DELETES else update("Shop", shop, City=(None, "York"))  # type: ignore[arg-type]


@pytest.mark.parametrize("on", [DELETES, UPDATES, None])
@pytest.mark.parametrize("rule", [DELETES, UPDATES])
def test_each_rule_cancels_its_own_and_only_when_it_is_on(lab: Lab, sarah: Phone, rule: str, on: str | None) -> None:
    shop = gone(lab)
    if on is not None:
        lab.rows("Sync_Setting", {"Name": on, "Setting": on, "Value": "true"})
    outcome = sarah.outcome(act_on(shop, rule))
    if on == rule:
        assert isinstance(outcome, Canceled)
        assert statuses(lab) == {1: "Canceled"}
        [(comments,)] = lab.query("""SELECT "Comments" FROM "Sync_Transaction" WHERE "Status" = 'Canceled'""")
        assert comments == f"the rule {rule}: {outcome.reason}"
        assert lab.query('SELECT count(*) FROM "_blocked"') == [(0,)]
    elif rule == DELETES:
        assert outcome == Saved()
    else:
        assert isinstance(outcome, Rejected)
        assert outcome.problems[0].code in (Code.ENTITY_DELETED, Code.NOT_FOUND)


def test_the_next_change_of_it_does_not_wait_for_a_canceled_one(lab: Lab, sarah: Phone) -> None:
    shop = gone(lab)
    lab.rows("Sync_Setting", {"Name": UPDATES, "Setting": UPDATES, "Value": "true"})
    first = sarah.save(act_on(shop, UPDATES))
    second = sarah.save(update("Shop", shop, after=1, City=("York", "Hull")))  # type: ignore[arg-type]
    outcomes = [result.outcome for result in sarah.upload(first, second).results]
    assert [type(outcome) for outcome in outcomes] == [Canceled, Canceled]


def test_a_save_that_does_more_than_that_is_not_canceled(lab: Lab, sarah: Phone) -> None:
    shop, other = gone(lab), sarah.new_id("Visit")
    for rule in (DELETES, UPDATES):
        lab.rows("Sync_Setting", {"Name": rule, "Setting": rule, "Value": "true"})
    assert isinstance(sarah.outcome(act_on(shop, UPDATES), create("Visit", other)), Rejected)


def test_a_profile_may_have_it_otherwise(lab: Lab, sarah: Phone) -> None:
    shop = gone(lab)
    [(profile,)] = lab.query("""SELECT "Id" FROM "Profile" WHERE "Name" = 'Rep'""")
    lab.rows("Sync_Setting", {"Name": "p", "Setting": UPDATES, "Value": "false", "ProfileId": profile})
    lab.rows("Sync_Setting", {"Name": "o", "Setting": UPDATES, "Value": "true"})
    assert isinstance(sarah.outcome(act_on(shop, UPDATES)), Rejected)
