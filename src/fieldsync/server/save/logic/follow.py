"""What follows from a write (DESIGN 6, steps 10 and 11): what triggers do, masters summed up anew, and so on.

Each level is saved as a set, by the same steps as what people save, and may cause the next. What is refused here was
found after the write: the wave is rolled back and runs again without the transactions that caused it (`Late`).
"""

from __future__ import annotations

from dataclasses import replace

from fieldsync.base import limits
from fieldsync.base.problems import Code, problem
from fieldsync.protocol.upload import Rejected
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save import stamp
from fieldsync.server.save.access.authorise import root_of
from fieldsync.server.save.batch import Row, Wave, Work
from fieldsync.server.save.logic import triggered
from fieldsync.server.save.logic.judge import judge
from fieldsync.server.save.logic.late import Late
from fieldsync.server.save.logic.rollup.masters import changed_masters
from fieldsync.server.save.prefetch import lock_masters, share_references
from fieldsync.server.save.write import Derived, Written, write


async def follow(org: Org, database: Database, wave: Wave, written: list[Written]) -> list[Written]:
    """Everything that was written once nothing follows any more, what was given included. Raises Late."""
    news: dict[str, Row] = {}
    level, everything = written, list(written)
    for _ in range(limits.FOLLOWING_LEVELS_MAX):
        news.update({entry.ref.id: entry.after for entry in level})
        derived = await triggered.after(org, database, wave, level)
        derived = _merged(derived, await changed_masters(org, database, wave, level, news))
        if not derived:
            return everything
        level = await _save(org, database, wave, derived)
        everything += level
    works = list({id(work): work for entry in level for work in entry.causes or (entry.work,)}.values())
    reason = f"what it causes goes on for more than {limits.FOLLOWING_LEVELS_MAX} levels"
    raise Late([(works, (problem(Code.RECURSION, reason=reason),))])


async def save_derived(org: Org, database: Database, wave: Wave, derived: list[Derived]) -> list[Written]:
    """Save edits that nobody sent, and everything that follows from them. Raises Late."""
    return await follow(org, database, wave, await _save(org, database, wave, derived))


def _merged(first: list[Derived], second: list[Derived]) -> list[Derived]:
    """One edit a record."""
    found = {one.edit.item.id: one for one in first if one.edit.writes}
    for one in second:
        known = found.setdefault(one.edit.item.id, one)
        if known is not one:
            assert one.edit.new is not None
            triggered.put(known, {column: one.edit.new[column] for column in one.edit.changed})
            known.works.extend(work for work in one.works if work not in known.works)
    return list(found.values())


async def _save(org: Org, database: Database, wave: Wave, derived: list[Derived]) -> list[Written]:
    """Derived edits, each as a transaction of its own, on behalf of what caused it."""
    works = [Work(one.works[-1].incoming, [one.edit]) for one in derived]
    inner = Wave(wave.caller, wave.frame, works, wave.facts)
    await lock_masters(org, database, inner)
    await share_references(org, database, inner)
    for work in works:
        work.root = root_of(org.catalog, inner.facts, work, work.edits[0])
    stamp.fill_in(inner)
    await judge(org, database, inner)
    refused = [
        (one.works, work.outcome.problems)
        for one, work in zip(derived, works, strict=True)
        if isinstance(work.outcome, Rejected)
    ]
    if refused:
        raise Late(refused)
    await stamp.number(org, database, inner)
    causes = {id(work): tuple(one.works) for one, work in zip(derived, works, strict=True)}
    return [
        replace(entry, work=causes[id(entry.work)][-1], causes=causes[id(entry.work)], root=entry.work.root)
        for entry in await write(org, database, inner)
    ]
