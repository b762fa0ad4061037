"""An open record: while it is open, and its lease is renewed, nothing of its family changes (law L8)."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from fieldsync.base.ids import RecordId

if TYPE_CHECKING:
    from fieldsync.device.device import Device


class View:
    """A record somebody has open. As a context manager it closes at the end; a page keeps `token` instead."""

    def __init__(self, device: Device, object_name: str, record_id: RecordId, token: str) -> None:
        self._device = device
        self.object, self.id, self.token = object_name, record_id, token

    @property
    def news(self) -> bool:
        """Whether a newer version waits."""
        return self._device.view_news(self.token)

    def show_news(self) -> bool:
        """Bring the newer version into the rows. False when there is none, or an edit of the family is undecided."""
        return self._device.show_view_news(self.token)

    def renew(self) -> bool:
        """Hold on for another `VIEW_LEASE_SECONDS`. False when the lease had ended."""
        return self._device.renew_view(self.token)

    def close(self) -> None:
        """Leave: what waited is merged. Closing twice does nothing."""
        self._device.close_view(self.token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
