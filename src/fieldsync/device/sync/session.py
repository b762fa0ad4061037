"""Signing in on this device, the catalog, and what both leave in the store."""

from __future__ import annotations

import base64

import msgspec

from fieldsync.base.faults import reach
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import Chance
from fieldsync.device.edit.numbers import Numbers
from fieldsync.device.merge.remodel import remodel
from fieldsync.device.queue import acknowledged
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import Store
from fieldsync.device.store.tables import bring_indexes, has_indexes
from fieldsync.device.store.work import Work
from fieldsync.device.sync.account import Account, keep_account, keep_tokens, read_account
from fieldsync.device.sync.calls import Calls
from fieldsync.device.sync.metadata.package import decoded, fetch_package
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.session import Session, SignIn
from fieldsync.soql.sqlite.letters import alphabet_of

DEVICE_KEY_BYTES = 32


class CatalogMoved(Exception):
    """What came is of another catalog than the store's: fetch that first, then ask again."""


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
    with store.read() as work:
        told = meta.get(work, Key.EPOCH) or ""
    request = msgspec.structs.replace(request, device=known, epoch=told)
    session = calls.open_post("/sync/v1/session", request, Session)
    if before is not None and (before.org_id, before.user.id) != (session.org_id, session.user.id):
        raise Refused(problem(Code.FORBIDDEN, reason="this device database belongs to another person"))
    return take_session(store, calls, numbers, (request.org, request.device.key, session))


def take_session(store: Store, calls: Calls, numbers: Numbers, opened: tuple[str, str, Session]) -> Account:
    """Keep a session: the org's name, the key it is bound to, and what the server said. Raises Unreachable, Refused."""
    org, key, session = opened
    account = Account(session.user, org, session.org_id, session.device_number, support=session.support)
    with store.write() as work:
        keep_account(work, account, session.settings)
        keep_tokens(work, session.tokens)
        acknowledged.follow(work, store.tables if store.has_catalog else None, session.tokens.history)
        meta.put(work, Key.DEVICE_KEY, key)
        if numbers.device is None:
            numbers.keep_device(work, session.device_number)
    if numbers.device is None:
        numbers.took_device(session.device_number)
    calls.took_tokens(session.tokens)
    if not _holds(store, session):
        fetch_catalog(store, calls, numbers.now())
    return account


def _holds(store: Store, session: Session) -> bool:
    """Whether the store has the data model of this session, with the person's profile in it."""
    if not store.has_catalog:
        return False
    catalog = store.tables.catalog
    mine = not catalog.profiles or session.user.profile in catalog.profiles
    return mine and catalog.version == session.catalog_version


def fetch_catalog(store: Store, calls: Calls, now: str) -> list[RecordRef]:
    """Get the data model and bring the store to it, in one transaction; the queue keeps what it says.

    Returns the records whose rows may have changed. Raises Refused, Unreachable; APP_TOO_OLD for a model this version
    of the app does not understand. Then the store is as it was.
    """
    fetched = fetch_package(store, calls)
    with store.lock:
        before = store.tables if store.has_catalog else None
        with store.write() as work:
            meta.put(work, Key.CATALOG, fetched.raw)
            meta.put(work, Key.CATALOG_VERSION, fetched.catalog.version)
            meta.put(work, Key.CATALOG_AT, now)
            _keep_profile(work, fetched.profile)
            tables = store.use_catalog(work, fetched.catalog, changed=True, language=_alphabet(work))
            reach("catalog.migrated")
            freed = remodel(work, before, tables) if before is not None else []
            reach("catalog.before_commit")
        store.took_catalog(tables)
    reach("catalog.after_commit")
    return freed


def _keep_profile(work: Work, profile: str | None) -> None:
    """The person has this profile by now: the package brings no other."""
    account = read_account(work)
    if account is not None and profile is not None and account.user.profile != profile:
        user = msgspec.structs.replace(account.user, profile=profile)
        keep_account(work, msgspec.structs.replace(account, user=user), account.settings)


def _alphabet(work: Work) -> str:
    """By which the person reads lists, as of the last sign-in."""
    account = read_account(work)
    return "" if account is None else alphabet_of(account.user.locale)


def load_catalog(store: Store) -> None:
    """Take the catalog the store has, if it has one. Raises Refused(APP_TOO_OLD) after a step back of the app."""
    with store.read() as work:
        raw, version = meta.get(work, Key.CATALOG), meta.get(work, Key.CATALOG_VERSION)
        catalog = None if raw is None else decoded(raw, version)
        tables = None if catalog is None else store.use_catalog(work, catalog, changed=False, language=_alphabet(work))
        whole = tables is None or has_indexes(work, tables)
    if tables is not None and not whole:
        with store.write() as work:
            bring_indexes(work, tables)
    if tables is not None:
        store.took_catalog(tables)
