"""Guesses at a password over real HTTP: every door and every server process counts the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import cycle, islice

import httpx
import pytest
from tests.server.http.running import running_server
from tests.server.http.test_edge import DEVICE, code_of, sign_in
from tests.server.lab import PASSWORD, Lab

from fieldsync.base.limits import SIGN_INS_OF_NAME_MAX
from fieldsync.base.problems import Refused
from fieldsync.device.sync.calls import open_post
from fieldsync.device.transport import HttpTransport
from fieldsync.protocol.session import AskRescue, Rescue

ADMIN, WRONG = "admin@small.example", "not the password 7"
Door = Callable[[httpx.Client, str], httpx.Response]


def device(http: httpx.Client, password: str) -> httpx.Response:
    return sign_in(http, username=ADMIN, password=password)


def rescue(http: httpx.Client, password: str) -> httpx.Response:
    asked = {"org": "small", "username": ADMIN, "password": password, "device_number": "00000"}
    return http.post("/sync/v1/rescue", json=asked)


def admin(http: httpx.Client, password: str) -> httpx.Response:
    return http.post("/admin/v1/session", json={"org": "small", "username": ADMIN, "password": password})


def console(http: httpx.Client, password: str) -> httpx.Response:
    form = {"org": "small", "username": ADMIN, "password": password}
    return http.post("/console/enter", data=form, headers={"origin": str(http.base_url).rstrip("/")})


DOORS: tuple[Door, ...] = (device, rescue, admin, console)


@pytest.fixture
def servers(lab: Lab) -> Iterator[list[httpx.Client]]:
    """Two processes that serve the same org."""
    with ExitStack() as stack:
        addresses = [stack.enter_context(running_server(lab.uri))[0] for _ in range(2)]
        yield [stack.enter_context(httpx.Client(base_url=address, timeout=60)) for address in addresses]


def test_guesses_through_any_door_of_any_server_close_the_name_and_no_session(
    lab: Lab, servers: list[httpx.Client]
) -> None:
    lab.person("tom")
    first, second = servers
    session = device(first, PASSWORD).raise_for_status().json()
    guesses = zip(cycle(servers), cycle([*DOORS, *reversed(DOORS)]), strict=False)
    for http, door in islice(guesses, SIGN_INS_OF_NAME_MAX):
        refused = door(http, WRONG)
        assert refused.status_code == (200 if door is console else 401)
        assert "retry-after" not in refused.headers
    for http in servers:
        for door in (device, rescue, admin):
            closed = door(http, PASSWORD)
            assert (closed.status_code, code_of(closed)) == (429, "TOO_MANY_SIGN_INS")
            assert 1 <= int(closed.headers["retry-after"]) <= 60
            assert f"in {closed.headers['retry-after']} s" in closed.json()["problem"]["message"]
        page = console(http, PASSWORD)
        assert page.status_code == 429
        assert f"possible in {page.headers['retry-after']} s" in page.text
        assert "fieldsync_console" not in page.headers.get("set-cookie", "")
    renewed = {"refresh_token": session["tokens"]["refresh_token"], "device_key": DEVICE["key"]}
    tokens = second.post("/sync/v1/session/renew", json=renewed).raise_for_status().json()
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert first.get("/sync/v1/feed", headers=bearer).status_code != 401, "who is signed in stays so"
    other = {"key": "t" * 43}
    assert sign_in(second, username="tom@small.example", device={**DEVICE, **other}).status_code == 200, "same address"
    ask = AskRescue("small", ADMIN, PASSWORD, session["device_number"])
    phone = HttpTransport(str(first.base_url))
    with pytest.raises(Refused) as refusal:
        open_post(phone, "/sync/v1/rescue", ask, Rescue)
    assert 1 <= (refusal.value.retry_after_seconds or 0) <= 60, "the device knows how long"


def test_an_address_is_the_one_a_proxy_on_this_machine_tells(lab: Lab, servers: list[httpx.Client]) -> None:
    sign_in(servers[0], password=WRONG)
    servers[1].headers["x-forwarded-for"] = "198.51.100.1, 203.0.113.7"
    sign_in(servers[1], password=WRONG)
    found = lab.query("SELECT subject FROM _sign_in_attempt WHERE kind = 'address' ORDER BY 1")
    assert found == [("127.0.0.1",), ("203.0.113.7",)]
