"""Access that was lost between two requests: after it commits, nothing brings the rows (I28; THREATS T3, T18, T20)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.server.http.looking import begun, looked
from tests.server.lab import Lab, create, update
from tests.server.scope.asking import (
    answered,
    end_of,
    marks_of,
    place_of,
    read_download,
    read_news,
    read_refresh,
    saved,
    sent,
)
from tests.server.scope.canaries import Planted

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import instant
from fieldsync.protocol.upload import Rejected
from fieldsync.server.http.context import reading
from fieldsync.server.postgres.work import transaction
from fieldsync.server.sync import session
from fieldsync.server.sync.download import download

Loss = Callable[[Planted], None]


def owner_changes(p: Planted) -> None:
    saved(p.admin, update("Clinic", p.records["sarah"]["Clinic"], OwnerId=(p.sarah.session.user.id, p.admin_id)))


def territory_moves(p: Planted) -> None:
    saved(p.admin, update("User_Territory", p.works["sarah"], TerritoryId=(p.oslo, p.bergen)))


def user_leaves(p: Planted) -> None:
    saved(p.admin, update("User", RecordId(p.sarah.session.user.id), IsActive=(True, False)))


def token_is_stolen(p: Planted) -> None:
    async def revoke() -> None:
        async with transaction(p.lab.org.pool) as work:
            await session.revoke_sessions(p.lab.org, work, p.sarah.session.user.id)

    p.lab.run(revoke())


LOSSES: dict[str, tuple[Loss, Loss | None]] = {
    "owner changed": (owner_changes, territory_moves),
    "territory moved": (territory_moves, owner_changes),
    "user deactivated": (user_leaves, None),
    "sessions revoked": (token_is_stolen, None),
}
"""How access is lost, and what has to have happened before so that it is."""


@pytest.mark.parametrize("how", LOSSES)
def test_once_access_is_lost_no_later_request_brings_the_rows(planted: Planted, how: str) -> None:
    lab = planted.lab
    loss, before = LOSSES[how]
    sarah, iphone = planted.sarah, lab.phone("sarah", "iphone")
    if before is not None:
        before(planted)
    place = place_of(lab, sarah)
    cursor = end_of(lab.run(read_download(lab, iphone.token))).feed_cursor
    clinic = planted.records["sarah"]["Clinic"]
    saved(planted.admin, update("Clinic", clinic, Story=("canarysarahStory", "canarysarahNew")))
    late = sarah.save(update("Clinic", clinic, Story=("canarysarahStory", "mine")))
    refused = sarah.upload(late).results[0].outcome
    assert isinstance(refused, Rejected)
    assert refused.problems[0].details["theirs"] == "canarysarahNew"
    saved(iphone, update("Clinic", clinic, City=("canarysarahCity", "canarysarahTown")))
    running = b"".join(lab.run(cut_by(lab, sarah.token, lambda: loss(planted))) if before else [])
    assert before is None or b"canarysarahName" in running, "a stream that runs is one snapshot"
    if before is None:
        loss(planted)
    asked = [read_download(lab, sarah.token), read_download(lab, sarah.token, place[0])]
    asked += [read_refresh(lab, sarah.token), read_refresh(lab, sarah.token, place[2])]
    asked += [read_news(lab, sarah.token, place[1]), read_news(lab, iphone.token, cursor)]
    asked += [sent(lab, sarah, late), sent(lab, sarah, sarah.save(update("Clinic", clinic, Beds=(1, 2))))]
    told = [answered(lab, one) for one in asked]
    words = [re.findall(rb"canarysarah(?:Name|City|Town|New|Dr|Skill)|1957-07-13", said) for said in told]
    assert words == [[]] * len(told)
    if before is None:
        assert all(b'"AUTH"' in said for said in told)


async def cut_by(lab: Lab, token: str, loss: Callable[[], None]) -> list[bytes]:
    """A download in the midst of which access is lost."""
    async with reading(lab.org, token) as (work, caller):
        lines = download(lab.org, work, caller, None)
        found = [await anext(lines)]
        await asyncio.to_thread(apart, lab, loss)
        return [*found, *[line async for line in lines]]


def apart(lab: Lab, work: Callable[[], None]) -> None:
    """Run on another server over the same database."""
    here = lab._loop, lab.org
    other = Lab(lab.uri, seed=98)
    other.clock.jump((lab.clock.now() - other.clock.now()).total_seconds())
    lab._loop, lab.org = other._loop, other.org
    try:
        work()
    finally:
        lab._loop, lab.org = here
        other.close()


def test_a_permission_set_that_ends_takes_its_fields_and_objects_along(planted: Planted) -> None:
    lab = planted.lab
    sarah, admin = planted.sarah, planted.admin
    [(money,)] = lab.query('SELECT "Id" FROM "Permission_Set" WHERE "Name" = \'Money\'')
    until = instant(lab.clock.now().replace(hour=12))
    values = {"AssigneeId": sarah.session.user.id, "Permission_SetId": money, "Expiration_Date": until}
    saved(admin, create("Permission_Set_Assignment", admin.new_id("Permission_Set_Assignment"), **values))
    saved(admin, update("Clinic", planted.records["sarah"]["Clinic"], Wealth=(None, 77_077)))
    with_it = lab.run(read_download(lab, sarah.token))
    assert all(word in with_it for word in (b"canarysarahDebt", b"77077", b"424240424"))
    place = place_of(lab, sarah)
    lab.clock.advance(5 * 3600)
    for asked in (
        read_download(lab, sarah.token, place[0]),
        read_refresh(lab, sarah.token, place[2]),
        read_download(lab, sarah.token),
    ):
        said = answered(lab, asked)
        assert [
            word for word in (b"canarysarahDebt", b"77077", b"424240424", b'"Wealth"', b'"Owed"') if word in said
        ] == []


def test_a_family_that_was_lost_names_no_part_that_came_later(planted: Planted) -> None:
    """Its owner had the family by the feed; what others add to it afterwards is nothing of hers, not even an id."""
    lab = planted.lab
    sarah, tom, visit = planted.sarah, planted.tom, planted.records["sarah"]["Visit"]
    iphone = lab.phone("sarah", "iphone")
    iphone.download()
    saved(sarah, update("Visit", visit, Notes=("canarysarahNotes", "mine")))
    iphone.feed()
    place = iphone.checkpoint
    owners = (sarah.session.user.id, tom.session.user.id)
    saved(planted.admin, update("Visit", visit, OwnerId=owners))
    line = tom.new_id("Visit_Line")
    saved(tom, create("Visit_Line", line, Name="later", VisitId=visit))
    said = lab.run(read_download(lab, iphone.token, place))
    assert visit.encode() in said
    assert line.encode() not in said


def test_a_refresh_that_lasts_while_access_is_lost_goes_on_without_the_rows(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = planted.lab
    monkeypatch.setattr(limits, "REFRESH_BLOCK_BYTES", 1)
    sarah = planted.sarah
    clinics = [sarah.new_id("Clinic") for _ in range(4)]
    saved(sarah, *(create("Clinic", c, Name=f"canarysarahLast{n}") for n, c in enumerate(clinics)))
    marks = marks_of(lab.run(read_refresh(lab, sarah.token)))[1]
    for clinic in clinics:
        saved(planted.admin, update("Clinic", clinic, OwnerId=(sarah.session.user.id, planted.admin_id)))
    for mark in marks:
        assert b"canarysarahLast" not in lab.run(read_refresh(lab, sarah.token, mark))


@pytest.mark.parametrize("lost", ["his place", "his rights"])
def test_who_was_an_admin_looks_at_nobody_s_view_any_more(planted: Planted, lost: str) -> None:
    helper, lab = planted.lab.person("helper", "System_Administrator"), planted.lab
    looks = looked(lab, lab.phone("helper"), begun(lab, lab.phone("helper"), planted.sarah))
    assert lab.run(read_download(lab, looks.token))
    profiles = dict(lab.query('SELECT "Name", "Id" FROM "Profile"'))
    change: dict[str, dict[str, Any]] = {
        "his place": {"IsActive": (True, False)},
        "his rights": {"ProfileId": (profiles["System_Administrator"], profiles["Rep"])},
    }
    saved(planted.admin, update("User", helper, **change[lost]))
    with pytest.raises(Refused) as refused:
        lab.run(read_download(lab, looks.token))
    assert refused.value.problem.code is Code.AUTH
