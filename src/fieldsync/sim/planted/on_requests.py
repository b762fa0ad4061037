"""Bugs of requests as a whole: what a server forgets of one and says it has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from fieldsync.protocol.upload import Result, Saved
from fieldsync.sim.planted.patching import Patch, Planted

_forgotten: list[Result] = []


def _stops_early(right: Any) -> Any:
    """Of a long request only the first transaction is looked at."""

    async def gather(org: Any, database: Any, caller: Any, transactions: Any) -> Any:
        found = await right(org, database, caller, transactions)
        _forgotten[:] = [Result(one.n, one.id, Saved()) for one in found.complete[1:] if len(found.complete) > 3]
        return replace(found, complete=found.complete[:1]) if _forgotten else found

    return gather


def _says_saved(right: Any) -> Any:
    """And the others are told to be saved."""

    async def answer(*given: Any) -> Any:
        response = await right(*given)
        more = () if response.fork_at is not None else _forgotten
        return msgspec.structs.replace(response, results=(*response.results, *more))

    return answer


MOST_IS_LOST = Planted(
    "most of a request is lost",
    (Patch("server.sync.parts:gather", _stops_early), Patch("server.sync.upload:_answer", _says_saved)),
)
