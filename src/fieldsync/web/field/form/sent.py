"""What became of the forms this process handed out, so that a form sent twice is one save.

A reload, a double tap, or a page that is left and comes back may send the same new record again, and a draft may arrive
after the save it led to. Every form has an id of its own; here is kept what the id was saved as.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Request

from fieldsync.base.ids import RecordId

FORMS_REMEMBERED_MAX = 1_000


@dataclass(frozen=True)
class Saved:
    """A form that was saved: as which record, how often the person had typed by then, and its content."""

    object: str
    record_id: RecordId
    revision: int
    content: str


class Forms:
    """The newest forms that were saved. `turn` is held from the look at what a form became until it became something:
    it may be sent twice at the same moment."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self._saved: OrderedDict[str, Saved] = OrderedDict()

    def saved(self, form_id: str) -> Saved | None:
        """What this form became."""
        return self._saved.get(form_id)

    def remember(self, form_id: str, saved: Saved) -> None:
        """This form was saved."""
        if form_id:
            self._saved[form_id] = saved
            self._saved.move_to_end(form_id)
        while len(self._saved) > FORMS_REMEMBERED_MAX:
            self._saved.popitem(last=False)

    def is_late(self, form_id: str, revision: int) -> bool:
        """A draft that is no newer than what was saved from its form."""
        found = self._saved.get(form_id)
        return found is not None and revision <= found.revision


async def form_of(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The fields of a form; of one that is named twice the last. A browser sends line ends its own way."""
    fields = (await request.form()).multi_items()
    return {str(name): str(value).replace("\r\n", "\n") for name, value in fields}


def revision_of(form: Mapping[str, str]) -> int:
    """How often the person had changed the form."""
    text = form.get("revision", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0
