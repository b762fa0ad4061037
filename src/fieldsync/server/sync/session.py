"""Signing in, registering devices, recognising tokens (THREATS T3, T6, T16).

Tokens are random and opaque; only their hashes are stored. An access token names its org, so that a request finds its
database without asking. A refresh token is bound to the device key and rotates; the one before stays valid until the
new pair is first used, so a lost reply locks nobody out.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

from fieldsync.base import limits
from fieldsync.base.ids import DEVICE_CHARS, DEVICE_NUMBERS, DeviceNumber, RecordId, base62
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.session import (
    DeviceDescription,
    History,
    NewNumber,
    Renew,
    Session,
    SignIn,
    Software,
    Supporter,
    Tokens,
    UserInfo,
)
from fieldsync.schema.access import metadata_api
from fieldsync.server.configuration.mobile import settings_of
from fieldsync.server.org.passwords import verify
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Question, transaction
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.recovery.standing import history_for, may_take_back
from fieldsync.server.save.batch import Caller, Channel
from fieldsync.server.sync.devices import register_device
from fieldsync.server.sync.support.may_look import may_still_look

Foresee = Callable[[Caller], Iterable[Question]]
"""The first questions of a request, for a caller."""
Begin = Callable[[], AbstractAsyncContextManager[tuple[Database, Caller]]]
"""Opens the request's database transaction and says who is asking, in it."""
BeginAhead = Callable[[Foresee], AbstractAsyncContextManager[tuple[Database, Caller]]]
"""The same, with what will be asked first."""
TOKEN_BYTES = 32
DEVICE_KEY_CHARS_MIN = 43


def digest(secret: str) -> str:
    """What is stored of a token or device key."""
    return hashlib.sha256(secret.encode()).hexdigest()


def org_of(token: str) -> str:
    """The org an access or refresh token is for. Raises Refused(AUTH) for what is no token."""
    kind, _, rest = token.partition(".")
    name, _, secret = rest.rpartition(".")
    if kind != "fs1" or not name or not secret:
        raise Refused(problem(Code.AUTH))
    return name


def new_token(org: Org) -> str:
    """A fresh token of this org."""
    secret = base64.urlsafe_b64encode(org.world.chance.bytes(TOKEN_BYTES)).decode().rstrip("=")
    return f"fs1.{org.name}.{secret}"


async def authenticate(org: Org, database: Database, token: str) -> Caller:
    """Who holds this access token, asked inside the request's own transaction. Raises Refused(AUTH)."""
    caller, first_use = await recognise(org, database, token)
    if first_use:
        await database.run(org.session.first_use, access=digest(token))
    return caller


async def recognise(org: Org, database: Database, token: str, at: datetime | None = None) -> tuple[Caller, bool]:
    """Who holds this access token (`at` this instant, or now) with which rights, and whether this is its first use.

    Raises Refused: AUTH; DEVICE_WIPE; METADATA_API; BUSY while this server has not taken up what was deployed last.
    """
    row = await database.one(org.session.caller, access=digest(token), now=at or org.world.clock.now())
    if row is None or (row[13] and not await may_still_look(org, database, row[13])):
        raise Refused(problem(Code.AUTH))
    user_id, profile, device_id, number, numbers, previous, sets, rights_version, deployed, platform, guard = row[:11]
    wiping, ordered, supporter, editing = row[11:]
    if wiping:
        raise Refused(problem(Code.DEVICE_WIPE))
    if deployed != org.catalog.version:
        raise Refused(problem(Code.BUSY), retry_after_seconds=1.0)
    rights = org.rights.of(profile, sets or ())
    if metadata_api.refuses(rights, platform, guard):
        raise Refused(problem(Code.METADATA_API, platform=platform))
    channel = Channel.DEVICE if number is not None else Channel.API
    caller = Caller(
        user_id,
        profile,
        channel,
        device_id,
        number,
        frozenset(numbers or ()),
        rights=rights,
        rights_version=rights_version,
        software=Software(platform),
        ordered=bool(ordered),
        supporter=Supporter(supporter, bool(editing)) if supporter else None,
    )
    org.callers.keep(digest(token), caller)
    return caller, previous is not None


async def sign_in(org: Org, database: Database, request: SignIn) -> Session:
    """Check the password, register a new device, open a session. Raises Refused(AUTH, BAD_REQUEST, FORBIDDEN)."""
    user = await check_password(org, database, request.username, request.password)
    description = request.device
    if not DEVICE_KEY_CHARS_MIN <= len(description.key) <= 128:
        raise Refused(problem(Code.BAD_REQUEST, reason="the device key must have 43 to 128 characters"))
    number = await _number_for(org, database, user.id, description)
    history = await history_for(org, database, digest(description.key), request.epoch)
    return await open_session(org, database, user, number, history)


async def check_password(org: Org, database: Database, username: str, password: str) -> UserInfo:
    """The user with this name and password. Unknown name, wrong password and inactive user look alike. How often
    somebody may ask is for `guesses.attempt` to say, before."""
    row = await database.one(org.session.person, username=username, now=org.world.clock.now())
    right = await asyncio.to_thread(verify, row[6] if row else None, password)
    if row is None or not right or not row[7]:
        raise Refused(problem(Code.AUTH))
    database.later(org.session.signed_in, user=row[0], now=org.world.clock.now())
    return _info(row)


async def person(org: Org, database: Database, username: str) -> UserInfo:
    """The active user with this name, for whoever may act for him. Raises Refused(NOT_FOUND)."""
    row = await database.one(org.session.person, username=username, now=org.world.clock.now())
    if row is None or not row[7]:
        raise Refused(problem(Code.NOT_FOUND, object="An active user", id=username))
    return _info(row)


def _info(row: tuple[Any, ...]) -> UserInfo:
    user_id, name, full_name, profile, zone, locale = row[:6]
    sets, language = tuple(sorted(row[8] or ())), row[9] or ""
    return UserInfo(user_id, name, full_name, profile, zone or "UTC", locale or "en-US", sets, language)


async def _number_for(org: Org, database: Database, user_id: RecordId, description: DeviceDescription) -> DeviceNumber:
    """The newest number of this device's key; a first one for a key never seen. A key belongs to one user."""
    key = digest(description.key)
    issued = await database.rows(org.session.numbers, key=key)
    if issued:
        if issued[-1][2] != user_id:
            raise Refused(problem(Code.FORBIDDEN, reason="this device database belongs to another person"))
        working = await database.one(org.session.in_service, device=issued[-1][1])
        if working is not None and working[1]:
            raise Refused(problem(Code.DEVICE_WIPE))
        if working is not None and not working[0]:
            raise Refused(problem(Code.FORBIDDEN, reason="an admin took this device out of service"))
        return await _taken_back(org, database, description.number, key) or DeviceNumber(issued[-1][0])
    device_id = await register_device(org, database, user_id, description)
    if await may_take_back(org, database, description.number or ""):
        return await _give(org, database, description.number or "", (user_id, device_id, key))
    return await issue(org, database, user_id, device_id, key)


async def _taken_back(org: Org, database: Database, number: str | None, key: str) -> DeviceNumber | None:
    """The number a device of this key holds, where a restored server does not know of it any more."""
    issued = await database.rows(org.session.numbers, key=key)
    if not number or any(number == known for known, *_ in issued):
        return None
    if not await may_take_back(org, database, number):
        return None
    _, device_id, user_id, *_ = issued[-1]
    return await _give(org, database, number, (user_id, device_id, key))


async def issue(org: Org, database: Database, user_id: RecordId, device_id: RecordId, key: str) -> DeviceNumber:
    """A number of its own for a person's device, under the digest of its key."""
    while True:
        candidate = base62(org.world.chance.below(DEVICE_NUMBERS), DEVICE_CHARS)
        if await database.one(org.session.number_holder, number=candidate) is None:
            break
    return await _give(org, database, candidate, (user_id, device_id, key))


async def _give(org: Org, database: Database, number: str, to: tuple[RecordId, RecordId, str]) -> DeviceNumber:
    """A number nobody has, to a person's device with this key."""
    given = {"user_id": to[0], "device_id": to[1], "key_hash": to[2], "issued_at": org.world.clock.now()}
    await database.run(org.session.add_number, number=number, **given)
    return DeviceNumber(number)


async def new_number(org: Org, database: Database, caller: Caller) -> NewNumber:
    """Another number for the asking device, after a fork (DESIGN 5)."""
    if caller.number is None or caller.device_id is None:
        raise Refused(problem(Code.FORBIDDEN, reason="only a device has a number"))
    row = await database.one(org.session.number_holder, number=caller.number)
    assert row is not None
    return NewNumber(await issue(org, database, caller.user_id, caller.device_id, row[0]))


async def open_session(
    org: Org, database: Database, user: UserInfo, number: DeviceNumber | None, history: History | None = None
) -> Session:
    """A session of somebody who was recognised."""
    access, refresh = new_token(org), new_token(org)
    now = org.world.clock.now()
    await database.run(
        org.session.add_session,
        access_hash=digest(access),
        refresh_hash=digest(refresh),
        previous_refresh_hash=None,
        user_id=user.id,
        device=number,
        access_expires=now + timedelta(hours=limits.ACCESS_TOKEN_HOURS),
        refresh_expires=now + timedelta(days=limits.REFRESH_TOKEN_DAYS),
    )
    tokens = Tokens(access, refresh, limits.ACCESS_TOKEN_HOURS * 3600, history)
    wished = await database.one(org.read.wished, user=user.id)
    assert wished is not None, "who signs in is there"
    settings = settings_of(wished[2:], detailed_log=wished[1])
    return Session(tokens, user, org.org_id, number or DeviceNumber(""), settings, org.catalog.version)


async def open_console(org: Org, database: Database, username: str, password: str) -> tuple[UserInfo, str]:
    """A browser session without a device: who, and its access token. Raises Refused(AUTH)."""
    user = await check_password(org, database, username, password)
    session = await open_session(org, database, user, None)
    return user, session.tokens.access_token


async def close(org: Org, database: Database, token: str) -> None:
    """Sign out: the token is void from here on."""
    await database.run(org.session.drop_session, access=digest(token))


async def renew(org: Org, database: Database, request: Renew) -> Tokens:
    """A fresh pair for a refresh token and the key it is bound to. Raises Refused(AUTH).

    With another key the token was stolen: every session of the user ends.
    """
    row = await database.one(org.session.by_refresh, refresh=digest(request.refresh_token))
    now = org.world.clock.now()
    if row is None or row[3] is None or row[3] <= now:
        raise Refused(problem(Code.AUTH))
    access, user_id, number, _ = row
    holder = await database.one(org.session.number_holder, number=number)
    if holder is None or holder[0] != digest(request.device_key):
        raise StolenToken(user_id)
    fresh_access, fresh_refresh = new_token(org), new_token(org)
    await database.run(
        org.session.rotate,
        access=access,
        new_access=digest(fresh_access),
        new_refresh=digest(fresh_refresh),
        used=digest(request.refresh_token),
        access_expires=now + timedelta(hours=limits.ACCESS_TOKEN_HOURS),
        refresh_expires=now + timedelta(days=limits.REFRESH_TOKEN_DAYS),
    )
    await _taken_back(org, database, request.number, holder[0])
    history = await history_for(org, database, holder[0], request.epoch)
    return Tokens(fresh_access, fresh_refresh, limits.ACCESS_TOKEN_HOURS * 3600, history)


class StolenToken(Exception):
    """A refresh token came with a key it is not bound to."""

    def __init__(self, user_id: RecordId) -> None:
        super().__init__(user_id)
        self.user_id = user_id


async def note_download(org: Org, caller: Caller) -> None:
    """The device has all it asked for: the console shows since when (FEATURES I11)."""
    if caller.device_id is not None:
        async with transaction(org.pool) as database:
            await database.run(org.session.downloaded, device=caller.device_id, now=org.world.clock.now())


async def revoke_sessions(org: Org, database: Database, user_id: RecordId) -> None:
    """Every session of this user ends."""
    await database.run(org.session.drop_user_sessions, user=user_id)


def refused() -> Refused:
    """The one answer to every failed sign-in or token."""
    return Refused(problem(Code.AUTH))
