"""Opening a device's store for a command: its passphrase, its server's address, and what this machine is."""

from __future__ import annotations

import base64
import hmac
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import system_world

if TYPE_CHECKING:
    from fieldsync.device import Device
    from fieldsync.protocol.session import DeviceDescription, Platform


@contextmanager
def open_device(store: Path, passphrase: str) -> Iterator[Device]:
    """The device that signed in in this folder. Raises Refused: UNUSABLE, WRONG_KEY, OPEN_ELSEWHERE."""
    with open_with_key(store, passphrase, _kept_server(store)) as (device, _):
        yield device


@contextmanager
def open_with_key(store: Path, passphrase: str, server: str) -> Iterator[tuple[Device, str]]:
    """The device in this folder, made if need be, and the key it registers under.

    The key is drawn from the database's, so that it is the same at every login and stands nowhere.
    """
    from fieldsync.device import Device
    from fieldsync.device.keys import key_from_passphrase
    from fieldsync.device.transport import HttpTransport

    world = system_world()
    key = key_from_passphrase(store, passphrase, world.chance)
    registration = hmac.digest(key, b"fieldsync device registration", "sha256")
    device = Device.open(store, key, world=world, transport=HttpTransport(server))
    try:
        yield device, base64.urlsafe_b64encode(registration).decode().rstrip("=")
    finally:
        device.close()


def keep_server(store: Path, address: str) -> None:
    """Remember the server for the next command."""
    from fieldsync.device.people import SERVER_FILE

    (store / SERVER_FILE).write_text(address + "\n", encoding="utf-8")


def _kept_server(store: Path) -> str:
    from fieldsync.device.people import SERVER_FILE, server_of

    if not (store / SERVER_FILE).exists():
        reason = "no device has signed in there (fieldsync device login)"
        raise Refused(problem(Code.UNUSABLE, what=str(store), reason=reason))
    return server_of(store)


def describe_terminal(name: str, device_key: str) -> DeviceDescription:
    """What a terminal says of itself when it registers."""
    from fieldsync.base.version import VERSION
    from fieldsync.protocol.session import DeviceDescription

    return DeviceDescription(device_key, name, _platform(), platform.release(), VERSION)


def _platform() -> Platform:
    from fieldsync.protocol.session import Platform

    return {"Darwin": Platform.MAC, "Windows": Platform.WINDOWS}.get(platform.system(), Platform.BROWSER)
