"""A change of sync rules is told as a difference before it takes effect, and devices then get that difference."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tests.server.lab import Phone
from tests.server.oversight.desk import Desk

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused
from fieldsync.protocol import download as lines
from fieldsync.protocol.rows import decode_rows
from fieldsync.protocol.upload import Rejected, Saved
from fieldsync.server.oversight.scope.preview import Preview
from fieldsync.server.oversight.scope.proposal import Proposal

Counts = dict[str, tuple[int, int]]


def moved(found: Preview) -> dict[str, Counts]:
    """User name to what comes and goes of each object."""
    return {
        person.username.partition("@")[0]: {
            m.object: (m.rows_in + m.again, m.rows_out) for m in person.objects if m.moves
        }
        for person in found.people
    }


def delivered(phone: Phone) -> Counts:
    """What the next incremental brings and takes, by object."""
    found = phone.download()
    head = found[0]
    assert isinstance(head, lines.Head)
    assert not head.full
    came: Counter[str] = Counter()
    went: Counter[str] = Counter()
    for line in found:
        if isinstance(line, lines.Rows):
            came[line.block.object] += len(decode_rows(line.block))
        elif isinstance(line, lines.Removed):
            went.update(gone.object for gone in line.gone)
    return {name: (came[name], went[name]) for name in came.keys() | went.keys()}


@pytest.mark.parametrize(
    ("name", "changes", "sarahs"),
    [
        ("Shop", {"where": "City = 'York'"}, {"Shop": (1, 2), "Visit": (3, 3), "Visit_Line": (3, 3)}),
        ("Shop", {"active": False}, {"Shop": (0, 2), "Visit": (0, 3), "Visit_Line": (0, 3)}),
        ("Shop", {"exclude_fields": ("City",)}, {"Shop": (2, 0)}),
        ("Visit", {"where": None, "type": "full"}, {"Visit": (3, 0), "Visit_Line": (3, 0)}),
    ],
)
def test_devices_get_the_difference_that_was_told_before(
    desk: Desk, name: str, changes: dict[str, Any], sarahs: Counts
) -> None:
    phones = {who: desk.lab.phone(who) for who in ("sarah", "tom")}
    for phone in phones.values():
        phone.download()
    told = desk.preview(desk.edited(name, **changes))
    assert moved(told)["sarah"] == sarahs
    assert desk.save(desk.edited(name, **changes)) == Saved()
    for who, phone in phones.items():
        assert delivered(phone) == moved(told).get(who, {}), who


def test_nothing_takes_effect_by_looking_and_names_are_shown(desk: Desk) -> None:
    phone = desk.lab.phone("sarah")
    phone.download()
    told = desk.preview(desk.edited("Shop", where="City = 'York'"))
    [sarah] = told.people
    assert (sarah.username, sarah.device, sarah.profile) == ("sarah@small.example", "iPad", "Rep")
    assert [(m.names_in, m.names_out) for m in sarah.objects if m.object == "Shop"] == [(("B",), ("A", "C"))]
    assert delivered(phone) == {}


def test_who_was_not_looked_at_is_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for who in ("sarah", "tom"):
        desk.lab.phone(who)
    proposal = desk.edited("Shop", where="City = 'Hull'")
    assert desk.preview(proposal, per_profile=1).left_out == {"Rep": 1}
    assert [person.username for person in desk.preview(proposal, whose="tom").people] == ["tom@small.example"]
    monkeypatch.setattr(limits, "PREVIEW_SECONDS", -1)
    told = desk.preview(proposal)
    assert (told.people, told.left_out) == ((), {"Rep": 2})


def test_a_rule_that_does_not_fit_is_refused_with_its_place(desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        desk.preview(desk.edited("Shop", where="Name != null\nAND Town = 'York'"))
    told = refused.value.problem
    assert (told.code, told.field, told.details["line"], told.details["column"]) == (
        Code.SYNC_RULE, "Where_Clause", 2, 5
    )  # fmt: skip


def test_what_the_app_needs_stays_on_and_an_empty_result_is_told(desk: Desk) -> None:
    desk.lab.phone("sarah")
    assert desk.save(desk.edited("Shop", required=True)) == Saved()
    rule_id, _ = desk.rules()["Shop"]
    for proposal, reason in (
        (desk.edited("Shop", active=False), "switched off"),
        (desk.edited("Shop", metadata_only=True), "switched off"),
        (Proposal(rule_id, None), "deleted"),
    ):
        outcome = desk.save(proposal)
        assert isinstance(outcome, Rejected)
        assert outcome.problems[0].code is Code.SYNC_RULE
        assert reason in outcome.problems[0].message
        with pytest.raises(Refused, match=reason):
            desk.preview(proposal)
    told = desk.preview(desk.edited("Shop", where="City = 'Nowhere'"))
    assert told.warnings == ("The field app needs Shop: nobody of the profile Rep would have any.",)
