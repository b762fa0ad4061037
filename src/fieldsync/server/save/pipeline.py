"""The save pipeline: one way for every write, whoever asks (DESIGN 6). This file lists the steps and nothing else.

A batch is one database transaction of one user. It runs in waves; a wave holds no record twice. What a step refuses
becomes the transaction's outcome, and the others go on (law L7). What PostgreSQL refuses after the write rolls the wave
back; it runs again, at most three times, then one transaction at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fieldsync.base import limits
from fieldsync.base.faults import reach
from fieldsync.base.ids import DeviceNumber
from fieldsync.base.problems import Code, Problem, problem
from fieldsync.protocol.upload import Canceled, Discarded, Duplicated, Linked, Result, Saved
from fieldsync.server.merge import aliases
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.stored_catalog import former_fields
from fieldsync.server.postgres.work import BadRow, NotUnique, Question
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.samples.decide import decide_samples
from fieldsync.server.save import changes, check, head, prefetch, resolve, stamp, write
from fieldsync.server.save.access import authorise, share
from fieldsync.server.save.batch import Caller, Frame, Incoming, Predecessor, Wave, Work
from fieldsync.server.save.elsewhere import again, alike, author, deleted, redirect, since
from fieldsync.server.save.journal import journal
from fieldsync.server.save.logic.follow import follow
from fieldsync.server.save.logic.judge import judge
from fieldsync.server.save.logic.late import Late
from fieldsync.server.save.logic.later.defer import defer
from fieldsync.server.scope.scope import Scope


@dataclass(frozen=True)
class Done:
    """Results in order, the feed's new last position, and the first forked number, if any."""

    results: tuple[Result, ...]
    position: int
    fork_at: int | None


async def save(org: Org, database: Database, caller: Caller, frame: Frame, incoming: tuple[Incoming, ...]) -> Done:
    """Steps 2 to 13 for transactions that are new. The head row is locked already (`head.py`)."""
    position, results = frame.position, list[Result]()
    rest = incoming
    while rest:
        done = await _save(org, database, caller, replace(frame, position=position), rest)
        position, results = done.position, [*results, *done.results]
        if done.fork_at is not None:
            return Done(tuple(results), position, done.fork_at)
        rest = rest[len(done.results) :]
    return Done(tuple(results), position, None)


def questions_ahead(org: Org, caller: Caller, scope: Scope, incoming: tuple[Incoming, ...]) -> Iterator[Question]:
    """What `save` will ask first for a few transactions if they are new, the caller's scope is this one, and they lock
    no more than what they name."""
    if len(incoming) > prefetch.AHEAD_RECORDS_MAX:
        return
    works = [check.shape(org.catalog, caller.rights, one) for one in incoming]
    frame = Frame(stamp=0, server_number=DeviceNumber(""), now="", position=0, scope=scope)
    likely = list(prefetch.likely_questions(org, Wave(caller, frame, works)))
    if likely:
        yield from aliases.questions(org.catalog, works)
        yield from likely


async def _save(org: Org, database: Database, caller: Caller, frame: Frame, incoming: tuple[Incoming, ...]) -> Done:
    """As many of them as go before an id becomes another record's: those behind may name it, and are looked at anew."""
    works = [check.shape(org.catalog, caller.rights, one) for one in incoming]
    if any(check.names_unknown(work) for work in works):
        check.tell_what_went(org.catalog, works, await former_fields(database))
    await again.as_edits(org, database, caller, works)
    database.ahead(*prefetch.likely_questions(org, Wave(caller, frame, works)))
    await aliases.point_to_winners(org.catalog, database, works, frame.scope)
    decided: dict[int, Predecessor] = {}
    position = frame.position
    results: list[Result] = []
    try:
        cut = list(waves(works, together=frame.together and frame.steps is None))
        for wave_works in cut:
            wave = Wave(caller, frame, wave_works)
            wave.facts.predecessors.update(decided)
            settled = frame.settled or wave_works is not cut[-1]
            position = await run_wave(org, database, wave, position, settled=settled)
            for work in wave_works:
                saved = isinstance(work.outcome, Saved | Duplicated | Discarded | Linked)
                if not isinstance(work.outcome, Canceled):
                    decided[work.incoming.n] = Predecessor(saved, frame.stamp)
                results.append(journal.result_of(work, frame.stamp))
            if _linked(wave_works):
                await database.flush()
                break
    except again.ForkedAt as fork:
        known = {result.n for result in results}
        before = tuple(one for one in incoming if one.n < fork.n and one.n not in known)
        rest = await save(org, database, caller, replace(frame, position=position), before)
        return Done((*results, *rest.results), rest.position, fork.n)
    return Done(tuple(results), position, None)


def _linked(works: Iterable[Work]) -> bool:
    return any(isinstance(work.outcome, Linked) for work in works)


def waves(works: list[Work], *, together: bool = True) -> Iterator[list[Work]]:
    """Cut the transactions, in order, so that no wave holds a record twice; where they are not to go together, each is
    a wave of its own."""
    current: list[Work] = []
    seen: set[str] = set()
    for work in works:
        touched = {edit.item.id for edit in work.edits}
        if touched & seen or (current and not together):
            yield current
            current, seen = [], set()
        current.append(work)
        seen |= touched
    if current:
        yield current


async def run_wave(org: Org, database: Database, wave: Wave, position: int, *, settled: bool = True) -> int:
    """One wave, rolled back and run again where PostgreSQL refuses a row. Returns the feed's new last position."""
    for _ in range(limits.SAVE_WAVE_RETRIES_MAX):
        try:
            async with database.savepoint(settled=settled):
                return await _steps(org, database, wave, position)
        except (NotUnique, BadRow):
            _forget_decisions(wave)
        except Late as late:
            _forget_decisions(wave)
            if not late.is_certain:
                break
            late.reject()
    for place, work in enumerate(wave.works):
        if _linked(wave.works[:place]):
            await aliases.point_to_winners(org.catalog, database, [work], wave.frame.scope)
        single = Wave(wave.caller, wave.frame, [work])
        single.facts.predecessors.update(wave.facts.predecessors)
        try:
            async with database.savepoint():
                position = await _steps(org, database, single, position)
        except (NotUnique, BadRow, Late) as refusal:
            _forget_decisions(single)
            work.reject(*_refused_after_write(refusal))
            async with database.savepoint():
                await journal.journal(org, database, single)
    return position


async def _steps(org: Org, database: Database, wave: Wave, position: int) -> int:
    """The steps of DESIGN 6 in their order; `judge` and `follow` are those of the org's own logic."""
    await prefetch.prefetch(org, database, wave)
    await aliases.refuse_overtaken(org.catalog, database, wave)
    await redirect.look_up_duplicates(org, database, wave)
    resolve.hold(wave)
    wave.mark("lock and look up")
    authorise.authorise(org, wave)
    share.check_sharing(org, wave)
    await redirect.redirect(org, database, wave)
    wave.mark("access")
    await since.look_back(org.catalog, database, wave)
    resolve.resolve(org.catalog, wave)
    await deleted.cancel_by_rule(org, database, wave)
    await author.name_authors(database, wave)
    resolve.hold(wave)
    wave.mark("conflicts")
    stamp.fill_in(wave)
    await judge(org, database, wave)
    if await alike.match(org, database, wave):
        return await _steps(org, database, wave, position)
    resolve.hold(wave)
    wave.mark("rules")
    await stamp.number(org, database, wave)
    reach("save.before_write")
    written = await follow(org, database, wave, await write.write(org, database, wave))
    written += await redirect.link(org, database, wave)
    await decide_samples(org, database, wave, written)
    reach("save.after_write")
    head.make_heads(database, written)
    head.renew_rights(database, written)
    wave.mark("write")
    position = changes.log(org, database, wave, written, position)
    for work in wave.works:
        if work.open:
            work.outcome = work.becomes or (Linked(dict(work.linked)) if work.linked else Saved())
    await alike.keep_links(org, database, wave)
    await journal.journal(org, database, wave)
    await defer(org, database, wave, written)
    reach("save.after_journal")
    return position


def _forget_decisions(wave: Wave) -> None:
    """What was decided on rows that changed under us is decided again; a shape that was refused stays refused."""
    wave.facts = type(wave.facts)(predecessors=wave.facts.predecessors)
    for work in wave.works:
        if work.asked is not None:
            work.edits, work.asked, work.becomes, work.linked = work.asked, None, None, {}
        if work.edits and not work.refused_for_good:
            work.outcome, work.touched = None, []


def _refused_after_write(refusal: NotUnique | BadRow | Late) -> tuple[Problem, ...]:
    if isinstance(refusal, Late):
        return tuple(reason for _, problems in refusal.refused for reason in problems)
    if isinstance(refusal, NotUnique):
        _, _, column = refusal.constraint.rpartition("_")
        return (problem(Code.DUPLICATE, field=column, value="this value"),)
    return (problem(Code.OUT_OF_RANGE, reason=str(refusal).splitlines()[0][:200]),)
