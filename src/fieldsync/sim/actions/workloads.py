"""Kinds of days that are known to be hard, each a way to weigh the actions: `fieldsync sim --workload NAME`.

The field day is what every other run is made of. Each keeps all faults and asks all laws.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FIELD_DAY = "field day"
MONTH_END = "month end"
WORKLOADS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        FIELD_DAY: (),
        "hot record": (*4 * ("online_edit",), *2 * ("save_during_sync", "undo", "resend", "submit_elsewhere")),
        "realignment": (*8 * ("align",), *2 * ("sync", "change_rule", "merge_accounts")),
        MONTH_END: (),
        "chaos admin": (
            *3 * ("act", "try_one", "change_rule", "change_model", "clear_errors"),
            *2 * ("revoke", "align"),
        ),
        "bad user": (*4 * ("jump_clock", "old_image", "sign_in", "undo"), *2 * ("clear_errors", "resend", "refresh")),
    }
)
"""By name, the actions that happen more often than on a field day. At the month's end nobody is online until then."""
