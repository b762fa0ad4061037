"""What people ask a server for, every byte of the answer, and how answers are compared."""

from __future__ import annotations

import re
from collections.abc import Coroutine
from typing import Any

import msgspec
from tests.server.lab import Lab, Phone

from fieldsync.base.problems import Refused
from fieldsync.protocol.download import End
from fieldsync.protocol.download import decode_line as decode_download
from fieldsync.protocol.refresh import Begin, Mark, is_rows
from fieldsync.protocol.refresh import decode_line as decode_refresh
from fieldsync.protocol.upload import Item, Saved, Transaction, UploadRequest
from fieldsync.server.http.context import calling, reading
from fieldsync.server.sync.download import download
from fieldsync.server.sync.feed import read_feed
from fieldsync.server.sync.refresh import refresh
from fieldsync.server.sync.upload import upload

_ID = re.compile(r"(?<![A-Za-z0-9])[a-z0-9][A-Za-z0-9]{17}(?![A-Za-z0-9])")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def alike(*answers: bytes | str) -> str:
    """Answers with every id and transaction replaced by when it is first named."""
    text = "\n".join(a.decode() if isinstance(a, bytes) else a for a in answers)
    known: dict[str, str] = {}
    for pattern in (_UUID, _ID):
        text = pattern.sub(lambda found: known.setdefault(found[0], f"<{len(known)}>"), text)
    return text


def encoded(value: object) -> bytes:
    """An answer as it goes over the wire."""
    return msgspec.json.Encoder(decimal_format="number").encode(value)


async def read_download(lab: Lab, token: str, checkpoint: str | None = None) -> bytes:
    """Every byte of a download."""
    async with reading(lab.org, token) as (work, caller):
        return b"".join([line async for line in download(lab.org, work, caller, checkpoint)])


async def read_refresh(lab: Lab, token: str, resume: str | None = None) -> bytes:
    """Every byte of a refresh."""
    async with reading(lab.org, token) as (work, caller):
        return b"".join([line async for line in refresh(lab.org, work, caller, resume)])


async def read_news(lab: Lab, token: str, cursor: str) -> bytes:
    """Every byte of a page of the feed."""
    async with reading(lab.org, token) as (work, caller):
        return encoded(await read_feed(lab.org, work, caller, cursor))


def end_of(said: bytes) -> End:
    """The last line of a download."""
    end = decode_download(said.splitlines()[-1])
    assert isinstance(end, End)
    return end


def marks_of(said: bytes) -> tuple[Begin, list[str]]:
    """The first line of a refresh, and its marks."""
    lines = [decode_refresh(line) for line in said.splitlines() if not is_rows(line)]
    assert isinstance(lines[0], Begin)
    return lines[0], [line.token for line in lines if isinstance(line, Mark)]


def without_place(said: bytes) -> str:
    """An answer without stamps and tokens, which hold the moment."""
    text = re.sub(r'"(checkpoint|feed_cursor|cursor|token)":"[^"]*"', r'"\1":""', said.decode())
    return re.sub(r"\[\d+, ", "[", text)


async def sent(lab: Lab, phone: Phone, saving: Transaction) -> bytes:
    """The answer to an upload."""
    request = UploadRequest(phone.number, 0, (saving,))
    return encoded(await upload(lab.org, lambda foresee: calling(lab.org, phone.token, foresee), request))


def answered(lab: Lab, asking: Coroutine[Any, Any, bytes]) -> bytes:
    """What a request was told, refusals included."""
    try:
        return lab.run(asking)
    except Refused as refused:
        return encoded(refused.problem)


def saved(phone: Phone, *items: Item) -> None:
    """Each is a save, and is saved."""
    for item in items:
        outcome = phone.outcome(item)
        assert isinstance(outcome, Saved), outcome


def place_of(lab: Lab, phone: Phone) -> tuple[str, str, str]:
    """A checkpoint, a cursor and a mark of this device."""
    end = end_of(lab.run(read_download(lab, phone.token)))
    return end.checkpoint, end.feed_cursor, marks_of(lab.run(read_refresh(lab, phone.token)))[1][0]
