"""Statements for signing in, registering devices and recognising tokens. Built once; see `session.py` for their use."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ClauseElement,
    ColumnElement,
    Table,
    Text,
    any_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from fieldsync.schema.access.metadata_api import SETTING
from fieldsync.server.postgres.compiled import compile_statement

ASSIGNMENT, PERMISSION_SET = "Permission_Set_Assignment", "Permission_Set"


class SessionStatements:
    """The session's statements for one catalog's tables."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.person = compile_statement(_person(tables))
        self.signed_in = compile_statement(_signed_in(tables["User"]))
        self.caller = compile_statement(_caller(tables))
        self.numbers = compile_statement(_numbers(tables["_device_number"]))
        self.in_service = compile_statement(_in_service(tables["Device"]))
        self.number_holder = compile_statement(_number_holder(tables["_device_number"]))
        self.add_number = compile_statement(_add(tables["_device_number"], _NUMBER_COLUMNS))
        self.number_exists = compile_statement(_number_exists(tables["_device_number"]))
        self.add_session = compile_statement(_add(tables["_session"], [c.name for c in tables["_session"].c]))
        self.by_refresh = compile_statement(_by_refresh(tables["_session"]))
        self.rotate = compile_statement(_rotate(tables["_session"]))
        self.first_use = compile_statement(_first_use(tables["_session"]))
        self.uploaded = compile_statement(_seen(tables["Device"], "Last_Seen_At", "Last_Upload_At"))
        self.downloaded = compile_statement(_seen(tables["Device"], "Last_Seen_At", "Last_Download_At"))
        self.drop_session = compile_statement(
            delete(tables["_session"]).where(tables["_session"].c.access_hash == bindparam("access"))
        )
        self.drop_user_sessions = compile_statement(
            delete(tables["_session"]).where(tables["_session"].c.user_id == bindparam("user"))
        )


_NUMBER_COLUMNS = ["number", "device_id", "key_hash", "user_id", "issued_at"]


def _add(table: Table, names: list[str]) -> ClauseElement:
    return insert(table).values({name: bindparam(name) for name in names})


def _person(tables: Mapping[str, Table]) -> ClauseElement:
    """Who has this user name, with the hash of the password and the permission sets held."""
    user, profile, credential, head = (tables[n] for n in ("User", "Profile", "_credential", "_user_head"))
    joined = (
        user.join(profile, profile.c.Id == user.c.ProfileId)
        .join(credential, credential.c.user_id == user.c.Id)
        .join(head, head.c.user_id == user.c.Id)
    )
    columns = (
        user.c.Id,
        user.c.Username,
        user.c.Name,
        profile.c.Name,
        user.c.TimeZoneSidKey,
        user.c.LocaleSidKey,
        credential.c.password_hash,
        user.c.IsActive.is_(True) & head.c.revoked.is_(False) & user.c.IsDeleted.is_(False),
        held_sets(tables, user.c.Id),
        user.c.LanguageLocaleKey,
    )
    return select(*columns).select_from(joined).where(func.lower(user.c.Username) == func.lower(bindparam("username")))


def _signed_in(user: Table) -> ClauseElement:
    """When somebody last gave the password. It is no change of the record: no stamp, and no device is told. Where a
    save holds the record, that one is not waited for."""
    there = user.alias("there")
    free = select(there.c.Id).where(there.c.Id == bindparam("user")).with_for_update(key_share=True, skip_locked=True)
    return update(user).where(user.c.Id == free.scalar_subquery()).values(Last_Login=bindparam("now"))


def _caller(tables: Mapping[str, Table]) -> ClauseElement:
    """Whose token this is, and all that his rights follow from. `numbers` are all numbers of the device's key."""
    session, user, profile, head = (tables[n] for n in ("_session", "User", "Profile", "_user_head"))
    mine, all_numbers = tables["_device_number"].alias("mine"), tables["_device_number"].alias("all_numbers")
    numbers = (
        select(func.array_agg(all_numbers.c.number)).where(all_numbers.c.key_hash == mine.c.key_hash).scalar_subquery()
    )
    joined = (
        session.join(user, user.c.Id == session.c.user_id)
        .join(profile, profile.c.Id == user.c.ProfileId)
        .join(head, head.c.user_id == user.c.Id)
        .outerjoin(mine, mine.c.number == session.c.device)
        .outerjoin(tables["Device"], tables["Device"].c.Id == mine.c.device_id)
    )
    fresh = session.c.access_expires > bindparam("now")
    device = tables["Device"]
    lasts = or_(device.c.Support_ById.is_(None), device.c.Support_Until > bindparam("now"))
    active = user.c.IsActive.is_(True) & head.c.revoked.is_(False)
    who = (user.c.Id, profile.c.Name, mine.c.device_id, session.c.device, numbers, session.c.previous_refresh_hash)
    rights = (held_sets(tables, user.c.Id), head.c.rights_version, _deployed(tables["_catalog"]))
    guard = (tables["Device"].c.Platform, _guard_setting(tables["Sync_Setting"], user))
    support = (device.c.Support_ById, device.c.Support_Editing.is_(True))
    query = select(*who, *rights, *guard, *_orders(device), *support).select_from(joined)
    return query.where(session.c.access_hash == bindparam("access"), fresh, active, lasts)


def _orders(device: Table) -> tuple[ColumnElement[bool], ...]:
    """Whether the device does nothing before it was emptied; whether an admin wants something of it. One that is to
    send first may go on once it was told."""
    sends = device.c.Wipe_Send_First.is_(True) & device.c.Wipe_Told_At.is_not(None)
    wiped = device.c.Wipe.is_(True)
    return func.coalesce(wiped & ~sends, False), wiped | device.c.Send_Queue.is_(True)


def held_sets(tables: Mapping[str, Table], user_id: ColumnElement[str]) -> ColumnElement[list[str]]:
    """The names of the permission sets somebody has at the instant bound as `now`; null for none."""
    if ASSIGNMENT not in tables:  # the org was deployed before there were any
        return literal(None, ARRAY(Text))
    given, declared = tables[ASSIGNMENT], tables[PERMISSION_SET]
    joined = given.join(declared, declared.c.Id == given.c.Permission_SetId)
    lasting = or_(given.c.Expiration_Date.is_(None), given.c.Expiration_Date > bindparam("now"))
    present = given.c.IsDeleted.is_(False) & declared.c.IsDeleted.is_(False)
    names = select(func.array_agg(declared.c.Name)).select_from(joined)
    return names.where(given.c.AssigneeId == user_id, present, lasting).scalar_subquery()


def _deployed(catalog: Table) -> ColumnElement[str]:
    """The version of the catalog deployed last."""
    return select(catalog.c.version).where(catalog.c.current).limit(1).scalar_subquery()


def _guard_setting(setting: Table, user: Table) -> ColumnElement[str]:
    """What the profile of this person says of the guard, else the org."""
    here = or_(setting.c.ProfileId == user.c.ProfileId, setting.c.ProfileId.is_(None))
    values = select(setting.c.Value).where(setting.c.Setting == SETTING, here, setting.c.IsDeleted.is_(False))
    return values.order_by(setting.c.ProfileId.nulls_last(), setting.c.Id).limit(1).scalar_subquery()


def _numbers(device: Table) -> ClauseElement:
    """Numbers issued to a key, oldest first."""
    columns = (device.c.number, device.c.device_id, device.c.user_id, device.c.confirmed_through, device.c.high_n)
    rows = select(*columns).where(device.c.key_hash == bindparam("key"))
    return rows.order_by(device.c.issued_at, device.c.number)


def _in_service(device: Table) -> ClauseElement:
    return select(device.c.Active, device.c.Wipe).where(device.c.Id == bindparam("device"))


def _number_holder(device: Table) -> ClauseElement:
    return select(device.c.key_hash).where(device.c.number == bindparam("number"))


def _number_exists(device: Table) -> ClauseElement:
    return select(device.c.number).where(device.c.number == any_(bindparam("numbers")))


def _seen(device: Table, *columns: str) -> ClauseElement:
    """Note the instant in these columns of the device's record."""
    moment: BindParameter[object] = bindparam("now")
    return update(device).where(device.c.Id == bindparam("device")).values(dict.fromkeys(columns, moment))


def _by_refresh(session: Table) -> ClauseElement:
    columns = (session.c.access_hash, session.c.user_id, session.c.device, session.c.refresh_expires)
    token: BindParameter[str] = bindparam("refresh")
    known = (session.c.refresh_hash == token) | (session.c.previous_refresh_hash == token)
    return select(*columns).where(known).with_for_update()


def _rotate(session: Table) -> ClauseElement:
    values: dict[str, BindParameter[object]] = {
        "access_hash": bindparam("new_access"),
        "refresh_hash": bindparam("new_refresh"),
        "previous_refresh_hash": bindparam("used"),
        "access_expires": bindparam("access_expires"),
        "refresh_expires": bindparam("refresh_expires"),
    }
    return update(session).where(session.c.access_hash == bindparam("access")).values(values)


def _first_use(session: Table) -> ClauseElement:
    """The new pair was used, so the reply arrived: the refresh token before it is void."""
    return update(session).where(session.c.access_hash == bindparam("access")).values(previous_refresh_hash=None)
