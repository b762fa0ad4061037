"""The server's application: routes, limits, errors, OpenAPI, and the life of its pools and listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from litestar import Litestar, Router, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.middleware import ASGIMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.template.config import TemplateConfig
from litestar.types import ControllerRouterHandler
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from fieldsync.base import limits
from fieldsync.base.log import get_logger
from fieldsync.base.problems import Code, Refused
from fieldsync.base.version import VERSION
from fieldsync.base.world import World
from fieldsync.protocol.session import SERVICE, SYNC_VERSION, Greeting
from fieldsync.server.http import admin, device, media
from fieldsync.server.http.body import DecompressBody
from fieldsync.server.http.context import Served
from fieldsync.server.http.errors import HANDLERS
from fieldsync.server.http.routes import ROUTES
from fieldsync.server.org.open import open_orgs, reopen_org
from fieldsync.server.org.recalculate import recalculate
from fieldsync.server.org.runtime import Org
from fieldsync.server.org.upkeep import keep_up
from fieldsync.server.postgres.listen import CHANNEL, listen
from fieldsync.server.postgres.queue.ending import ended
from fieldsync.server.postgres.queue.worker import keep_working
from fieldsync.server.postgres.stored_catalog import CATALOG_CHANNEL
from fieldsync.server.postgres.work import DatabaseError
from fieldsync.server.processor.jobs import performing

UPKEEP_SECONDS = 3_600
FIRST_UPKEEP_SECONDS = 600
"""A server that is started anew more often than hourly keeps up all the same."""
REOPEN_SECONDS = 1.0
_log = get_logger("fieldsync.server")


@get("/health", summary="Is the server there", tags=["health"])
async def health() -> Greeting:
    """Answers while the process serves."""
    return Greeting("ok", VERSION, SERVICE, (SYNC_VERSION,))


@dataclass(frozen=True)
class Pages:
    """Pages to serve beside the sync protocol: the console, which this room knows nothing of."""

    routes: Sequence[ControllerRouterHandler]
    templates: TemplateConfig[Any]
    guard: ASGIMiddleware


def create_app(uri: str, world: World, *, pages: Pages | None = None, jobs: bool = True) -> Litestar:
    """The application over the PostgreSQL at `uri`, serving every org of its directory. `jobs`: it also does what saves
    put off, and the upkeep; else somebody beside it has to."""
    served = Served(uri=uri)
    apis = [
        Router("/sync/v1", route_handlers=[*ROUTES, *device.ROUTES, *media.ROUTES]),
        Router("/admin/v1", route_handlers=admin.ROUTES),
    ]
    routes: list[ControllerRouterHandler] = [*apis, health]
    return Litestar(
        route_handlers=[*routes, *(pages.routes if pages else ())],
        template_config=pages.templates if pages else None,
        dependencies={"served": Provide(lambda: served, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        lifespan=[_life(served, uri, world, jobs=jobs)],
        middleware=[*([pages.guard] if pages else []), DecompressBody()],
        request_max_body_size=limits.REQUEST_BYTES_MAX,
        openapi_config=OpenAPIConfig(
            title="fieldsync", version=VERSION, path="/openapi", render_plugins=[JsonRenderPlugin()]
        ),
        logging_config=None,
        state=State({"served": served, "on_stop": served.hub.close}),
    )


def _life(
    served: Served, uri: str, world: World, *, jobs: bool
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def life(_: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                served.orgs.update(await open_orgs(stack, uri, world))
            except Exception as wrong:
                _log.error("start", error=str(wrong), exc_info=wrong)
                raise
            work = [_listen(uri, served), *((_keep_up(uri, served, world), _do_jobs(uri, served)) if jobs else ())]
            tasks = [asyncio.create_task(one) for one in work]
            try:
                yield
            finally:
                for task in tasks:
                    failed = await ended(task, again_seconds=limits.WORKER_STOP_SECONDS)
                    if failed is not None:
                        _log.error("stop", error=str(failed), exc_info=failed)

    return life


async def _listen(uri: str, served: Served) -> None:
    """Pass on wake-ups, and take up what was deployed."""
    async for notice in listen(uri, [CHANNEL, CATALOG_CHANNEL]):
        if notice.channel == CHANNEL:
            served.hub.hear(notice.backend, notice.payload)
            continue
        for name, org in list(served.orgs.items()):
            if notice.payload in ("", org.schema):
                served.orgs[name] = await _taken_up(uri, org)


async def _taken_up(uri: str, org: Org) -> Org:
    """The org as it was deployed last; as this server has it, where a newer version has upgraded it.

    PostgreSQL may end the connection in the midst of it, or be away: it is tried until it is there again. Whoever else
    is to be woken waits meanwhile, and could read no news either.
    """
    while True:
        try:
            return await reopen_org(uri, org)
        except (Refused, SQLAlchemyError) as wrong:
            _log.error("reopen", org=org.name, error=str(wrong))
            away = isinstance(wrong, OperationalError) or (
                isinstance(wrong, Refused) and wrong.problem.code is Code.DATABASE_UNREACHABLE
            )
            if not away:
                return org
        await asyncio.sleep(REOPEN_SECONDS)


async def _do_jobs(uri: str, served: Served) -> None:
    """Run what saves of these orgs put off, in this process as in every other one that serves them."""
    if served.orgs:
        await keep_working(uri, list(served.orgs), performing(served.orgs, uri))


async def _keep_up(uri: str, served: Served, world: World) -> None:
    """Upkeep of every org, soon after the start and hourly. One that fails is told, and tried again an hour later."""
    await asyncio.sleep(FIRST_UPKEEP_SECONDS)
    while True:
        for name in list(served.orgs):
            try:
                await asyncio.to_thread(keep_up, uri, name, world)
                await recalculate(served.orgs[name], lambda *_: None)
            except (Refused, SQLAlchemyError, DatabaseError) as failed:
                _log.error("upkeep", org=name, error=str(failed))
        await asyncio.sleep(UPKEEP_SECONDS)
