"""Signing in on this device, the catalog, and what both leave in the store."""

from __future__ import annotations

import base64

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import Chance
from fieldsync.device.edit.numbers import Numbers
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work
from fieldsync.device.sync.account import Account, keep_account, keep_tokens, read_account
from fieldsync.device.sync.calls import Calls
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.session import Session, SignIn
from fieldsync.schema import catalog as catalogs

DEVICE_KEY_BYTES = 32


def device_key(work: Work, chance: Chance) -> str:
    """The secret that is this device to the server: the one it registered under, or a new one."""
    known: str | None = meta.get(work, Key.DEVICE_KEY)
    if known is None:
        known = base64.urlsafe_b64encode(chance.bytes(DEVICE_KEY_BYTES)).decode().rstrip("=")
        meta.put(work, Key.DEVICE_KEY, known)
    return known


def sign_in(store: Store, calls: Calls, numbers: Numbers, request: SignIn) -> Account:
    """Open a session and take the device's number. Raises Refused: AUTH, FORBIDDEN, OFFLINE.

    A store belongs to one user and org for good (FEATURES M03): another person gets another folder.
    """
    try:
        return _sign_in(store, calls, numbers, request)
    except Unreachable:
        raise Refused(problem(Code.OFFLINE)) from None


def _sign_in(store: Store, calls: Calls, numbers: Numbers, request: SignIn) -> Account:
    with store.read() as work:
        before = read_account(work)
    known = msgspec.structs.replace(request.device, number=numbers.device)
    session = calls.open_post("/sync/v1/session", msgspec.structs.replace(request, device=known), Session)
    if before is not None and (before.org_id, before.user.id) != (session.org_id, session.user.id):
        raise Refused(problem(Code.FORBIDDEN, reason="this device database belongs to another person"))
    account = Account(session.user, request.org, session.org_id, session.device_number)
    with store.write() as work:
        keep_account(work, account, session.settings)
        keep_tokens(work, session.tokens)
        meta.put(work, Key.DEVICE_KEY, request.device.key)
        if numbers.device is None:
            numbers.keep_device(work, session.device_number)
    if numbers.device is None:
        numbers.took_device(session.device_number)
    calls.took_tokens(session.tokens)
    if not store.has_catalog or _held_version(store) != session.catalog_version:
        fetch_catalog(store, calls)
    return account


def _held_version(store: Store) -> str | None:
    with store.read() as work:
        found: str | None = meta.get(work, Key.CATALOG_VERSION)
        return found


def fetch_catalog(store: Store, calls: Calls) -> None:
    """Get the data model and bring the tables to it; the queue is not touched. Raises Refused, Unreachable."""
    raw = calls.get_bytes("/sync/v1/catalog")
    catalog = catalogs.decode(raw)
    with store.write() as work:
        meta.put(work, Key.CATALOG, raw)
        meta.put(work, Key.CATALOG_VERSION, catalog.version)
        tables = store.use_catalog(work, catalog, changed=True)
    store.took_catalog(tables)


def load_catalog(store: Store) -> None:
    """Take the catalog the store has, if it has one."""
    with store.read() as work:
        raw = meta.get(work, Key.CATALOG)
        tables = None if raw is None else store.use_catalog(work, catalogs.decode(raw), changed=False)
    if tables is not None:
        store.took_catalog(tables)
