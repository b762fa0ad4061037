"""What every page of the Field app knows: the engine, the person, and how to answer with a template."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from litestar import Request
from litestar.di import NamedDependency
from litestar.response import Template

from fieldsync.base.problems import Refused
from fieldsync.base.world import World
from fieldsync.device import Device, Record
from fieldsync.protocol.session import Support
from fieldsync.schema.access.rights import NOBODY, Rights, RightsTable
from fieldsync.schema.catalog import Catalog
from fieldsync.web.field.changes import Changes
from fieldsync.web.field.content.secrets import Secrets
from fieldsync.web.field.door import Door
from fieldsync.web.field.form.sent import Forms
from fieldsync.web.field.lock.lock import Idle
from fieldsync.web.field.presence import Presence
from fieldsync.web.field.sync.runner import Runner
from fieldsync.web.kit.locales import Manner
from fieldsync.web.kit.naming import ModelWords, told_of
from fieldsync.web.kit.speaking import browsers
from fieldsync.web.kit.tongue import Tongue, language_of, present, told

AnyRequest = Request[Any, Any, Any]
WITHIN = "x-fieldsync-within"
"""Sent by a page that puts content in the place of its own (`static/page.js`)."""


class KnownRights:
    """The rights worked out last: they change with the data model and the person only, and every page asks often."""

    def __init__(self) -> None:
        self._known: tuple[tuple[str, str, tuple[str, ...]], Rights] | None = None

    def of(self, catalog: Catalog, profile: str, permission_sets: tuple[str, ...]) -> Rights:
        """The rights by these names."""
        asked = (catalog.version, profile, permission_sets)
        known = self._known
        if known is None or known[0] != asked:
            known = self._known = asked, RightsTable(catalog, {}).of(profile, permission_sets)
        return known[1]


class KnownTongue:
    """The person's language, locale and time zone, by his user record on this device; read anew after every change."""

    def __init__(self, device: Device, changes: Changes) -> None:
        self._device, self._changes = device, changes
        self._known: tuple[int, Tongue | None] | None = None

    def of(self, accepted: str) -> Tongue:
        """His; before anybody is signed in, the browser's."""
        count = self._changes.count
        known = self._known
        if known is None or known[0] != count:
            known = self._known = (count, _tongue_of(self._device))
        return known[1] or browsers(accepted)


def _tongue_of(device: Device) -> Tongue | None:
    account = device.account
    if account is None:
        return None
    user = account.user
    record = device.get("User", user.id) if "User" in device.catalog else None
    held = record.values if record is not None else {}
    language = held.get("LanguageLocaleKey") or user.language or user.locale
    locale, zone = held.get("LocaleSidKey") or user.locale, held.get("TimeZoneSidKey") or user.time_zone
    return Tongue(language_of(str(language)), Manner(str(zone), str(locale)), ModelWords(lambda: device.catalog))


@dataclass(frozen=True)
class Supported:
    """Of whom a support session shows the view, and how it stands."""

    person: str
    held: Support


@dataclass(frozen=True)
class Field:
    """The engine this app shows, its door, and what the device calls itself.

    `seen` is how many changes there had been when the request came, before anything was read for it.
    """

    device: Device
    door: Door
    device_name: str
    changes: Changes
    runner: Runner
    may_lock: bool = False
    presence: Presence | None = None
    idle: Idle | None = None
    """Since when nobody touched the app."""
    forms: Forms = field(default_factory=Forms)
    known_rights: KnownRights = field(default_factory=KnownRights)
    slides: Secrets = field(default_factory=Secrets)
    seen: int = 0

    @property
    def manner(self) -> Manner:
        """How the person of this request reads times and numbers."""
        return present().manner

    @property
    def zone(self) -> str:
        """The person's time zone."""
        return present().manner.zone

    @property
    def rights(self) -> Rights:
        """What the person may do, as far as this device knows: for what pages offer."""
        account = self.device.account
        if account is None:
            return NOBODY
        sets = tuple(account.user.permission_sets)
        known = self.known_rights.of(self.device.catalog, account.user.profile, sets)
        return known.reading(account.settings.one_way)

    def page(self, request: AnyRequest, template: str, /, **values: Any) -> Template:
        """A page or part, with what all of them need. Raises NotAuthorizedException without a session."""
        page_token, account = self.door.page_token(request), self.device.account
        given = {
            "page_token": page_token,
            "zone": self.zone,
            "locale": present().manner.locale.replace("_", "-"),
            "seen_changes": self.seen,
            "may_lock": self.may_lock,
            "rests": self.presence is not None,
            "support": None if self.may_lock else self.support(),
            "off_wifi": account.settings.off_wifi_megabytes if account is not None else 0,
            "within": WITHIN in request.headers,
            "tell": self.tell,
        }
        return Template(template_name=template, context=given | values)

    def tell(self, record: Record, name: str) -> str:
        """A field of a record as a line of a list says it; nothing where the data model has no such field."""
        field = self.device.catalog[record.object].column_fields.get(name)
        return told_of(field, record.values.get(name)) if field is not None else ""

    def support(self) -> Supported | None:
        """Whose view this is, where an admin looks at it in a support session."""
        account = self.device.account
        held = account.support if account is not None else None
        return None if account is None or held is None else Supported(account.user.name, held)

    def require(self, request: AnyRequest, form: dict[str, str] | None = None) -> None:
        """A change comes from a page of this session: by header, or by field of a plain form."""
        given = request.headers.get("x-fieldsync-page") or (form or {}).get("page_token", "")
        self.door.require_page(request, given)

    def widget(self, request: AnyRequest, said: str = "") -> Template:
        """The Sync widget."""
        return self.page(request, "_widget.html", **self.widget_values(said))

    def update_values(self) -> dict[str, Any]:
        """What the Status widget of the non-blocking sync shows."""
        return {"update": self.device.updates.state()}

    def widget_values(self, said: str = "") -> dict[str, Any]:
        """What the Sync widget shows."""
        size = self.device.updates.next_bytes()
        return {"widget": self.device.widget(), "online": self.device.online, "said": said, "next_bytes": size}


FieldHere = NamedDependency[Field]
WorldHere = NamedDependency[World]


def sentence_of(refused: Refused) -> str:
    """A refusal as one line for a person."""
    return told(refused.problem)
