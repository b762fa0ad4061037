"""L12 at any time: what the Sync widget says follows from the queue, the error list and what was proved."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.sim.world import SimWorld


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every widget that says what is not so."""
    for device in world.devices:
        widget, queue, errors = device.engine.widget(), device.engine.queue(), device.engine.errors()
        if widget.state == "ok" and (queue or errors):
            yield f"L12: device {device.ordinal} says all is well with {len(queue)} pending and {len(errors)} errors"
        if widget.state == "ok" and widget.proved_at is None:
            yield f"L12: device {device.ordinal} says all is well though nothing was proved"
        if errors and widget.state != "error":
            yield f"L12: device {device.ordinal} hides {len(errors)} errors"
        if widget.errors != len(errors) or widget.pending != len(queue):
            shown = (widget.pending, widget.errors)
            yield f"L12: device {device.ordinal} shows {shown} of {len(queue)} pending and {len(errors)} errors"
