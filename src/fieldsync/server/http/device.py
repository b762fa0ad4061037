"""`/sync/v1/device`: what a device asks about itself: number, territory, the rescue of its database; and, without a
session, what an admin wants of it, and that it was done."""

from __future__ import annotations

from litestar import get, post

from fieldsync.protocol import wire
from fieldsync.protocol.clearing import HandedOver, HandOver, Known, Orders, Wiped
from fieldsync.protocol.session import (
    AskRescue,
    KeepRescue,
    MyTerritories,
    NewNumber,
    OpenSupport,
    Picked,
    PickTerritory,
    Rescue,
    RescueKept,
    Session,
    Support,
)
from fieldsync.server.http.context import AnyRequest, ServedHere, bearer, calling, entering, org_for, reading
from fieldsync.server.postgres.work import transaction
from fieldsync.server.sync import session
from fieldsync.server.sync.devices import assigned, keep_rescue, pick_territory, rescue
from fieldsync.server.sync.orders import orders
from fieldsync.server.sync.support import support


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
async def ask(request: AnyRequest, served: ServedHere, data: AskRescue) -> Rescue:
    """For the person's password, while the device is in service."""
    org = served.org(data.org)
    async with entering(org, request, data.username) as work:
        person = await session.check_password(org, work, data.username, data.password)
        return Rescue(await rescue(org, work, person.id, data.device_number))


@post("/device/orders", status_code=200, summary="What an admin wants of a device", tags=["session"])
async def device_orders(served: ServedHere, data: Known) -> Orders:
    """Asked with the key the device registered with; one that nobody knows is told of nothing."""
    org = served.org(data.org)
    async with transaction(org.pool) as work:
        return await orders.orders(org, work, data)


@post("/device/queue", status_code=200, summary="Hand over a device's queue", tags=["session"])
async def device_queue(request: AnyRequest, served: ServedHere) -> HandedOver:
    """Saves that are not settled, kept for an admin; nothing of them is applied by it."""
    sent = wire.decode(await request.body(), HandOver)
    org = served.org(sent.org)
    async with transaction(org.pool) as work:
        return await orders.hand_over(org, work, sent)


@post("/device/wiped", status_code=200, summary="A device was emptied", tags=["session"])
async def device_wiped(served: ServedHere, data: Wiped) -> HandedOver:
    """Its store and its key are gone: its sessions end, and it is out of service."""
    org = served.org(data.org)
    async with transaction(org.pool) as work:
        await orders.wiped(org, work, data)
    return HandedOver(0)


@post("/support", status_code=200, summary="Open a support session", tags=["session"])
async def open_support(served: ServedHere, data: OpenSupport) -> Session:
    """With the code that the console showed the admin who began it; it works once."""
    org = served.org(support.split(data.code)[0])
    async with transaction(org.pool) as work:
        return await support.open_begun(org, work, data)


@get("/support", summary="How a support session stands", tags=["session"])
async def support_standing(request: AnyRequest, served: ServedHere) -> Support:
    """Who looks, until when, and whether he may save."""
    org = org_for(served, request)
    async with reading(org, bearer(request)) as (work, caller):
        return await support.standing(org, work, caller)


@post("/support/end", status_code=200, summary="End a support session", tags=["session"])
async def end_support(request: AnyRequest, served: ServedHere) -> Support:
    """By the one who looks."""
    org = org_for(served, request)
    async with calling(org, bearer(request), looks=True) as (work, caller):
        return await support.end(org, work, caller, caller.device_id or "")


SUPPORT = [open_support, support_standing, end_support]
ROUTES = [*SUPPORT, device_number, territories, territory, keep, ask, device_orders, device_queue, device_wiped]
