"""What is at an address, as a person types or pastes it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from fieldsync.device.transport import Reply
from fieldsync.device.transport.http import HttpTransport
from fieldsync.device.transport.reach import Found, address_of, greeted, is_open
from fieldsync.protocol.session import Greeting


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("crm.example.com", "https://crm.example.com"),
        ("  https://CRM.example.com/console/devices?x=1 ", "https://crm.example.com"),
        ("http://10.0.0.7:8484", "http://10.0.0.7:8484"),
        ("localhost:8484", "http://localhost:8484"),
        ("[::1]:8484", "http://[::1]:8484"),
        ("", None),
        ("what is this", None),
        ("ftp://crm.example.com", None),
        ("https://sarah:secret@crm.example.com", None),
        ("crm.example.com:99999", None),
    ],
)
def test_an_address_is_read_as_people_write_it(typed: str, address: str | None) -> None:
    assert address_of(typed) == address


def test_only_an_address_on_this_machine_may_be_open_unnoticed() -> None:
    assert [is_open(a) for a in ("http://crm.example", "https://crm.example", "http://127.0.0.1:1")] == [
        True,
        False,
        False,
    ]


class Answers(HttpTransport):
    """The other end says this."""

    def __init__(self, body: bytes) -> None:
        super().__init__("http://127.0.0.1:9")
        self._body = body

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        return Reply(200, {}, self._body)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (Greeting("ok", "0.1.0", "fieldsync", (1,)), Found.OURS),
        (Greeting("ok", "3.0", "fieldsync", (1, 2)), Found.OURS),
        (Greeting("ok", "9.0", "fieldsync", (2, 3)), Found.NEWER),
        (Greeting("ok", "0.0", "fieldsync"), Found.OLDER),
        (Greeting("ok", "1.0"), Found.OTHER),
        ({"status": "ok"}, Found.OTHER),
    ],
)
def test_the_greeting_says_who_is_there(told: object, found: Found) -> None:
    transport = Answers(msgspec.json.encode(told))
    assert greeted(transport) is found
    transport.close()
