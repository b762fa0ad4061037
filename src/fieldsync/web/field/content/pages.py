"""The library, getting files, and the full-screen player with what it writes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from litestar import Response, get, post
from litestar.response import Template

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import World
from fieldsync.web.field.content.archive import start_of
from fieldsync.web.field.content.library import Deck, deck_of, decks
from fieldsync.web.field.content.written import Shown, call_of, is_open, reactions, write
from fieldsync.web.field.context import AnyRequest, Field, FieldHere, WorldHere
from fieldsync.web.field.form.sent import form_of
from fieldsync.web.kit.locales import zone_of
from fieldsync.web.kit.tongue import _

ANSWER_CHARS_MAX = 4_000


@get("/content", sync_to_thread=True)
def library(request: AnyRequest, app: FieldHere, world: WorldHere, call: str = "") -> Template:
    """Everything there is to present, with what is here of it."""
    return app.page(request, "content.html", here="content", call=_calling(app, call), **_library(app, world, call))


@get("/parts/content", sync_to_thread=True)
def library_live(request: AnyRequest, app: FieldHere, world: WorldHere, call: str = "") -> Template:
    """The same list, live."""
    return app.page(request, "_content.html", **_library(app, world, call))


def _calling(app: Field, call: str) -> dict[str, Any] | None:
    """The call that is presented from: its address, whose it is, and whether it takes what is shown."""
    found = call_of(app.device, call)
    if found is None:
        return None
    account = found.values.get("AccountId")
    name = app.device.name_of("Account", RecordId(str(account))) if account else None
    name = name or str(found.values["Name"] or _("this call"))
    return {"id": found.id, "name": name, "open": is_open(app.device, found)}


def _today(app: Field, world: World) -> date:
    return world.clock.now().astimezone(zone_of(app.zone)).date()


def _library(app: Field, world: World, call: str) -> dict[str, Any]:
    new, left = app.device.media.waiting()
    return {
        "decks": decks(app.device, _today(app, world)),
        "media": app.runner.media(),
        "new": new,
        "left": left,
        "call_id": call,
    }


@post("/content/get", status_code=200)
async def get_files(request: AnyRequest, app: FieldHere, world: WorldHere) -> Template:
    """Get every file, or those of one deck; what is here is brought to its newest version."""
    form = await form_of(request)
    app.require(request, form)
    app.runner.get_media(tuple(one for one in form.get("only", "").split(",") if one))
    return app.page(request, "_content.html", **_library(app, world, form.get("call", "")))


@post("/content/begin", status_code=200, sync_to_thread=True)
def begin_files(request: AnyRequest, app: FieldHere) -> Response[None]:
    """Yes to new files after a sync: they come while the person goes on."""
    app.require(request)
    app.runner.told_of_media = True
    app.runner.get_media()
    return Response(None, headers={"hx-redirect": "/content"})


@post("/content/stop", status_code=200)
async def stop_files(request: AnyRequest, app: FieldHere, world: WorldHere) -> Template:
    """Enough of it; what came stays."""
    form = await form_of(request)
    app.require(request, form)
    app.runner.stop_media()
    return app.page(request, "_content.html", **_library(app, world, form.get("call", "")))


@get("/present/{record_id:str}", sync_to_thread=True)
def player(request: AnyRequest, app: FieldHere, world: WorldHere, record_id: str, call: str = "") -> Template:
    """A deck, full screen."""
    deck = deck_of(app.device, record_id, _today(app, world))
    if deck is None or not any(slide.ready for slide in deck.slides):
        raise Refused(problem(Code.NOT_FOUND, object="Content", id=record_id))
    found = call_of(app.device, call)
    slides = [(slide, _address(app, world, slide.id, slide.kind)) for slide in deck.slides if slide.ready]
    return app.page(
        request,
        "player.html",
        deck=deck,
        slides=slides,
        call=call if is_open(app.device, found) else "",
        unnoted=found is not None and not is_open(app.device, found),
        back=f"/objects/Call/{found.id}/edit" if found is not None else "/content",
        reactions=reactions(app.device),
    )


def _address(app: Field, world: WorldHere, record_id: str, kind: str) -> str:
    if kind != "html":
        return f"/files/{record_id}"
    return f"/slides/{app.slides.give(record_id, world.chance)}/{start_of(app.device, record_id)}"


@post("/present/{record_id:str}/shown", status_code=200)
async def shown(request: AnyRequest, app: FieldHere, world: WorldHere, record_id: str) -> Response[dict[str, bool]]:
    """A slide was on the screen, or something on it was touched."""
    form = await form_of(request)
    app.require(request, form)
    deck, call = deck_of(app.device, record_id, _today(app, world)), call_of(app.device, form.get("call", ""))
    what = _shown(form)
    written = deck is not None and call is not None and what is not None and _write(app, deck, call, what)
    return Response({"saved": written})


def _write(app: Field, deck: Deck, call: Any, what: Shown) -> bool:
    return is_open(app.device, call) and write(app.device, call, deck, what)


def _shown(form: dict[str, str]) -> Shown | None:
    """What a page says was shown; None where it says nothing of the kind."""
    try:
        began = datetime.fromisoformat(form.get("started_at", ""))
        seconds = int(form.get("seconds", "0"))
    except ValueError:
        return None
    if began.tzinfo is None or seconds < 0:
        return None
    texts = {name: form.get(name, "") for name in ("slide", "reaction", "element", "question")}
    return Shown(**texts, started_at=began, seconds=seconds, answer=form.get("answer", "")[:ANSWER_CHARS_MAX])


CONTENT_PAGES = [library, library_live, get_files, begin_files, stop_files, player, shown]
