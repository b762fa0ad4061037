"""What there is to present: pages of content with their slides, and whether their files are here. Read only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fieldsync.base.ids import RecordId
from fieldsync.device import Device, Record
from fieldsync.device.media.plan import Item
from fieldsync.protocol.email.consent import TEMPLATE
from fieldsync.schema.model import Field
from fieldsync.web.kit.naming import told_of
from fieldsync.web.kit.pages import shown
from fieldsync.web.kit.tongue import _

CONTENT = "Content"
SLIDES_MAX = 500
HTML_ZIP = "application/zip"
KINDS = {"image": "image", "video": "video", "audio": "audio", "application/pdf": "pdf", HTML_ZIP: "html"}
"""How a file is presented, by its media type or the first part of it; every other one cannot be."""


@dataclass(frozen=True)
class Slide:
    """One thing that fills the screen. `item` is None where its record has no file."""

    id: RecordId
    name: str
    version: str
    kind: str
    item: Item | None

    @property
    def ready(self) -> bool:
        """Whether it can be shown now."""
        return self.kind != "" and self.item is not None and self.item.usable


@dataclass(frozen=True)
class Deck:
    """Something to present: a document by itself, or a presentation with its slides in order."""

    id: RecordId
    name: str
    type: str
    version: str
    about: str
    slides: tuple[Slide, ...]

    @property
    def ready(self) -> bool:
        """Whether all of it is here."""
        return bool(self.slides) and all(slide.ready for slide in self.slides)

    @property
    def left(self) -> int:
        """Bytes that have to come before all of it is here in its newest version."""
        return sum(slide.item.left for slide in self.slides if slide.item is not None)


def kind_of(media_type: str) -> str:
    """How a file of this media type is presented; empty: it is not."""
    return KINDS.get(media_type) or KINDS.get(media_type.partition("/")[0], "")


def decks(device: Device, today: date) -> list[Deck]:
    """Everything that may be presented on this day, by name: approved, and within its dates."""
    if CONTENT not in device.catalog:
        return []
    files = {item.wanted.id: item for item in device.media.items()}
    found_here = device.find(CONTENT, where={"Status": "Approved"}, order_by="Display_Order", limit=SLIDES_MAX)
    to_show = (record for record in found_here if record.values.get("Type") != TEMPLATE)
    records = [record for record in to_show if is_valid(record, today)]
    parts: dict[str, list[Record]] = {}
    for record in records:
        parts.setdefault(str(record.values["Parent_ContentId"] or ""), []).append(record)
    known = {record.id for record in records}
    tops = [r for r in records if str(r.values["Parent_ContentId"] or "") not in known]
    kinds = device.catalog[CONTENT].fields["Type"]
    found = [_deck(kinds, record, parts.get(record.id, []), files) for record in tops]
    return sorted((deck for deck in found if deck.slides), key=lambda deck: deck.name.casefold())


def is_valid(record: Record, today: date) -> bool:
    """Whether the day is within the dates of this content. Pure."""
    first, last = record.values["Valid_From"], record.values["Valid_Until"]
    return (not first or str(first) <= today.isoformat()) and (not last or today.isoformat() <= str(last))


def deck_of(device: Device, record_id: str, today: date) -> Deck | None:
    """The deck with this id."""
    return next((deck for deck in decks(device, today) if deck.id == record_id), None)


def _deck(kinds: Field, record: Record, parts: list[Record], files: dict[RecordId, Item]) -> Deck:
    slides = [_slide(part, files) for part in parts or [record]]
    name, kind = _title(record), told_of(kinds, record.values["Type"]) or _("Document")
    about = shown(record.values["Description"])
    return Deck(record.id, name, kind, shown(record.values["Version"]), about, tuple(s for s in slides if s.item))


def _slide(record: Record, files: dict[RecordId, Item]) -> Slide:
    kind = kind_of(shown(record.values["Media_Type"]))
    return Slide(record.id, _title(record), shown(record.values["Version"]), kind, files.get(record.id))


def _title(record: Record) -> str:
    return shown(record.values["Title"]) or shown(record.values["Name"]) or record.id
