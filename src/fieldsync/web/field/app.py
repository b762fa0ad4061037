"""The Field app put together: pages, acts, live updates, guard, errors."""

from __future__ import annotations

from collections.abc import Callable
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
from fieldsync.web.field.begin.download import DOWNLOAD_PAGES
from fieldsync.web.field.begin.hall import Hall
from fieldsync.web.field.begin.pages import BEGIN_PAGES
from fieldsync.web.field.content.attached import ATTACHING
from fieldsync.web.field.content.email import EMAIL_PAGES
from fieldsync.web.field.content.pages import CONTENT_PAGES
from fieldsync.web.field.content.serving import SERVING, SLIDES
from fieldsync.web.field.content.texts import TEXTS
from fieldsync.web.field.content.unsent import UNSENT
from fieldsync.web.field.context import AnyRequest
from fieldsync.web.field.day.nearby import NEARBY_PAGES
from fieldsync.web.field.day.pages import DAY_PAGES
from fieldsync.web.field.door import Door
from fieldsync.web.field.live import live
from fieldsync.web.field.lock.gate import Gate
from fieldsync.web.field.lock.pages import LOCK_PAGES
from fieldsync.web.field.lock.seat import Seat
from fieldsync.web.field.pages import PAGES
from fieldsync.web.field.sync.pages import SYNC_PAGES
from fieldsync.web.field.sync.reload import RELOAD_NOTE
from fieldsync.web.field.work.pages import RECORD_PAGES
from fieldsync.web.field.work.saving import SAVING
from fieldsync.web.kit.guard import Guard
from fieldsync.web.kit.pages import static_router, templates
from fieldsync.web.kit.speaking import Speaking
from fieldsync.web.kit.tongue import N_, _, remedy, sentence, speak

_log = get_logger("fieldsync.field")
HANDLERS: tuple[Any, ...] = (
    *PAGES,
    *RECORD_PAGES,
    *SAVING,
    *SYNC_PAGES,
    *RELOAD_NOTE,
    *DAY_PAGES,
    *NEARBY_PAGES,
    *CONTENT_PAGES,
    *SERVING,
    *ATTACHING,
    *TEXTS,
    *UNSENT,
    *EMAIL_PAGES,
    *ACTS,
    live,
)
BEFORE: tuple[Any, ...] = (*BEGIN_PAGES, *DOWNLOAD_PAGES, *LOCK_PAGES)
"""What needs no open store, or makes one."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def create_field_app(device: Device, door: Door, *, world: World, port: int, name: str) -> Litestar:
    """The application over this one engine, which its owner closes: no lock screen, nobody else."""
    seat = Seat(door, world, name, locks=False, rests=False)
    seat.take(device)
    return create_app(seat, None, port=port)


def create_app(seat: Seat, hall: Hall | None, *, port: int) -> Litestar:
    """The application over whoever sits down, answering on loopback at `port` only."""
    hosts = frozenset(f"{host}:{port}" for host in LOOPBACK)
    before = BEFORE if hall is not None else ()
    gate = Gate(seat, _enter(seat), hall.first_page if hall is not None else lambda: "/")
    return Litestar(
        route_handlers=[*HANDLERS, *before, static_router("field")],  # type: ignore[list-item]
        dependencies={
            "app": Provide(seat.here, sync_to_thread=False),
            "hall": Provide(lambda: hall, sync_to_thread=False),
            "world": Provide(lambda: seat.world, sync_to_thread=False),
        },
        template_config=templates("field"),
        middleware=[Guard(hosts.__contains__, secret=SLIDES), gate, Speaking(seat.tongue)],
        exception_handlers={Refused: _refused, HTTPException: _http, Exception: _bug},
        state=State({"on_stop": seat.stop, "tongue": seat.tongue}),
        openapi_config=None,
        logging_config=None,
    )


def _enter(seat: Seat) -> Callable[[AnyRequest, str], Response[Any]]:
    """The way in by a link that works once."""

    def enter(request: AnyRequest, token: str) -> Response[Any]:
        try:
            return seat.door.enter(token)
        except HTTPException as error:
            return _http(request, error)

    return enter


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
    speak(request.app.state.tongue(request.headers.get("accept-language", "")))
    values = {"heading": _(heading), "sentence": _(said[0]), "remedy": _(said[1])}
    html = engine.get_template("refused.html").render(**values)
    return Response(html, media_type=MediaType.HTML, status_code=status)
