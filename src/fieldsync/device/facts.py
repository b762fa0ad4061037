"""What the widget depends on, read from the store."""

from __future__ import annotations

from datetime import datetime

from fieldsync.device.queue.states import REFUSED, UNDECIDED, State
from fieldsync.device.status.widget import Facts
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.work import Work
from fieldsync.device.sync.account import read_settings


def widget_facts(work: Work, now_ms: int, progress: tuple[int, int] | None, *, signed_in: bool) -> Facts:
    """The facts now; `progress` is (done, in all) of a running download."""
    states = dict(work.rows("SELECT state, count(*) FROM _queue GROUP BY state"))
    undecided = sum(states.get(s.value, 0) for s in UNDECIDED)
    oldest = work.value(
        "SELECT saved_at FROM _queue WHERE state IN ('queued', 'sending', 'accepted') ORDER BY n LIMIT 1"
    )
    return Facts(
        now_ms=now_ms,
        errors=sum(states.get(s.value, 0) for s in REFUSED if s is State.FAILED),
        pending=undecided,
        active=progress is not None or states.get(State.SENDING.value, 0) > 0,
        oldest_pending_ms=_ms(oldest),
        news_lost_ms=_ms(meta.get(work, Key.INCREMENTAL_REQUIRED)),
        overdue_days=read_settings(work).overdue_days,
        as_of=meta.get(work, Key.AS_OF),
        up=(0, undecided),
        down=progress or (0, 0),
        signed_out=not signed_in,
    )


def _ms(text: str | None) -> int | None:
    return None if text is None else int(datetime.fromisoformat(text).timestamp() * 1000)
