"""Gathering what the widget depends on."""

from __future__ import annotations

from datetime import datetime

from fieldsync.device.queue.states import REFUSED, UNDECIDED, State
from fieldsync.device.status.widget import Facts
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.work import Work
from fieldsync.device.sync.account import read_settings
from fieldsync.device.sync.digest.agreement import read_agreement
from fieldsync.device.sync.digest.verify import problem_of
from fieldsync.device.sync.engine import Engine

_UNDECIDED = ", ".join(f"'{s}'" for s in UNDECIDED)
_OLDEST = f"SELECT saved_at FROM _queue WHERE state IN ({_UNDECIDED}) ORDER BY n LIMIT 1"


def facts_of(work: Work, engine: Engine, files_refused: int) -> Facts:
    """The widget's facts, in one snapshot, but for the files the server does not take: they lie elsewhere."""
    many = dict(work.rows("SELECT state, count(*) FROM _queue GROUP BY state"))
    errors, pending = (sum(many.get(state, 0) for state in states) for states in (REFUSED, UNDECIDED))
    oldest = work.value(_OLDEST) if pending else None
    agreement, running, settings = read_agreement(work), engine.running, read_settings(work)
    failed = work.value(
        f"SELECT attempts FROM _queue WHERE state = '{State.SENDING}' AND next_attempt_ms > 0 ORDER BY n LIMIT 1"
    )
    return Facts(
        now_ms=engine.numbers.now_ms(),
        errors=errors + files_refused,
        pending=pending,
        active=running.active,
        oldest_pending_ms=_ms(oldest),
        news_lost_ms=_ms(meta.get(work, Key.INCREMENTAL_REQUIRED)),
        overdue_days=settings.overdue_days,
        as_of=meta.get(work, Key.AS_OF),
        proved_at=None if agreement is None else agreement.at,
        digest=problem_of(agreement),
        up=running.up,
        down=running.down,
        news_online=engine.news and not engine.online,
        signed_out=not engine.calls.signed_in,
        phase=running.phase,
        failed_sends=failed or 0,
        send_retries=settings.send_retries,
    )


def _ms(moment: str | None) -> int | None:
    return None if moment is None else int(datetime.fromisoformat(moment).timestamp() * 1000)
