"""The address under which people open this server, as the operator names it: a server behind a proxy does not know it.

`FIELDSYNC_ADDRESS=https://crm.example.com`
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

ADDRESS = "FIELDSYNC_ADDRESS"


def whole_address(page: str) -> str:
    """A page's address to open from anywhere; the page alone where the server's is not named. Raises ValueError."""
    named = os.environ.get(ADDRESS, "").rstrip("/")
    if named and (urlsplit(named).scheme not in ("https", "http") or not urlsplit(named).hostname):
        raise ValueError(f"{ADDRESS} is no address like https://crm.example.com")
    return f"{named}{page}"
