"""Database refresh: all a person may read, in any number of pieces, equal to what a download brings (DESIGN 9)."""

from __future__ import annotations

from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest
from tests.server.lab import Lab, Phone, create, downloaded

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused
from fieldsync.protocol import refresh as lines
from fieldsync.server.http.context import reading
from fieldsync.server.postgres.work import BadRow
from fieldsync.server.sync.refresh import refresh

Rows = dict[str, dict[str, Any]]


class Read:
    """What came of one stream, as a device keeps it."""

    def __init__(self) -> None:
        self.begin: lines.Begin | None = None
        self.rows: dict[str, Rows] = {}
        self.token: str | None = None
        self.done = False
        self._part: lines.Part | None = None
        self._held: list[list[Any]] = []

    def take(self, raw: bytes) -> None:
        if lines.is_rows(raw):
            assert self._part is not None
            self._held += lines.decode_rows(raw, self._part)
            return
        match lines.decode_line(raw):
            case lines.Begin() as begin:
                self.begin = begin
            case lines.Part() as part:
                self._part = part
            case lines.Mark(token=token):
                assert self._part is not None
                known = self.rows.setdefault(self._part.object, {})
                known.update({row[1]: dict(zip(self._part.columns, row, strict=True)) for row in self._held})
                self._held, self.token = [], token
            case lines.Done():
                self.done = True


def read(phone: Phone, resume: str | None = None, *, cut_at: int | None = None) -> Read:
    """One stream, cut behind so many lines."""

    async def ask() -> Read:
        found, taken = Read(), 0
        org = phone.lab.org
        async with reading(org, phone.token) as (work, caller), aclosing(refresh(org, work, caller, resume)) as stream:
            async for raw in stream:
                found.take(raw)
                taken += 1
                if taken == cut_at:
                    return found
        return found

    return phone.lab.run(ask())


@pytest.fixture
def sarah(lab: Lab) -> Phone:
    lab.person("sarah")
    return lab.phone("sarah")


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REFRESH_BLOCK_BYTES", 2_000)


def test_it_brings_the_very_rows_a_download_brings(lab: Lab, sarah: Phone, small_blocks: None) -> None:
    texts = ('quote " and \\ and \\n', "tab\tline\nend\r", "\\N", "\\.", "\x01\x7f é 𝄞", "[],{}", " leading")
    lab.rows("Shop", *({"Name": t, "City": t[:40], "Score": Decimal("12.50")} for t in texts * 30), {"Name": "b"})
    lab.rows("Secret", {"Name": "hidden"})
    by_download = sarah.download()
    found = read(sarah)
    assert found.done
    assert found.begin is not None
    assert not found.begin.resumed
    assert "Secret" not in found.rows
    for name in ("Shop", "User", "Profile"):
        assert found.rows.get(name, {}) == downloaded(by_download, name)
    assert len(found.rows["Shop"]) == len(texts) * 30 + 1


def test_cut_anywhere_it_goes_on_behind_the_last_mark(lab: Lab, sarah: Phone, small_blocks: None) -> None:
    lab.rows("Shop", *({"Name": f"s{n}"} for n in range(60)))
    whole = read(sarah)
    lines_in_all = 0
    while not (first := read(sarah, cut_at=lines_in_all + 1)).done:
        lines_in_all += 1
        if first.token is None:
            continue
        rest = read(sarah, first.token)
        assert rest.done
        assert rest.begin is not None
        assert first.begin is not None
        assert (rest.begin.resumed, rest.begin.checkpoint) == (True, first.begin.checkpoint)
        for name, rows in whole.rows.items():
            before, behind = first.rows.get(name, {}), rest.rows.get(name, {})
            assert not before.keys() & behind.keys()
            assert before | behind == rows
    assert lines_in_all > 20


def test_what_changed_between_two_pieces_comes_with_the_catch_up(lab: Lab, sarah: Phone, small_blocks: None) -> None:
    shops = lab.rows("Shop", *({"Name": f"s{n}"} for n in range(60)))
    first = read(sarah)
    lab.person("tom")
    tom = lab.phone("tom")
    made = tom.new_id("Shop")
    tom.outcome(create("Shop", made, Name="between"))
    assert first.begin is not None
    sarah.checkpoint = first.begin.checkpoint
    caught_up = downloaded(sarah.download(), "Shop")
    assert (first.rows["Shop"] | caught_up).keys() == {*shops, made}


def test_a_stream_that_takes_long_ends_behind_a_mark(
    lab: Lab, sarah: Phone, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REFRESH_STREAM_SECONDS", -1)
    shops = lab.rows("Shop", *({"Name": f"s{n}"} for n in range(60)))
    found, got, streams = read(sarah), {}, 1
    while not found.done:
        got.update(found.rows.get("Shop", {}))
        found, streams = read(sarah, found.token), streams + 1
    assert got.keys() == set(shops)
    assert streams > 5


@pytest.mark.parametrize("token", ["nonsense", "other device", "other kind"])
def test_a_token_that_leads_nowhere_begins_anew(lab: Lab, sarah: Phone, token: str) -> None:
    lab.rows("Shop", {"Name": "a"})
    sarah.download()
    given = {"other device": read(lab.phone("sarah", "iphone")).token, "other kind": sarah.checkpoint}.get(token, token)
    found = read(sarah, given)
    assert found.begin is not None
    assert not found.begin.resumed
    assert found.done
    assert len(found.rows["Shop"]) == 1


def test_who_was_revoked_gets_nothing(lab: Lab, sarah: Phone) -> None:
    lab.query("UPDATE _user_head SET revoked = true RETURNING 1")
    with pytest.raises(Refused) as refused:
        read(sarah)
    assert refused.value.problem.code is Code.AUTH


def test_an_error_in_the_middle_is_told_and_leaves_the_connection_whole(lab: Lab, sarah: Phone) -> None:
    """PostgreSQL fails while rows are on their way: a value that one row has makes the query divide by zero."""
    from fieldsync.server.postgres.compiled import Statement
    from fieldsync.server.postgres.work import snapshot

    broken = Statement(
        "SELECT json_build_array(1 / (20000 - i))::text FROM generate_series(1, 30000) i", frozenset(), {}
    )

    async def read_broken() -> int:
        async with snapshot(lab.org.pool) as work:
            return sum([len(block) async for block in work.copy_blocks(broken, 1_000)])

    with pytest.raises(BadRow, match="division by zero"):
        lab.run(read_broken())
    assert read(sarah).done
