"""What every noun of the catalog is: a frozen struct that is strict about its keys."""

from __future__ import annotations

import msgspec


class Noun(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every catalog value: frozen, strict about unknown keys."""
