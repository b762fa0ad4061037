"""The device's half of a support session: a store that shows an admin what a person sees (FEATURES B24)."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.edit.sessions import Sessions
from fieldsync.device.reading import queued
from fieldsync.device.sync.account import keep_account, read_account, read_settings
from fieldsync.device.sync.engine import Engine
from fieldsync.device.sync.orders.diagnostic import Diagnostics
from fieldsync.device.sync.session import take_session
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.session import DeviceDescription, OpenSupport, Session, Support


class Supported:
    """Opened once in a fresh store. Nothing of it runs by itself: whoever owns the device starts no background while it
    only looks, so that neither saves nor news travel unasked."""

    def __init__(self, engine: Engine, sessions: Sessions) -> None:
        self._engine, self._sessions = engine, sessions

    def open(self, code: str, description: DeviceDescription) -> None:
        """Open the session that the console's code is for. Raises Refused: AUTH, OFFLINE."""
        engine = self._engine
        try:
            session = engine.calls.open_post("/sync/v1/support", OpenSupport(code, description), Session)
            org = code.strip().rpartition("-")[0]
            take_session(engine.store, engine.calls, engine.numbers, (org, description.key, session))
        except Unreachable:
            raise Refused(problem(Code.OFFLINE)) from None
        self._sessions.forget_account()

    @property
    def held(self) -> Support | None:
        """How it stood when the server was asked last; None on a person's own device."""
        with self._engine.store.read() as work:
            account = read_account(work)
        return None if account is None else account.support

    def ask(self) -> Support:
        """How it stands now. Raises Refused: AUTH when it has ended; OFFLINE."""
        try:
            told = self._engine.calls.get("/sync/v1/support", Support)
        except Unreachable:
            raise Refused(problem(Code.OFFLINE)) from None
        with self._engine.store.write() as work:
            account = read_account(work)
            if account is not None and account.support != told:
                keep_account(work, msgspec.structs.replace(account, support=told), read_settings(work))
        self._sessions.forget_account()
        return told

    def end(self) -> int:
        """End it; how many saves were handed over to the server because they are not settled, so that none is lost with
        this store. Raises Refused where that did not go. Who cannot be told of the end alone is no reason to stay: the
        session ends by itself."""
        with self._engine.store.read() as work:
            left = len(queued(work, self._engine.store.known_tables))
        if left:
            Diagnostics(self._engine).send()
        with suppress(Unreachable, Refused):
            self._engine.calls.post("/sync/v1/support/end", None, Support)
        return left
