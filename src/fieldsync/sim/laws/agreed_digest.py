"""L12: what a device says of itself is so: it holds what the server says, by the server's own sums, with no repair.

A repair here means that a download left something out: the digest mends that in life, and the simulator tells it.
"""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.base.problems import Refused
from fieldsync.sim.world import SimWorld


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every device whose digest does not agree, or agrees only after a repair."""
    for device in world.devices:
        try:
            report = device.engine.verify()
        except Refused as refused:
            yield f"L12: device {device.ordinal} cannot be proved although all is well: {refused.problem.message}"
            continue
        if not report.verified:
            found = report.problem.message if report.problem else "nothing was compared"
            yield f"L12: device {device.ordinal}: {found}"
        elif report.rows_repaired:
            yield f"L12: device {device.ordinal} needed a repair of {report.rows_repaired} rows"
