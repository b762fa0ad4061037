"""Reads and their tokens: of another person, device or org, forged, from the future (L4, L9; I15, I31; T5, T19)."""

from __future__ import annotations

import asyncio

from tests.server.lab import Lab, Phone, delete, update
from tests.server.scope.asking import (
    answered,
    marks_of,
    place_of,
    read_download,
    read_news,
    read_refresh,
    saved,
    without_place,
)
from tests.server.scope.canaries import Planted

from fieldsync.base.problems import Code
from fieldsync.server.http.context import reading
from fieldsync.server.sync.checkpoint import Checkpoint, seal_checkpoint
from fieldsync.server.sync.feed import Cursor
from fieldsync.server.sync.token import Purpose, seal


def test_a_token_of_somebody_else_or_made_up_brings_nothing(planted: Planted) -> None:
    lab = planted.lab
    sarah, tom, other = planted.sarah, planted.tom, lab.phone("tom", "iphone")
    theirs = [place_of(lab, phone) for phone in (sarah, other)]
    mine = place_of(lab, tom)

    async def forge() -> list[tuple[str, str, str]]:
        async with reading(lab.org, tom.token) as (_, caller):
            start = Checkpoint("nonce", 0, 2**60, (), "2026-03-02", "binding")
            sealed = [seal(b"key of another org" * 2, p, caller, start) for p in (Purpose.CHECKPOINT, Purpose.FEED)]
            swapped = seal(lab.org.mac_key, Purpose.CHECKPOINT, caller, Cursor(0))
            return [(sealed[0], sealed[1], sealed[0]), (mine[1], mine[0], mine[0]), (swapped, "", mine[1])]

    forged = [("made up", "é" * 40, "A" * 400), *lab.run(forge())]
    flipped = [
        (flip(mine[0], at), flip(mine[1], at), flip(mine[2], at)) for at in (*range(0, len(mine[1]), 5), len(mine[1]))
    ]
    refusals = {Code.BAD_CURSOR.value, Code.FORK.value}
    for checkpoint, cursor, mark in (*theirs, *forged, *flipped):
        told = [answered(lab, read_download(lab, tom.token, checkpoint)) if checkpoint else b'"BAD_CURSOR"']
        told.append(answered(lab, read_news(lab, tom.token, cursor)))
        for said in told:
            assert any(f'"{code}"'.encode() in said for code in refusals), said[:200]
        anew = lab.run(read_refresh(lab, tom.token, mark))
        assert not marks_of(anew)[0].resumed
        assert [planted.found_in(said) for said in (*told, anew)] == [[], [], []]


def flip(token: str, at: int) -> str:
    at = min(at, len(token) - 2)
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


def test_a_checkpoint_or_cursor_from_the_future_brings_nothing_foreign(planted: Planted) -> None:
    lab = planted.lab
    tom = planted.tom

    async def seal_future() -> tuple[str, str]:
        async with reading(lab.org, tom.token) as (work, caller):
            scope = await lab.org.scopes.of(work, caller, lab.clock)
            nonce = (await work.rows(lab.org.read.epochs))[0][1]
            place = Checkpoint(nonce, 2**50, 2**50, (), "2030-01-01", scope.recipe.hash)
            cursor = seal(lab.org.mac_key, Purpose.FEED, caller, Cursor(2**40))
            return seal_checkpoint(lab.org, caller, place), cursor

    checkpoint, cursor = lab.run(seal_future())
    told = (answered(lab, read_download(lab, tom.token, checkpoint)), answered(lab, read_news(lab, tom.token, cursor)))
    assert [planted.found_in(said) for said in told] == [[], []]
    assert b"INCREMENTAL_REQUIRED" in told[1]


def transcript(lab: Lab, phone: Phone, place: tuple[str, str, str]) -> list[str]:
    """All that a person can ask for, without stamps, tokens and who counted a roll-up last."""
    said = [lab.run(read_download(lab, phone.token)), lab.run(read_refresh(lab, phone.token))]
    said.append(lab.run(read_refresh(lab, phone.token, place[2])))
    said.append(answered(lab, read_news(lab, phone.token, place[1])))
    return [without_place(one) for one in said]


def test_what_is_hidden_changes_nothing_that_is_seen(planted: Planted) -> None:
    lab = planted.lab
    admin, tom = planted.admin, planted.tom
    theirs, own = planted.records["sarah"], planted.records["tom"]
    saved(admin, update("Clinic", own["Clinic"], Wealth=(None, 99)))
    place = place_of(lab, tom)
    before = transcript(lab, tom, place)
    saved(
        admin,
        update("Clinic", own["Clinic"], Wealth=(99, 1_000)),
        update("Debt", own["Debt"], Amount=(424_240_424, 1)),
    )
    assert transcript(lab, tom, place) == before, "his own rows, in fields that are not open to him"
    place = place_of(lab, tom)
    saved(
        admin,
        update("Clinic", theirs["Clinic"], City=("canarysarahCity", "Rome"), Wealth=(None, 7)),
        update("Doctor", theirs["Doctor"], Skill=("canarysarahSkill", "x")),
        delete("Memo", theirs["Memo"], 2**52),
    )
    lab.rows("Clinic", *({"Name": f"{n}", "OwnerId": admin.session.user.id} for n in range(500)))
    lab.run(analyse(lab))
    assert transcript(lab, tom, place) == before, "rows of others, how many there are included"
    news = lab.run(read_download(lab, tom.token, place[0]))
    assert [line.partition(b",")[0] for line in news.splitlines()] == [b'{"line":"head"', b'{"line":"end"']


async def analyse(lab: Lab) -> None:
    """PostgreSQL's planner learns of the new rows."""
    async with lab.org.pool.connection() as connection:
        await connection.execute("ANALYZE")


async def request(lab: Lab, phone: Phone, place: tuple[str, str, str], kind: int) -> bytes:
    """One of the four reads there are."""
    if kind == 2:
        return await read_refresh(lab, phone.token, place[2])
    if kind == 3:
        return await read_news(lab, phone.token, place[1])
    return await read_download(lab, phone.token, place[0] if kind else None)


def test_two_people_never_get_each_others_answers_whatever_is_cancelled(planted: Planted) -> None:
    """Requests of two people with equal rights share connections and caches, and are cut off anywhere (T5)."""
    lab = planted.lab
    people = {b"canarysarah": planted.sarah, b"canarytom": planted.tom}
    places = {mark: place_of(lab, phone) for mark, phone in people.items()}

    async def crowd() -> list[tuple[bytes, int, bytes]]:
        found = []
        for round_ in range(12):
            tasks = [
                (mark, kind, asyncio.ensure_future(request(lab, people[mark], places[mark], kind)))
                for kind in range(4)
                for mark in people
            ]
            for _ in range(round_ * 3):
                await asyncio.sleep(0)
            for number, (_, _, task) in enumerate(tasks):
                if (number + round_) % 3 == 0 or lab.world.chance.below(4) == 0:
                    task.cancel()
            told = await asyncio.gather(*(task for _, _, task in tasks), return_exceptions=True)
            found += [(m, k, t) for (m, k, _), t in zip(tasks, told, strict=True) if isinstance(t, bytes)]
            assert all(isinstance(t, bytes | asyncio.CancelledError) for t in told), told
        return found

    found = lab.run(crowd())
    assert {(mark, kind) for mark, kind, _ in found} == {(mark, kind) for mark in people for kind in range(4)}
    for mark, _, said in found:
        assert not any(other in said for other in people if other != mark)
    for mark, phone in people.items():
        said = lab.run(read_download(lab, phone.token))
        assert mark in said
        assert not any(other in said for other in people if other != mark)
