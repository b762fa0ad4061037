"""What the last comparison found, kept: green is shown only with an agreed digest (law L12)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.work import Work


class Agreement(msgspec.Struct, frozen=True):
    """`at`: by the device's clock. `unlike`: objects of which something differs; none where the digest agreed."""

    at: str
    unlike: tuple[str, ...]
    repaired: int = 0

    @property
    def agreed(self) -> bool:
        """Whether the device holds what it should."""
        return not self.unlike


def read_agreement(work: Work) -> Agreement | None:
    """The last comparison; None when there was none since the device's history last parted from the server's."""
    raw = meta.get(work, Key.DIGEST)
    return None if raw is None else msgspec.json.decode(raw, type=Agreement)


def keep_agreement(work: Work, found: Agreement | None) -> None:
    """Keep what a comparison found. None: it has to be made anew."""
    meta.put(work, Key.DIGEST, None if found is None else msgspec.json.encode(found))


def is_due(last: Agreement | None, now: datetime) -> bool:
    """Whether the next download is to be proved: once a day, and until it agrees. Pure."""
    return last is None or not last.agreed or datetime.fromisoformat(last.at).date() != now.date()
