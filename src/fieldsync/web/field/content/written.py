"""What presenting writes: a key message for each slide shown and a line of the clickstream, both saved implicitly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.base.world import instant
from fieldsync.device import Device, Record
from fieldsync.device.edit import Edit
from fieldsync.schema.family import signing
from fieldsync.schema.fields import FieldValue
from fieldsync.web.field.content.library import Deck, Slide
from fieldsync.web.kit.naming import value_of

KEY_MESSAGE, CLICKSTREAM = "Call_Key_Message", "Call_Clickstream"
SECONDS_MAX = 86_400
TEXT_MAX = 255


@dataclass(frozen=True)
class Shown:
    """A slide that was on the screen; `element`, `question` and `answer`: what its own script told of."""

    slide: str
    started_at: datetime
    seconds: int
    reaction: str = ""
    element: str = ""
    question: str = ""
    answer: str = ""


def write(device: Device, call: Record, deck: Deck, what: Shown) -> bool:
    """Save it on the call; told twice it is saved once. False where nothing was saved: the call takes no more."""
    place = next((n for n, slide in enumerate(deck.slides) if slide.id == what.slide), None)
    if place is None or not {KEY_MESSAGE, CLICKSTREAM} <= device.catalog.objects.keys():
        return False
    slide, began = deck.slides[place], instant(what.started_at)
    seen = {"CallId": call.id, "ContentId": slide.id, "Usage_Started_At": began, "Track_Element": _element(what)}
    if device.find(CLICKSTREAM, where=seen, limit=1):
        return True
    try:
        with device.edit(ruled=False) as edit:  # nobody typed it: what a rule says of it comes into the error list
            if not what.element:
                _key_message(device, edit, call, (place, slide), what)
            used = {"Usage_Seconds": min(what.seconds, SECONDS_MAX)}
            told = {"Question": what.question[:TEXT_MAX] or None, "Answer": what.answer or None}
            edit.create(CLICKSTREAM, {**seen, **used, **told})
    except Refused:
        return False  # submitted meanwhile: presenting goes on, the call stays as it is, and the page says so
    return True


def _element(what: Shown) -> str:
    return what.element[:TEXT_MAX] or "Slide shown"


def _key_message(device: Device, edit: Edit, call: Record, shown_at: tuple[int, Slide], what: Shown) -> None:
    """One a slide and call: a slide that is shown again adds its time."""
    place, slide = shown_at
    known = device.find(KEY_MESSAGE, where={"CallId": call.id, "ContentId": slide.id}, limit=1)
    reaction: dict[str, FieldValue] = {"Reaction": what.reaction} if what.reaction else {}
    if known:
        before = int(known[0].values["Seconds_Shown"] or 0)
        edit.update(KEY_MESSAGE, known[0].id, {"Seconds_Shown": before + what.seconds, **reaction})
        return
    values: dict[str, FieldValue] = {
        "CallId": call.id,
        "ContentId": slide.id,
        "Message": slide.name[:TEXT_MAX],
        "Slide": slide.name[:TEXT_MAX],
        "Slide_Version": slide.version or None,
        "Started_At": instant(what.started_at),
        "Seconds_Shown": min(what.seconds, SECONDS_MAX),
        "Display_Order": place + 1,
    }
    edit.create(KEY_MESSAGE, {**values, **reaction})


def reactions(device: Device) -> list[tuple[str, str]]:
    """What a person may note of a slide: value and label."""
    if KEY_MESSAGE not in device.catalog:
        return []
    field = device.catalog[KEY_MESSAGE].fields["Reaction"]
    return [(v.value, value_of(field, v.value)) for v in field.values if v.active]


def is_open(device: Device, call: Record | None) -> bool:
    """Whether presenting may still write on it: it is neither submitted nor signed, or an admin unlocked it."""
    if call is None:
        return False
    family, object_type = device.catalog.family_of(call.object), device.catalog[call.object]
    submit = family.declaration.submit if family is not None else None
    if not signing.is_open(call.values, submit):
        return bool(submit is not None and call.values.get(submit.unlocked or ""))
    return not signing.given(object_type, call.values)


def call_of(device: Device, record_id: str) -> Record | None:
    """The call that is presented from."""
    return device.get("Call", RecordId(record_id)) if record_id and "Call" in device.catalog else None
