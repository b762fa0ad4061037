"""Values kept because they are likely to be asked for again."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(OrderedDict[K, V]):
    """The values asked for last, so many of them."""

    def __init__(self, at_most: int) -> None:
        super().__init__()
        self._at_most = at_most

    def use(self, key: K) -> V | None:
        """The value of this key, if it is still there."""
        if key in self:
            self.move_to_end(key)
        return self.get(key)

    def keep(self, key: K, value: V) -> V:
        """Keep it, and let the one that was not asked for longest go."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > self._at_most:
            self.popitem(last=False)
        return value
