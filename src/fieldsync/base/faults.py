"""Named points at which a test may break the product.

Code calls `reach("upload.before_commit")` where a crash or a lost message would hurt most. In a product run nothing is
installed and the call is one comparison. The simulator and the kill tests install a plan that counts and may raise
or kill the process there. Nothing else may be hung on these points.
"""

from __future__ import annotations

from collections.abc import Callable

Plan = Callable[[str], None]
_installed: list[Plan] = []


def reach(point: str) -> None:
    """Tell the installed plan, if any, that the run is at `point`."""
    if _installed:
        _installed[0](point)


def install(plan: Plan | None) -> None:
    """Install `plan` for this process, or take it away with None."""
    _installed[:] = [] if plan is None else [plan]
