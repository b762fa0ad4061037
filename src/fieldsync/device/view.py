"""An open record, as a context: news of its family waits until it is closed."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol


class Views(Protocol):
    """What an open record asks of its device."""

    def renew_view(self, token: str) -> bool: ...
    def close_view(self, token: str) -> None: ...
    def view_news(self, token: str) -> bool: ...
    def show_view_news(self, token: str) -> None: ...


class View:
    """One open record. Close it, or renew it at least every `VIEW_LEASE_SECONDS`."""

    def __init__(self, device: Views, token: str) -> None:
        self._device, self.token = device, token

    def __enter__(self) -> View:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def news(self) -> bool:
        """Whether a newer version waits."""
        return self._device.view_news(self.token)

    def show_news(self) -> None:
        """Merge it into the row now."""
        self._device.show_view_news(self.token)

    def renew(self) -> bool:
        """Hold on; False when the lease had ended."""
        return self._device.renew_view(self.token)

    def close(self) -> None:
        """Leave the record; closing twice does nothing."""
        self._device.close_view(self.token)
