"""What decides, beside the rows, what a device holds. A checkpoint names it by its hash; see DESIGN 5, *binding*.

It is stored under its hash, so that after a change of rules, rights, territory or date the difference between then and
now is one query an object, and nobody loads everything anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import msgspec

from fieldsync.base.ids import content_hash
from fieldsync.schema.model import Sharing
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.scope.tokens import Value


class Shared(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an object is shared with one person; a permission may go past it."""

    sharing: Sharing
    shared_with: str | None = None
    reads_all: bool = False
    writes_all: bool = False


class Recipe(msgspec.Struct, frozen=True, dict=True):
    """One person's device, as it decides what goes there."""

    rules: Mapping[str, tuple[SyncRule, ...]]
    sharing: Mapping[str, Shared]
    shapes: Mapping[str, str]
    """Object to a hash of the columns that go there and the formulas behind them."""
    values: Mapping[str, Value]
    """The tokens that are used, with their values."""
    day: str
    """The person's date, where a condition depends on it."""
    zone: str
    routes: Mapping[str, str] = {}
    """Object to the field its changes are routed by: those made before it was declared know no route."""

    @cached_property
    def hash(self) -> str:
        """The name under which it is kept."""
        return content_hash(self.encoded)

    @cached_property
    def looks(self) -> str:
        """Hash of what rows look like: where it is the same, those of the same version are the same."""
        return content_hash(msgspec.json.encode(self.shapes, order="deterministic"))

    @cached_property
    def encoded(self) -> bytes:
        """As it is kept."""
        return msgspec.json.encode(self, order="deterministic")


def decode_recipe(data: bytes) -> Recipe:
    """The recipe that was kept."""
    return msgspec.json.decode(data, type=Recipe)
