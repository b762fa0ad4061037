"""Passwords: what may be one, and how one is kept and checked. Pure but for the time the hash costs.

A password is never stored, only its argon2id hash. A sign-in under a name that nobody has costs as much time as one
with a wrong password, so the time tells nobody which names exist (law L4).
"""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import Chance

PASSWORD_CHARS_MAX = 256
DISTINCT_CHARS_MIN = 5
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's parameters for argon2id: about 20 ms and 19 MiB a sign-in."""
_GUESSED_FIRST = ("password", "passwort", "qwerty", "letmein", "welcome", "123456", "iloveyou", "fieldsync")


def weakness(password: str, username: str) -> str | None:
    """Why this cannot be a password of this user; None when it can."""
    if len(password) < limits.PASSWORD_CHARS_MIN:
        return f"it has {len(password)} characters, {limits.PASSWORD_CHARS_MIN} are needed"
    if len(password) > PASSWORD_CHARS_MAX:
        return f"it has more than {PASSWORD_CHARS_MAX} characters"
    folded, name = password.casefold(), username.casefold().partition("@")[0]
    if len(set(folded)) < DISTINCT_CHARS_MIN:
        return f"it uses fewer than {DISTINCT_CHARS_MIN} different characters"
    if len(name) >= 4 and name in folded:
        return "it holds the user name"
    rest = folded
    for guess in _GUESSED_FIRST:
        rest = rest.replace(guess, "")
    if rest != folded and len(set(rest)) < DISTINCT_CHARS_MIN:
        return "it is little more than one everybody tries first"
    return None


def hashed(password: str, username: str, chance: Chance) -> str:
    """What is kept of a new password. Raises Refused(WEAK_PASSWORD)."""
    reason = weakness(password, username)
    if reason is not None:
        raise Refused(problem(Code.WEAK_PASSWORD, reason=reason))
    return _HASHER.hash(password, salt=chance.bytes(16))


def verify(kept: str | None, password: str) -> bool:
    """Whether this is the password that was kept; None for a user who is not there. Costs the same time either way.

    Holds the processor for the hash's time: an async caller runs it in a thread.
    """
    try:
        _HASHER.verify(_nobody() if kept is None else kept, password[:PASSWORD_CHARS_MAX])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


@cache
def _nobody() -> str:
    """A hash that costs what a real one costs, of a password nobody may have: it is too short."""
    return _HASHER.hash("nobody", salt=b"fieldsync nobody")
