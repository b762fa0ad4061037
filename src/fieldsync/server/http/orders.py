"""`/sync/v1/device/...` for a device that may have no session: what an admin wants of it, and that it was done."""

from __future__ import annotations

from litestar import post

from fieldsync.protocol import wire
from fieldsync.protocol.clearing import HandedOver, HandOver, Known, Orders, Wiped
from fieldsync.server.http.context import AnyRequest, ServedHere
from fieldsync.server.postgres.work import transaction
from fieldsync.server.sync.orders import orders


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


ORDER_ROUTES = (device_orders, device_queue, device_wiped)
