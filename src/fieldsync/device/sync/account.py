"""Who is signed in on this store, and the settings the server gave."""

from __future__ import annotations

import msgspec

from fieldsync.base import limits
from fieldsync.base.ids import DeviceNumber
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.work import Work
from fieldsync.protocol.download import Reload
from fieldsync.protocol.session import Settings, Support, Tokens, UserInfo

DEFAULT_SETTINGS = Settings(
    poll_seconds=limits.POLL_SECONDS,
    heartbeat_seconds=limits.HEARTBEAT_SECONDS,
    items_per_transaction=limits.TRANSACTION_ITEMS_MAX,
    overdue_days=limits.OVERDUE_DAYS,
    offline_days=limits.OFFLINE_DAYS,
)


class Account(msgspec.Struct, frozen=True):
    """The one user and org of a store."""

    user: UserInfo
    org: str
    org_id: str
    device_number: DeviceNumber
    as_of: str | None = None
    """When the last download ended, by the server's clock."""
    model_at: str | None = None
    """When the data model was fetched, by this device's clock: rights that were given since may not show (F05)."""
    settings: Settings = DEFAULT_SETTINGS
    """What an admin set for the person's devices, as of the last download."""
    support: Support | None = None
    """Of a support session: who looks, and whether he may save."""


def read_account(work: Work) -> Account | None:
    """Who is signed in; None before the first sign-in."""
    raw = meta.get(work, Key.ACCOUNT)
    if raw is None:
        return None
    account = msgspec.json.decode(raw, type=Account)
    return msgspec.structs.replace(
        account,
        device_number=meta.get(work, Key.DEVICE_NUMBER),
        as_of=meta.get(work, Key.AS_OF),
        model_at=meta.get(work, Key.CATALOG_AT),
        settings=read_settings(work),
    )


def keep_account(work: Work, account: Account, settings: Settings) -> None:
    """Write who is signed in and the settings to follow; what follows from sync rules only a download says."""
    meta.put(work, Key.ACCOUNT, msgspec.json.encode(account))
    now = read_settings(work)
    by_rules = {"one_way": now.one_way, "files": now.files, "attachments": now.attachments, "texts": now.texts}
    keep_settings(work, msgspec.structs.replace(settings, **by_rules))


def keep_settings(work: Work, settings: Settings) -> None:
    """Write the settings to follow from here on."""
    meta.put(work, Key.SETTINGS, msgspec.json.encode(settings))


def keep_wishes(work: Work, settings: Settings | None, reload: Reload | None) -> None:
    """What a download says an admin wants: settings, where it told them, and a reload, until it was done."""
    if settings is not None:
        keep_settings(work, settings)
    meta.put(work, Key.RELOAD, None if reload is None else msgspec.json.encode(reload))


def read_settings(work: Work) -> Settings:
    """The settings to follow."""
    raw = meta.get(work, Key.SETTINGS)
    return DEFAULT_SETTINGS if raw is None else msgspec.json.decode(raw, type=Settings)


def read_tokens(work: Work) -> Tokens | None:
    """The pair of tokens; None when nobody is signed in, or has to sign in again."""
    raw = meta.get(work, Key.TOKENS)
    return None if raw is None else msgspec.json.decode(raw, type=Tokens)


def keep_tokens(work: Work, tokens: Tokens | None) -> None:
    """Write the pair of tokens, or take it away; without what was told of the server's history, which is followed at
    once."""
    kept = None if tokens is None else msgspec.json.encode(msgspec.structs.replace(tokens, history=None))
    meta.put(work, Key.TOKENS, kept)
