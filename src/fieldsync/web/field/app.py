"""The Field app put together: pages, acts, live updates, guard, errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import MediaType
from litestar.exceptions import HTTPException

from fieldsync.base.log import get_logger
from fieldsync.base.problems import CATALOGUE, Refused
from fieldsync.base.world import World
from fieldsync.device import Device
from fieldsync.web.field.acts import ACTS
from fieldsync.web.field.changes import Changes
from fieldsync.web.field.content.attached import ATTACHING
from fieldsync.web.field.content.pages import CONTENT_PAGES
from fieldsync.web.field.content.serving import SERVING, SLIDES
from fieldsync.web.field.context import AnyRequest, Field, KnownTongue
from fieldsync.web.field.day.pages import DAY_PAGES
from fieldsync.web.field.door import Door
from fieldsync.web.field.live import live
from fieldsync.web.field.lock.lock import Lock
from fieldsync.web.field.lock.pages import LOCK_PAGES, LockGate
from fieldsync.web.field.pages import PAGES
from fieldsync.web.field.presence import Presence
from fieldsync.web.field.sync.pages import SYNC_PAGES
from fieldsync.web.field.sync.runner import Runner
from fieldsync.web.field.work.pages import RECORD_PAGES
from fieldsync.web.field.work.saving import SAVING
from fieldsync.web.kit.guard import Guard
from fieldsync.web.kit.pages import static_router, templates
from fieldsync.web.kit.speaking import Speaking
from fieldsync.web.kit.tongue import N_, _, remedy, sentence, speak

_log = get_logger("fieldsync.field")
HANDLERS = (
    *PAGES,
    *RECORD_PAGES,
    *SAVING,
    *SYNC_PAGES,
    *DAY_PAGES,
    *LOCK_PAGES,
    *CONTENT_PAGES,
    *SERVING,
    *ATTACHING,
    *ACTS,
    live,
)
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def create_field_app(
    device: Device, door: Door, *, world: World, port: int, name: str, lock: Lock | None = None, rests: bool = False
) -> Litestar:
    """The application over this engine, answering on loopback at `port` only; with a lock it has a lock screen.

    `rests`: while no page is visible the engine does nothing by itself.
    """
    changes = Changes(device)
    runner = Runner(device, changes.tell)
    tongue = KnownTongue(device, changes)
    seen = Presence(device, world.clock) if rests else None
    field = Field(device, door, name, changes, runner, lock, seen)

    def stop() -> None:
        changes.close()
        runner.close()
        if seen is not None:
            seen.close()

    hosts = frozenset(f"{host}:{port}" for host in LOOPBACK)
    return Litestar(
        route_handlers=[*HANDLERS, static_router("field")],  # type: ignore[list-item]
        dependencies={
            "app": Provide(lambda: replace(field, seen=field.changes.count), sync_to_thread=False),
            "world": Provide(lambda: world, sync_to_thread=False),
        },
        template_config=templates("field"),
        middleware=[
            Guard(hosts.__contains__, secret=SLIDES),
            Speaking(tongue.of),
            *([LockGate(lock)] if lock is not None else []),
        ],
        exception_handlers={Refused: _refused, HTTPException: _http, Exception: _bug},
        state=State({"on_stop": stop, "tongue": tongue}),
        openapi_config=None,
        logging_config=None,
    )


def _refused(request: AnyRequest, refused: Refused) -> Response[Any]:
    """What the engine refuses, as a page."""
    found = refused.problem
    return _page(request, N_("That did not work"), (sentence(found), remedy(found)), CATALOGUE[found.code].status)


def _http(request: AnyRequest, error: HTTPException) -> Response[Any]:
    """What the framework or the door refuses, as a page."""
    headings = {401: N_("This is your device's app"), 404: N_("There is nothing here")}
    heading = headings.get(error.status_code, N_("Not possible"))
    return _page(request, heading, (str(error.detail), N_("Go back, or open the app anew.")), error.status_code)


def _bug(request: AnyRequest, error: Exception) -> Response[Any]:
    """The outermost net: logged, and told without its inside."""
    _log.error("bug", path=request.url.path, exc_info=error)
    said = (N_("What you saved is kept."), N_("Go back and try again."))
    return _page(request, N_("Something went wrong on our side"), said, 500)


def _page(request: AnyRequest, heading: str, said: tuple[str, str], status: int) -> Response[Any]:
    engine = request.app.template_engine
    assert engine is not None
    speak(request.app.state.tongue.of(request.headers.get("accept-language", "")))
    values = {"heading": _(heading), "sentence": _(said[0]), "remedy": _(said[1])}
    html = engine.get_template("refused.html").render(**values)
    return Response(html, media_type=MediaType.HTML, status_code=status)
