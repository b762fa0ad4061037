"""The admin's interface over real HTTP: transactions found, acted on and tried (FEATURES J09 to J18, J24)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
from tests.server.http.running import running_server
from tests.server.http.test_edge import bearer, code_of
from tests.server.lab import PASSWORD, START, Lab, Phone, create, update
from tests.server.processor.test_acts import code_taken, journaled, statuses, told

from fieldsync.protocol.upload import Accepted, Rejected, Saved

ROOT = "/admin/v1"


class Admin:
    """An admin's program."""

    def __init__(self, http: httpx.Client, username: str = "admin@small.example") -> None:
        self.http = http
        credentials = {"org": "small", "username": username, "password": PASSWORD}
        token = http.post(f"{ROOT}/session", json=credentials).raise_for_status().json()["access_token"]
        self.token = {"authorization": f"Bearer {token}"}

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(f"{ROOT}/{path}", params=query, headers=self.token)

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.http.post(f"{ROOT}/{path}", json=body, headers=self.token)

    def found(self, **query: Any) -> list[str]:
        """Names of the transactions that devices sent, the oldest first."""
        lines = self.get("transactions", **query).raise_for_status().json()["transactions"]
        return [line["name"] for line in reversed(lines) if line["user"] in ("sarah", "tom")]

    def whole(self, record_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.get(f"transactions/{record_id}").raise_for_status().json()
        return answer

    def act(self, record_id: str, act: str, **more: Any) -> httpx.Response:
        return self.post(f"transactions/{record_id}/act", act=act, **more)


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    lab.clock.jump((datetime.now(UTC) - START).total_seconds())  # the server lives in real time
    lab.person("sarah")
    lab.person("tom")
    with running_server(lab.uri) as (address, _), httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.fixture
def admin(http: httpx.Client) -> Admin:
    return Admin(http)


@pytest.fixture
def sarah(lab: Lab, http: httpx.Client) -> Phone:
    phone = lab.phone("sarah")
    phone.download()
    return phone


def row(lab: Lab, n: int) -> str:
    return journaled(lab)[n][0]


def test_who_is_no_admin_gets_no_token_and_nothing_with_another_one(http: httpx.Client) -> None:
    for username, password in (("sarah@small.example", PASSWORD), ("admin@small.example", "wrong" * 4)):
        refused = http.post(f"{ROOT}/session", json={"org": "small", "username": username, "password": password})
        assert (refused.status_code, code_of(refused)) == (401, "AUTH")
    seen = http.get(f"{ROOT}/transactions", headers=bearer(http))
    assert (seen.status_code, code_of(seen)) == (403, "FORBIDDEN")
    assert http.get(f"{ROOT}/transactions").status_code == 401


def test_transactions_are_found_by_list_status_person_name_record_object_and_period(
    lab: Lab, admin: Admin, sarah: Phone
) -> None:
    _, shop = code_taken(lab, sarah)
    tom = lab.phone("tom")
    other = tom.new_id("Shop")
    assert tom.outcome(create("Shop", other, Name="t")) == Saved()
    first, second, third = admin.found()
    assert admin.found(status="Failed") == [first]
    assert admin.found(view="Open") == [first]
    assert admin.found(view="Waiting") == [second]
    assert admin.found(view="All") == [first, second, third]
    assert admin.found(user="SAR") == [first, second]
    assert admin.found(user="%") == [], "what is asked for is taken literally"
    assert admin.found(name=third) == admin.found(name=third.removeprefix("T-").lstrip("0")) == [third]
    assert admin.found(name="Nobody") == []
    assert admin.found(record=shop) == [first]
    assert admin.found(record=other) == [third]
    assert admin.found(object_name="Visit") == [second]
    then, soon = (lab.clock.now() + timedelta(seconds=seconds) for seconds in (-1, 1))
    assert admin.found(since=then.isoformat(), until=soon.isoformat()) == [first, second, third]
    assert admin.found(until=then.isoformat()) == []
    assert admin.found(since=soon.astimezone(timezone(timedelta(hours=9))).isoformat()) == []
    assert admin.found(user="sarah", status="Waiting", view="Waiting") == [second]


def test_the_next_page_begins_behind_the_last_line(lab: Lab, admin: Admin, sarah: Phone) -> None:
    for number in range(60):
        assert sarah.outcome(create("Shop", sarah.new_id("Shop"), Name=str(number))) == Saved()
    for query in ({}, {"user": "sar"}, {"status": "Success", "view": "All"}):
        first = admin.get("transactions", **query).json()
        assert len(first["transactions"]) == 50
        rest = admin.get("transactions", before=first["next"], **query).json()
        assert rest["next"] is None
        names = [line["name"] for line in first["transactions"] + rest["transactions"] if line["user"] == "sarah"]
        assert len(set(names)) == len(names) == 60
        assert names == sorted(names, reverse=True)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"view": "Nothing"}, 404),
        ({"since": "2026-03-02T08:00:00"}, 400),
        ({"since": "soon"}, 400),
        ({"first": "x"}, 400),
        ({"first": str(10**30)}, 400),
        ({"user": "a\0b"}, 400),
        ({"record": "x" * 5_000}, 200),
        ({"first": "-3"}, 200),
    ],
)
def test_what_cannot_be_asked_for_is_told(admin: Admin, query: dict[str, str], status: int) -> None:
    assert admin.get("transactions", **query).status_code == status


def test_a_refusal_names_object_field_and_value_and_a_saved_record_its_result(
    lab: Lab, admin: Admin, sarah: Phone
) -> None:
    shop, made = sarah.new_id("Shop"), sarah.new_id("Shop")
    assert isinstance(sarah.outcome(create("Shop", shop, Name="x", Stage="Nowhere")), Rejected)
    assert sarah.outcome(create("Shop", made, Name="y")) == Saved()
    refused = admin.whole(row(lab, 1))
    [reason] = refused["logs"]
    named = (reason["code"], reason["object"], reason["record"], reason["field"], reason["value"])
    assert named == ("PICKLIST", "Shop", shop, "Stage", "Nowhere")
    assert '"code":"PICKLIST"' in reason["raw"]
    assert [record["result"] for record in refused["records"]] == [None]
    assert refused["transaction"]["attempts"] == 1
    assert refused["acts"] == ["retry", "edit and retry", "ignore", "mark as done by hand", "cancel", "clear"]
    assert [record["result"] for record in admin.whole(row(lab, 2))["records"]] == [made]


def test_what_is_decided_cannot_be_decided_again(lab: Lab, admin: Admin, sarah: Phone) -> None:
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x"))
    assert admin.whole(row(lab, 1))["acts"] == []
    for act in ("retry", "ignore", "mark as done by hand", "edit and retry", "clear"):
        refused = admin.act(row(lab, 1), act)
        assert (refused.status_code, code_of(refused)) == (409, "DECIDED")
    for act in ("start", "succeed", "take back", "nothing"):
        assert admin.act(row(lab, 1), act).status_code == 400, "an admin has no such act"
    assert statuses(lab) == {1: "Success"}


def test_a_dependent_goes_with_its_parent_and_is_saved_once_the_parent_is_there(
    lab: Lab, admin: Admin, sarah: Phone
) -> None:
    _, shop = code_taken(lab, sarah)
    assert admin.act(row(lab, 1), "cancel").status_code == 400, "with a reason"
    assert admin.act(row(lab, 1), "cancel", reason="twice").json() == {"status": "Canceled"}
    child = admin.whole(row(lab, 2))
    assert (child["transaction"]["status"], child["transaction"]["can_be_retried"]) == ("Canceled", True)
    assert child["acts"] == ["retry"]
    tried = admin.post(f"transactions/{row(lab, 2)}/act", act="retry").json()
    assert tried == {"status": "Failed"}, "the parent is not there yet"
    assert sarah.outcome(create("Shop", shop, Name="New", Code="D4")) == Saved()
    assert admin.act(row(lab, 2), "retry").json() == {"status": "Success"}


def test_a_failed_parent_is_corrected_and_its_child_follows(lab: Lab, admin: Admin, sarah: Phone) -> None:
    _, shop = code_taken(lab, sarah)
    wrong = admin.post(f"transactions/{row(lab, 1)}/simulate").json()
    assert (wrong["outcome"], [p["code"] for p in wrong["problems"]]) == ("Rejected", ["DUPLICATE"])
    assert [one["outcome"] for one in admin.post("transactions/simulate").json()] == ["Rejected", "Held"]
    correction = {"record_id": shop, "field": "Code", "value": "B2"}
    done = admin.act(row(lab, 1), "edit and retry", corrections=[correction], reason="a typo")
    assert done.json() == {"status": "Success"}
    assert statuses(lab) == {1: "Success", 2: "Success"}
    history = [line for line in admin.whole(row(lab, 1))["logs"] if line["type"] == "Info"]
    assert history[0]["message"] == "Admin: a typo"
    assert history[1]["details"] == {"before": "A1", "after": "B2"}
    assert {n: result.outcome for n, result in told(sarah).items()} == {1: Saved(), 2: Saved()}


def test_a_comment_is_kept_with_who_said_it_whatever_the_status(lab: Lab, admin: Admin, sarah: Phone) -> None:
    code_taken(lab, sarah)
    assert admin.post(f"transactions/{row(lab, 1)}/comment", text="asked Sarah").status_code == 200
    assert admin.act(row(lab, 1), "ignore", reason="twice").status_code == 200
    said = admin.post(f"transactions/{row(lab, 1)}/comment", text="she agreed").json()
    assert said["transaction"]["comments"].split("\n") == ["Admin: asked Sarah", "Admin: twice", "Admin: she agreed"]
    assert [line["code"] for line in said["logs"] if line["type"] == "Info"] == ["comment", "ignore", "comment"]
    for text in (" ", "x" * 1_001, "a\0b"):
        assert admin.post(f"transactions/{row(lab, 1)}/comment", text=text).status_code == 400
    assert admin.post("transactions/0ST000000000000AAA/comment", text="x").status_code == 404


def test_what_runs_again_runs_with_the_rights_of_its_person_or_with_the_admins(
    lab: Lab, admin: Admin, sarah: Phone
) -> None:
    secret = sarah.new_id("Secret")
    refused = sarah.outcome(create("Secret", secret, Name="x"))
    assert isinstance(refused, Rejected)
    assert [p.code.value for p in refused.problems] == ["PERMISSION"]
    assert admin.act(row(lab, 1), "retry").json() == {"status": "Failed"}, "as its person, by default"
    assert admin.act(row(lab, 1), "retry", as_owner=False).json() == {"status": "Success"}
    user = sarah.session.user.id
    assert lab.query('SELECT "CreatedById", "OwnerId" FROM "Secret"') == [(user, user)], "it stays her record"
    assert secret not in str(sarah.feed().rows), "and shows her nothing that she may not see"


def test_steps_are_noted_where_a_setting_or_an_admin_asks_for_them(lab: Lab, admin: Admin, sarah: Phone) -> None:
    code_taken(lab, sarah)
    assert admin.whole(row(lab, 1))["transaction"]["step_log"] == "Off"
    assert [line["type"] for line in admin.whole(row(lab, 1))["logs"]] == ["Error"]
    admin.act(row(lab, 1), "retry", step_log=True)
    noted = admin.whole(row(lab, 1))
    assert noted["transaction"]["step_log"] == "On"
    steps = [line["location"] for line in noted["logs"] if line["type"] == "Debug"]
    assert steps == ["lock and look up", "access", "conflicts", "rules", "write", "outcome"]
    lab.rows("Sync_Setting", {"Name": "s", "Setting": "Step_Log", "Value": "true"})
    shop = sarah.new_id("Shop")
    batch = [sarah.save(create("Shop", shop, Name="a")), sarah.save(create("Shop", sarah.new_id("Shop"), Name="b"))]
    assert {result.outcome for result in sarah.upload(*batch).results} == {Saved()}
    for n in (3, 4):
        found = admin.whole(row(lab, n))
        assert [line["location"] for line in found["logs"]] == steps, "each has its own"
        assert "Saved" in found["logs"][-1]["message"]


def test_what_comes_of_it_later_is_told_apart_from_having_taken_it(lab: Lab, admin: Admin, sarah: Phone) -> None:
    lab.rows("Sync_Setting", {"Name": "d", "Setting": "Deferred_Processing", "Value": "true"})
    lab.rows("Shop", {"Name": "Corner", "Code": "A1"})
    assert sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x", Code="A1")) == Accepted(1, 1)
    found = sarah.feed().results
    for _ in range(1_000):
        if found:
            break
        time.sleep(0.05)
        found = sarah.feed().results
    [result] = found
    assert isinstance(result.outcome, Rejected)
    assert admin.whole(row(lab, 1))["transaction"]["status"] == "Failed"


def test_two_records_are_previewed_and_merged_by_an_admin(lab: Lab, admin: Admin, sarah: Phone) -> None:
    [loser, winner] = lab.rows("Shop", {"Name": "Old", "City": "York"}, {"Name": "Main"})
    refused = admin.get(f"merge/Shop/{loser}/{winner}")
    assert (refused.status_code, code_of(refused)) == (400, "BAD_REQUEST"), "a shop is not declared mergeable"
    assert admin.post(f"merge/Nothing/{loser}/{winner}").status_code in (400, 404, 422)


def test_a_repair_of_a_changed_record_is_no_second_conflict(lab: Lab, admin: Admin, sarah: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner", "City": "York"})
    tom = lab.phone("tom")
    tom.outcome(update("Shop", shop, City=("York", "Leeds")))
    assert isinstance(sarah.outcome(update("Shop", shop, City=("York", "Hull"))), Rejected)
    failed = row(lab, 1)
    [reason] = admin.whole(failed)["logs"]
    assert reason["details"]["theirs"] == "Leeds"
    correction = {"record_id": shop, "field": "City", "value": "Hull", "base": "Leeds"}
    assert admin.act(failed, "edit and retry", corrections=[correction]).json() == {"status": "Success"}
