"""Secrets in addresses: what a frame without our origin shows instead of a cookie."""

from __future__ import annotations

import base64
from collections import OrderedDict

from fieldsync.base.world import Chance

SECRETS_MAX = 200


class Secrets:
    """Which archive each secret opens; the oldest are forgotten."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, str] = OrderedDict()

    def give(self, record_id: str, chance: Chance) -> str:
        """A new one for this archive."""
        secret = base64.urlsafe_b64encode(chance.bytes(24)).decode()
        self._known[secret] = record_id
        while len(self._known) > SECRETS_MAX:
            self._known.popitem(last=False)
        return secret

    def opens(self, secret: str) -> str | None:
        """The archive it opens."""
        return self._known.get(secret)
