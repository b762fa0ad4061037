"""A diagnostic file: the whole queue goes to the server, so that somebody can look into it (FEATURES G12)."""

from __future__ import annotations

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.sync.engine import Engine
from fieldsync.device.sync.orders.orders import hand_over, known
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.clearing import DIAGNOSTIC


class Diagnostics:
    """Needs no session: a device nobody can sign in on any more may be just the one to look into."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def send(self) -> None:
        """Send every save that the server has not settled, whole; nothing changes here. Raises Refused: AUTH before the
        first sign-in, OFFLINE also in flight mode, or what the server refused."""
        who = known(self._engine.store)
        if who is None:
            raise Refused(problem(Code.AUTH))
        if not self._engine.online:
            raise Refused(problem(Code.OFFLINE))
        name = f"{DIAGNOSTIC}{self._engine.now()} {self._engine.world.chance.bytes(4).hex()}"
        try:
            hand_over(self._engine.store, self._engine.calls, who, name)
        except Unreachable:
            raise Refused(problem(Code.OFFLINE)) from None
