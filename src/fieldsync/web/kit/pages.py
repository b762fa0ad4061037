"""Templates and static files of both apps, and how values are shown to a person."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from litestar.contrib.jinja import JinjaTemplateEngine
from litestar.response import Template
from litestar.static_files import create_static_files_router
from litestar.template.config import TemplateConfig

from fieldsync.base.problems import CATALOGUE, Problem
from fieldsync.protocol.media import text_file
from fieldsync.web.kit import tongue
from fieldsync.web.kit.locales import local_input, zone_of

MEGABYTE = 1_048_576
_WEB = Path(__file__).parent.parent


def templates(app: str) -> TemplateConfig[JinjaTemplateEngine]:
    """Templates of one app, with the kit's behind them; everything is escaped, an unknown name is an error."""
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment(app)))


def environment(app: str) -> Environment:
    """What its templates can name."""
    made = Environment(
        loader=FileSystemLoader([_WEB / app / "templates", _WEB / "kit" / "templates"]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.filters |= {"when": when, "utc": utc, "shown": shown, "local_input": local_input, "took": took}
    made.filters |= {
        "moment": moment,
        "hour": hour,
        "number": number,
        "sentence": tongue.sentence,
        "within": tongue.within,
        "size": size,
        "tenths": tenths,
        "remedy": tongue.remedy,
    }
    made.policies["ext.i18n.trimmed"] = True
    made.globals |= {"tongue": tongue.present, "assets": assets(app)}
    made.install_gettext_callables(tongue.gettext, tongue.ngettext, newstyle=True)  # type: ignore[attr-defined]
    return made


def assets(app: str) -> str:
    """What tells the static files of this version of the app from those of any other, which a browser may keep."""
    digest = hashlib.sha256()
    for folder in (_WEB / app / "static", _WEB / "kit" / "static"):
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def static_router(app: str, path: str = "/static") -> object:
    """The kit's files, and the app's own."""
    return create_static_files_router(path=path, directories=[_WEB / app / "static", _WEB / "kit" / "static"])


def telling(page: Template, wrong: Problem | None) -> Template:
    """The page; where it tells of a problem, with its status."""
    if wrong is not None:
        page.status_code = CATALOGUE[wrong.code].status
    return page


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


def took(seconds: float) -> str:
    """A duration for people: `340 ms`, `1.2 s`, `75 s`. Of whole seconds, 0 is less than one."""
    if isinstance(seconds, int):
        return f"{seconds:,} s" if seconds else "under 1 s"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:,.1f} s" if seconds < 10 else f"{seconds:,.0f} s"


def moment(value: object, zone: str = "") -> str:
    """An instant as the person of this request reads it; with the zone it happened in, where that is another."""
    return tongue.present().manner.moment(value, zone)


def hour(value: str, zone: str = "") -> str:
    """The time of day of an instant, as `moment` tells it."""
    return replace(tongue.present().manner, there=zone).hour(datetime.fromisoformat(value))


def number(value: Decimal | int) -> str:
    """A number as the person of this request reads it."""
    return tongue.present().manner.number(value)


def tenths(value: float) -> str:
    """A measure with one decimal, as the person of this request reads it."""
    return number(Decimal(f"{value:.1f}"))


def size(count: int) -> str:
    """How large so many bytes are."""
    return f"{tenths(count / MEGABYTE)} MB" if count >= MEGABYTE / 10 else f"{number(max(count // 1024, 1))} kB"


def shown(value: object) -> str:
    """A field's value for reading."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return tongue.gettext("Yes") if value else tongue.gettext("No")
    if isinstance(value, Decimal):
        return f"{value:f}"
    begun = text_file(value)
    return str(value) if begun is None else f"{begun.head} …"
