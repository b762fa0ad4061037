"""Templates and static files of both apps, and how values are shown to a person."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from litestar.contrib.jinja import JinjaTemplateEngine
from litestar.response import Template
from litestar.static_files import create_static_files_router
from litestar.template.config import TemplateConfig

from fieldsync.base.problems import CATALOGUE, Problem

_WEB = Path(__file__).parent.parent


def templates(app: str) -> TemplateConfig[JinjaTemplateEngine]:
    """Templates of one app, with the kit's behind them; everything is escaped, an unknown name is an error."""
    environment = Environment(
        loader=FileSystemLoader([_WEB / app / "templates", _WEB / "kit" / "templates"]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"when": when, "utc": utc, "shown": shown, "local_input": local_input}
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment))


def static_router(app: str, path: str = "/static") -> object:
    """The kit's files, and the app's own."""
    return create_static_files_router(path=path, directories=[_WEB / app / "static", _WEB / "kit" / "static"])


def telling(page: Template, wrong: Problem | None) -> Template:
    """The page; where it tells of a problem, with its status."""
    if wrong is not None:
        page.status_code = CATALOGUE[wrong.code].status
    return page


def zone_of(name: str) -> ZoneInfo:
    """A time zone by name; UTC for one this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def when(value: object, zone: str = "UTC") -> str:
    """An instant as a person reads it, in their zone: `21 Nov 2026, 14:30`. Empty for none."""
    if not isinstance(value, str):
        return ""
    moment = datetime.fromisoformat(value).astimezone(zone_of(zone))
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def utc(value: object) -> str:
    """An instant for people in many zones: `21 Nov 2026, 14:30 UTC`. Empty for none."""
    text = when(value)
    return f"{text} UTC" if text else ""


def local_input(value: object, zone: str = "UTC") -> str:
    """An instant as `<input type=datetime-local>` takes it."""
    if not isinstance(value, str):
        return ""
    return datetime.fromisoformat(value).astimezone(zone_of(zone)).strftime("%Y-%m-%dT%H:%M")


def from_local_input(text: str, zone: str) -> str | None:
    """What a person entered, in their zone, as an instant. Raises ValueError."""
    if not text:
        return None
    return datetime.fromisoformat(text).replace(tzinfo=zone_of(zone)).isoformat()


def shown(value: object) -> str:
    """A field's value for reading."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)
