"""Whether the app, which is open while nobody works, is to sync by itself now (FEATURES E17). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from fieldsync.web.kit.locales import zone_of

FROM_HOUR, BEFORE_HOUR = 2, 5
"""Of the person's night."""
AT_REST = timedelta(minutes=10)
"""For so long nobody touched the app."""


@dataclass(frozen=True)
class Night:
    """Everything it depends on. `last_begun`: when the last sync of rows began, as an instant; None: never."""

    now: datetime
    zone: str
    online: bool
    plugged_in: bool
    at_rest: timedelta
    last_begun: str | None


def is_due(night: Night) -> bool:
    """Once a night: online, plugged in, and nobody works."""
    if not (night.online and night.plugged_in and night.last_begun) or night.at_rest < AT_REST:
        return False
    here = night.now.astimezone(zone_of(night.zone))
    begun = datetime.fromisoformat(night.last_begun)
    tonight = here.replace(hour=FROM_HOUR, minute=0, second=0, microsecond=0)
    return FROM_HOUR <= here.hour < BEFORE_HOUR and begun < tonight
