"""The server's application: routes, limits, errors, OpenAPI, and the life of its pools and listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress

from litestar import Litestar, Router, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ControllerRouterHandler

from fieldsync.base import limits
from fieldsync.base.version import VERSION
from fieldsync.base.world import World
from fieldsync.server.http.body import DecompressBody
from fieldsync.server.http.context import Served
from fieldsync.server.http.errors import HANDLERS
from fieldsync.server.http.routes import ROUTES
from fieldsync.server.org.open import open_orgs, reopen_org
from fieldsync.server.postgres.listen import listen
from fieldsync.server.postgres.stored_catalog import CATALOG_CHANNEL
from fieldsync.server.sync.wake import CHANNEL


@get("/health", summary="Is the server there", tags=["health"])
async def health() -> dict[str, str]:
    """Answers while the process serves."""
    return {"status": "ok", "version": VERSION}


def create_app(
    uri: str, world: World, *, extra_routes: Callable[[Served], list[ControllerRouterHandler]] | None = None
) -> Litestar:
    """The application over the PostgreSQL at `uri`, serving every org of its directory."""
    served = Served()
    routes: list[ControllerRouterHandler] = [Router("/sync/v1", route_handlers=ROUTES), health]
    if extra_routes is not None:
        routes += extra_routes(served)
    return Litestar(
        route_handlers=routes,
        dependencies={"served": Provide(lambda: served, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        lifespan=[_life(served, uri, world)],
        middleware=[DecompressBody()],
        request_max_body_size=limits.REQUEST_BYTES_MAX,
        openapi_config=OpenAPIConfig(
            title="fieldsync", version=VERSION, path="/openapi", render_plugins=[JsonRenderPlugin()]
        ),
        state=State({"served": served}),
    )


def _life(served: Served, uri: str, world: World) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def life(_: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            served.orgs.update(await open_orgs(stack, uri, world))
            listener = asyncio.create_task(_listen(uri, served))
            try:
                yield
            finally:
                listener.cancel()
                with suppress(asyncio.CancelledError):
                    await listener

    return life


async def _listen(uri: str, served: Served) -> None:
    """Pass on wake-ups, and take up what was deployed."""
    async for notice in listen(uri, [CHANNEL, CATALOG_CHANNEL]):
        if notice.channel == CHANNEL:
            served.hub.wake(notice.payload)
            continue
        for name, org in list(served.orgs.items()):
            if notice.payload in ("", org.schema):
                served.orgs[name] = await reopen_org(uri, org)
