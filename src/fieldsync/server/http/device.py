"""`/sync/v1/device`: what a device asks about itself, its number, territory and the rescue of its database."""

from __future__ import annotations

from litestar import get, post

from fieldsync.protocol.session import (
    AskRescue,
    KeepRescue,
    MyTerritories,
    NewNumber,
    Picked,
    PickTerritory,
    Rescue,
    RescueKept,
)
from fieldsync.server.http.context import AnyRequest, ServedHere, bearer, calling, org_for, reading
from fieldsync.server.postgres.work import transaction
from fieldsync.server.sync import session
from fieldsync.server.sync.devices import assigned, keep_rescue, pick_territory, rescue


@post("/device/number", status_code=200, summary="Another device number", tags=["session"])
async def device_number(request: AnyRequest, served: ServedHere) -> NewNumber:
    """For a device whose history parted from the server's."""
    org = org_for(served, request)
    async with calling(org, bearer(request)) as (work, caller):
        return await session.new_number(org, work, caller)


@get("/device/territories", summary="Territories to choose from", tags=["session"])
async def territories(request: AnyRequest, served: ServedHere) -> MyTerritories:
    """Those the person works in today: asked before the first download brings them."""
    org = org_for(served, request)
    async with reading(org, bearer(request)) as (work, caller):
        return await assigned(org, work, caller)


@post("/device/territory", status_code=200, summary="Pick a territory", tags=["session"])
async def territory(request: AnyRequest, served: ServedHere, data: PickTerritory) -> Picked:
    """The one of several that the person works in on this device."""
    org = org_for(served, request)
    async with calling(org, bearer(request)) as (work, caller):
        await pick_territory(org, work, caller, data.territory_id)
    return Picked(data.territory_id)


@post("/device/rescue", status_code=200, summary="Keep a way into the device's database", tags=["session"])
async def keep(request: AnyRequest, served: ServedHere, data: KeepRescue) -> RescueKept:
    """A secret that with what lies on the device opens its database."""
    org = org_for(served, request)
    async with calling(org, bearer(request)) as (work, caller):
        await keep_rescue(org, work, caller, data.secret)
    return RescueKept()


@post("/rescue", status_code=200, summary="Ask for that way", tags=["session"])
async def ask(served: ServedHere, data: AskRescue) -> Rescue:
    """For the person's password, while the device is in service."""
    org = served.org(data.org)
    async with transaction(org.pool) as work:
        person = await session.check_password(org, work, data.username, data.password)
        return Rescue(await rescue(org, work, person.id, data.device_number))


ROUTES = [device_number, territories, territory, keep, ask]
