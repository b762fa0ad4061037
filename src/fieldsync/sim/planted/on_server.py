"""Bugs of the server, each a patch of some of its names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fieldsync.protocol.upload import Rejected, Saved
from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.save.batch import Since
from fieldsync.server.save.head import Identified
from fieldsync.sim.planted.on_requests import MOST_IS_LOST
from fieldsync.sim.planted.patching import Patch, Planted, returning, returning_async


def _no_receipts(right: Any) -> Any:
    async def identify(org: Any, database: Any, caller: Any, incoming: Any) -> Identified:
        return Identified(incoming, (), None)

    return identify


def _everything_is_new_numbered(right: Any) -> Any:
    """A replay is recognised, and run again all the same."""

    async def identify(org: Any, database: Any, caller: Any, incoming: Any) -> Any:
        found = await right(org, database, caller, incoming)
        return replace(found, fresh=(), replays=()) if found.replays else found

    return identify


def _overrides(right: Any) -> Any:
    return lambda *given, override, chain: right(*given, override=True, chain=chain)


def _sees_everything(right: Any) -> Any:
    return lambda writes, seen, number, n: Since(written=False, columns=frozenset())


def _skips_a_position(right: Any) -> Any:
    return lambda entries, wave, position: right(entries, wave, position + 1 if position % 3 == 2 else position)


def _feeds_twice(right: Any) -> Any:
    return lambda entries, wave, position: right(entries, wave, max(0, position - 1))


def _only_the_root(right: Any) -> Any:
    return lambda entries, wave, position: right([e for e in entries if e["id"] == e["root_id"]], wave, position)


def _feeds_nobody(right: Any) -> Any:
    return lambda entries, wave, position: position


def _is_real(right: Any) -> Any:
    async def run(org: Any, chosen: Any) -> Any:
        from fieldsync.server.postgres.work import transaction
        from fieldsync.server.processor.kept import person
        from fieldsync.server.processor.run import run_again
        from fieldsync.server.save.batch import Channel
        from fieldsync.server.save.head import lock_head

        async with transaction(org.pool) as database:
            caller = await person(org, database, chosen[0], Channel.DEVICE)
            return await run_again(org, database, caller, await lock_head(org, database, caller), chosen)

    return run


def _removes_nothing(right: Any) -> Any:
    async def removed(*_args: object, **_more: object) -> Any:
        for line in list[tuple[int, bytes]]():
            yield line

    return removed


def _same_scope(right: Any) -> Any:
    async def then(org: Any, database: Any, since: Any, scope: Any) -> Any:
        return scope

    return then


def _half_the_changes(right: Any) -> Any:
    async def changed(database: Any, one: Any, name: str, stirred: Any) -> Any:
        if name != "Call":
            async for found in right(database, one, name, stirred):
                yield found

    return changed


def _no_fork(right: Any) -> Any:
    return lambda epochs, nonce, xmax: None


def _first_part_is_all(right: Any) -> Any:
    def read(raw: bytes) -> Any:
        return right(raw)[:3]

    return read


def _loses_a_field(right: Any) -> Any:
    async def write(org: Any, database: Any, wave: Any) -> Any:
        for edit in wave.edits:
            if edit.object_type.name == "Account" and edit.new is not None and edit.current is not None:
                edit.changed.discard("Fax")
                edit.new["Fax"] = edit.current["Fax"]
        return await right(org, database, wave)

    return write


def _writes_too_much(right: Any) -> Any:
    """A save writes every field it saw, not only those it lists."""

    async def write(org: Any, database: Any, wave: Any) -> Any:
        for edit in wave.edits:
            if edit.object_type.name == "Account" and edit.new is not None and edit.current is not None:
                edit.new["BillingCity"] = None
                edit.changed.add("BillingCity")
        return await right(org, database, wave)

    return write


def _commits_too_early(right: Any) -> Any:
    """The rows of a save are committed before its receipt: who asks again after a kill between them does it twice."""

    async def write(org: Any, database: Any, wave: Any) -> Any:
        found = await right(org, database, wave)
        for text in ("COMMIT", "BEGIN"):
            await database.run(Statement(text, frozenset(), {}))
        return found

    return write


def _refuses_in_secret(right: Any) -> Any:
    """What was refused is told to be saved."""

    def result(work: Any, stamp: int) -> Any:
        found = right(work, stamp)
        import msgspec

        return msgspec.structs.replace(found, outcome=Saved()) if isinstance(found.outcome, Rejected) else found

    return result


def _territories_of_everybody(right: Any) -> Any:
    return lambda self, name, kind: None


def _every_row(right: Any) -> Any:
    return lambda self, name: None if name in ("Account", "Call") else right(self, name)


def _serves_the_revoked(right: Any) -> Any:
    from sqlalchemy import true

    def caller(tables: Any) -> Any:
        user = tables["User"]
        query = right(tables)
        kept = [part for part in query.whereclause.clauses if "IsActive" not in str(part)]
        del user
        return query.with_only_columns(*query.selected_columns).where(true()) if not kept else _with(query, kept)

    return caller


def _with(query: Any, kept: Any) -> Any:
    fresh = query._generate()
    fresh._where_criteria = tuple(kept)
    return fresh


def _deletes_lightly(right: Any) -> Any:
    return lambda *_args, **_more: None


def _holds_nothing(right: Any) -> Any:
    def hold(wave: Any) -> None:
        wave.facts.blocked.clear()

    return hold


def _cuts_the_feed(right: Any) -> Any:
    async def read(org: Any, database: Any, caller: Any, cursor: str, **said: Any) -> Any:
        import msgspec

        page = await right(org, database, caller, cursor, **said)
        return msgspec.structs.replace(page, families=page.families[:0], rows=())

    return read


SERVER_BUGS = (
    Planted("no receipts", (Patch("server.sync.upload:identify", _no_receipts),), steps=50),
    Planted("a replay gets no answer", (Patch("server.sync.upload:identify", _everything_is_new_numbered),)),
    Planted(
        "no conflict check", (Patch("server.save.conflict:decide_update", _overrides),), focus=("online_edit",), seed=2
    ),
    Planted(
        "an own save hides what others wrote",
        (Patch("server.save.elsewhere.since:others_since", _sees_everything),),
        focus=("online_edit", "way"),
    ),
    Planted("gaps in the feed", (Patch("server.save.changes:_feed", _skips_a_position),), focus=("network",)),
    Planted(
        "two entries at one place of the feed", (Patch("server.save.changes:_feed", _feeds_twice),), focus=("network",)
    ),
    Planted("details are not fed", (Patch("server.save.changes:_feed", _only_the_root),), focus=("network",)),
    Planted("nothing is fed", (Patch("server.save.changes:_feed", _feeds_nobody),)),
    Planted(
        "a trial takes effect",
        (Patch("server.processor.simulate:_run_for_nothing", _is_real),),
        focus=("try_one", "network"),
    ),
    Planted(
        "nothing is ever removed", (Patch("server.sync.download:_removed", _removes_nothing),), focus=("align", "sync")
    ),
    Planted(
        "changed rules bring nothing",
        (Patch("server.sync.download:_scope_then", _same_scope),),
        focus=("change_rule", "align", "sync"),
    ),
    Planted("changed calls are forgotten", (Patch("server.sync.download:_changed", _half_the_changes),)),
    Planted(
        "a restore is not noticed",
        (
            Patch("server.sync.checkpoint:checkpoint_fork", _no_fork),
            Patch("server.sync.feed:checkpoint_fork", _no_fork),
            Patch("server.recovery.standing:checkpoint_fork", _no_fork),
            Patch("device.queue.acknowledged:keep_agreement", returning(None)),  # the digest would mend it unseen
        ),
        focus=(*10 * ("back_up",), *4 * ("sync", "online_edit")),
        seed=8,
        steps=120,
    ),
    Planted("long saves are cut", (Patch("server.sync.parts:read_items", _first_part_is_all),), seed=2),
    Planted("a field is not written", (Patch("server.save.pipeline:write.write", _loses_a_field),)),
    Planted("a field too many is written", (Patch("server.save.pipeline:write.write", _writes_too_much),)),
    Planted(
        "a save is committed in two halves",
        (Patch("server.save.pipeline:write.write", _commits_too_early),),
        focus=2 * ("network",),
    ),
    Planted("refusals are told as saved", (Patch("server.save.journal.journal:result_of", _refuses_in_secret),)),
    Planted(
        "sharing is not asked",
        (
            Patch("server.scope.compose:Composer._sharing", _territories_of_everybody),
            Patch("server.scope.compose:Composer._own", _every_row),
        ),
    ),
    Planted(
        "the revoked are served",
        (Patch("server.sync.session_statements:_caller", _serves_the_revoked),),
        focus=5 * ("revoke",),
    ),
    Planted("deletes ask nobody", (Patch("server.save.conflict:decide_delete", _deletes_lightly),)),
    Planted("nothing is held back", (Patch("server.save.resolve:hold", _holds_nothing),)),
    Planted("the feed is empty", (Patch("server.http.wake.page:read_feed", _cuts_the_feed),), focus=("network",)),
    Planted(
        "a submitted call is not duplicated",
        (Patch("server.save.elsewhere.redirect:redirect", returning_async(None)),),
        focus=3 * ("submit_elsewhere",),
    ),
    Planted(
        "a duplicate is made anew each time",
        (Patch("server.save.elsewhere.redirect:look_up_duplicates", returning_async(None)),),
        focus=(*3 * ("submit_elsewhere",), "network"),
    ),
    Planted(
        "a merge leaves no alias",
        (Patch("server.merge.aliases:point_to_winners", returning_async(None)),),
        focus=(*4 * ("merge_accounts",), "network"),
    ),
    Planted(
        "the server forgets what waited",
        (Patch("server.sync.upload:mark_taken_back", returning_async(None)),),
        focus=("undo", "network"),
    ),
    Planted("images of an answer are left out", (Patch("server.sync.upload:concerned", returning(())),)),
    MOST_IS_LOST,
)
