"""L8: a record that somebody has open never changes under him, whatever comes meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.device import Record
from fieldsync.sim.device import SimDevice


def check(device: SimDevice, before: Record, during: Record | None) -> Iterator[str]:
    """A sentence where the record is not as it was when it was opened."""
    if during is None or before.values != during.values:
        yield f"L8: a record changed under its person on device {device.ordinal}"
