"""When to try again, and with how much: doubling waits with jitter, or what the server asked for; halved batches. Pure
but for the dice."""

from __future__ import annotations

from fieldsync.base import limits
from fieldsync.base.world import Chance

_DOUBLINGS_MAX = 16


def wait_seconds(attempts: int, chance: Chance, *, asked: float | None = None) -> float:
    """Seconds until attempt `attempts + 1`, `attempts` >= 1 having failed.

    Between half and all of the doubled first wait, so that devices that failed together do not come back together.
    A server that names a time gets it, within the longest wait.
    """
    doubled = limits.BACKOFF_FIRST_SECONDS * float(2 ** min(attempts - 1, _DOUBLINGS_MAX))
    longest = min(doubled, limits.BACKOFF_MAX_SECONDS)
    jittered = longest * (500 + chance.below(501)) / 1000
    if asked is not None:
        return min(max(asked, 0.0), limits.BACKOFF_MAX_SECONDS) + jittered * 0.1
    return jittered


def records_at_once(unanswered: int) -> int:
    """Items of the next request behind so many that left and were not answered in time: what is too much for a slow
    line or a server in distress is halved until it gets through."""
    return max(1, limits.UPLOAD_BATCH_RECORDS_MAX >> unanswered)


def is_due(next_attempt_ms: int, now_ms: int) -> bool:
    """Whether a kept time has come. One that lies further ahead than any wait was set by another clock."""
    return next_attempt_ms <= now_ms or next_attempt_ms > now_ms + limits.BACKOFF_MAX_SECONDS * 1000 * 2
