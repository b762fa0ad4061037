"""The Field app put together: pages, acts, live updates, guard, errors."""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Response
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.response import Template

from fieldsync.base.problems import CATALOGUE, Refused
from fieldsync.base.world import World
from fieldsync.device import Device
from fieldsync.web.field.acts import ACTS
from fieldsync.web.field.context import AnyRequest, Field
from fieldsync.web.field.door import Door
from fieldsync.web.field.live import live
from fieldsync.web.field.pages import PAGES
from fieldsync.web.kit.guard import Guard
from fieldsync.web.kit.pages import static_router, templates

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def create_field_app(device: Device, door: Door, *, world: World, port: int, name: str) -> Litestar:
    """The application over this engine, answering on loopback at `port` only."""
    field = Field(device, door, name)
    hosts = frozenset(f"{host}:{port}" for host in LOOPBACK)
    return Litestar(
        route_handlers=[*PAGES, *ACTS, live, static_router("field")],  # type: ignore[list-item]
        dependencies={
            "app": Provide(lambda: field, sync_to_thread=False),
            "world": Provide(lambda: world, sync_to_thread=False),
        },
        template_config=templates("field"),
        middleware=[Guard(hosts.__contains__)],
        exception_handlers={Refused: _refused, HTTPException: _http},
        openapi_config=None,
        logging_config=None,
    )


def _refused(_: AnyRequest, refused: Refused) -> Response[Any]:
    """What the engine refuses, as a page."""
    found = refused.problem
    return _page("That did not work", found.message, found.remedy, CATALOGUE[found.code].status)


def _http(_: AnyRequest, error: HTTPException) -> Response[Any]:
    """What the framework or the door refuses, as a page."""
    heading = {401: "This is your device's app", 404: "There is nothing here"}.get(error.status_code, "Not possible")
    return _page(heading, str(error.detail), "Go back, or open the app anew.", error.status_code)


def _page(heading: str, sentence: str, remedy: str, status: int) -> Response[Any]:
    values = {"heading": heading, "sentence": sentence, "remedy": remedy}
    return Template("refused.html", context=values, status_code=status)
