"""Bad requests over real HTTP: each gets a stable code and a sentence, none a 5xx, none an effect (THREATS)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import zstandard
from tests.server.http.running import running_server
from tests.server.lab import PASSWORD, Lab

DEVICE = {"key": "k" * 43, "name": "iPad", "platform": "iPad", "os_version": "17", "app_version": "1.0"}


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    """A client of a running server with the org of `lab` and the person sarah."""
    lab.person("sarah")
    with running_server(lab.uri) as (address, _), httpx.Client(base_url=address, timeout=60) as client:
        yield client


def sign_in(http: httpx.Client, **changes: Any) -> httpx.Response:
    body = {"org": "small", "username": "sarah@small.example", "password": PASSWORD, "device": DEVICE}
    return http.post("/sync/v1/session", json={**body, **changes})


def bearer(http: httpx.Client) -> dict[str, str]:
    return {"authorization": "Bearer " + sign_in(http).json()["tokens"]["access_token"]}


def code_of(answer: httpx.Response) -> str:
    found: str = answer.json()["problem"]["code"]
    assert answer.json()["problem"]["message"]
    return found


@dataclass(frozen=True)
class Case:
    """A bad request and its answer. `body`, `headers` and `path` are what is bad about it."""

    name: str
    status: int
    code: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    path: str = "/sync/v1/upload"
    method: str = "POST"


def bomb() -> bytes:
    """A frame of a few kilobytes that unpacks to 64 MiB."""
    return zstandard.ZstdCompressor(level=19).compress(b"\0" * 64 * 2**20)


ZSTD = {"content-encoding": "zstd"}
EMPTY = b'{"device":"AAAAA","confirmed_through":0,"transactions":[]}'
CASES = [
    Case("no token", 401, "AUTH", EMPTY, headers={"authorization": ""}),
    Case("a broken token", 401, "AUTH", EMPTY, headers={"authorization": "Bearer fs1.small.x"}),
    Case("a token of no org", 401, "AUTH", EMPTY, headers={"authorization": "Bearer fs1.nowhere.x"}),
    Case("no JSON", 400, "BAD_REQUEST", b"{"),
    Case("another shape", 400, "BAD_REQUEST", b"[1]"),
    Case("an unknown key", 400, "BAD_REQUEST", b'{"device":"x","confirmed_through":0,"transactions":[],"x":1}'),
    Case("deep nesting", 400, "BAD_REQUEST", b"[" * 100_000),
    Case("invalid UTF-8", 400, "BAD_REQUEST", b'{"device":"\xff"}'),
    Case("an unknown encoding", 400, "BAD_REQUEST", b"{}", {"content-encoding": "br"}),
    Case("broken zstd", 400, "BAD_REQUEST", b"no", ZSTD),
    Case("a zstd bomb", 413, "TOO_LARGE", bomb(), ZSTD),
    Case("a body over the limit", 413, "TOO_LARGE", b" " * (33 * 2**20)),
    Case("a made-up cursor", 400, "BAD_CURSOR", path="/sync/v1/feed?cursor=abc", method="GET"),
    Case("a made-up checkpoint", 400, "BAD_CURSOR", path="/sync/v1/download?checkpoint=abc", method="GET"),
    Case("an unknown address", 404, "BAD_REQUEST", path="/sync/v1/nothing", method="GET"),
    Case("a wrong method", 405, "BAD_REQUEST", method="GET"),
]


def test_bad_requests_get_a_code_and_a_sentence(http: httpx.Client) -> None:
    """One server for all of them: what one request does must not hurt the next."""
    token = bearer(http)
    other = sign_in(http, device={**DEVICE, "key": "j" * 43}).json()["device_number"]
    foreign = Case("a foreign number", 403, "FORBIDDEN", EMPTY.replace(b"AAAAA", other.encode()))
    found = []
    for case in (*CASES, foreign):
        answer = http.request(case.method, case.path, content=case.body, headers={**token, **case.headers})
        found.append((case.name, answer.status_code, code_of(answer)))
    assert found == [(case.name, case.status, case.code) for case in (*CASES, foreign)]
    assert http.get("/sync/v1/catalog", headers=token).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"password": "wrong" * 4}, 401, "AUTH"),
        ({"username": "nobody@small.example"}, 401, "AUTH"),
        ({"org": "nowhere"}, 401, "AUTH"),
        ({"device": {**DEVICE, "key": "short"}}, 400, "BAD_REQUEST"),
        ({"device": {**DEVICE, "platform": "Toaster"}}, 400, "BAD_REQUEST"),
    ],
)
def test_a_bad_sign_in_tells_nothing(http: httpx.Client, changes: dict[str, Any], status: int, code: str) -> None:
    answer = sign_in(http, **changes)
    assert (answer.status_code, code_of(answer)) == (status, code)


def test_a_request_that_is_cut_off_changes_nothing_and_stops_nobody(http: httpx.Client, lab: Lab) -> None:
    token = bearer(http)["authorization"]
    host, port = http.base_url.host, http.base_url.port
    assert port is not None
    with socket.create_connection((host, port)) as raw:
        head = f"POST /sync/v1/upload HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: 1000\r\n\r\n"
        raw.sendall(head.encode() + b'{"device":')
    assert http.get("/health").status_code == 200
    assert lab.query('SELECT count(*) FROM "Sync_Transaction"') == [(0,)]


def two_gigabytes() -> Iterator[bytes]:
    """An upload whose text never seems to end; its length is not announced."""
    yield b'{"device":"AAAAA","confirmed_through":0,"transactions":[{"Notes":"'
    for _ in range(2048):
        yield b"x" * 2**20
    yield b'"}]}'


def test_a_text_of_two_gigabytes_is_stopped_at_the_limit(http: httpx.Client) -> None:
    token = bearer(http)
    sent = 0

    def counted() -> Iterator[bytes]:
        nonlocal sent
        for piece in two_gigabytes():
            sent += len(piece)
            yield piece

    try:
        answer = http.post("/sync/v1/upload", content=counted(), headers=token)
        assert (answer.status_code, code_of(answer)) == (413, "TOO_LARGE")
    except (httpx.WriteError, httpx.RemoteProtocolError):
        pass  # the server hung up while the rest was being sent
    assert sent < 128 * 2**20
    assert http.get("/sync/v1/catalog", headers=token).status_code == 200


def test_refresh_tokens_rotate_and_a_stolen_one_ends_every_session(http: httpx.Client) -> None:
    tokens = sign_in(http).json()["tokens"]
    renew = "/sync/v1/session/renew"
    first = http.post(renew, json={"refresh_token": tokens["refresh_token"], "device_key": DEVICE["key"]})
    again = http.post(renew, json={"refresh_token": tokens["refresh_token"], "device_key": DEVICE["key"]})
    assert (first.status_code, again.status_code) == (200, 200), "a lost reply locks nobody out"
    fresh = again.json()
    used = {"authorization": "Bearer " + fresh["access_token"]}
    assert http.get("/sync/v1/catalog", headers=used).status_code == 200
    late = http.post(renew, json={"refresh_token": tokens["refresh_token"], "device_key": DEVICE["key"]})
    assert late.status_code == 401, "the new pair was used, so the old one is void"
    thief = http.post(renew, json={"refresh_token": fresh["refresh_token"], "device_key": "t" * 43})
    assert thief.status_code == 401
    assert http.get("/sync/v1/catalog", headers=used).status_code == 401


def test_an_app_that_is_too_old_may_still_upload(http: httpx.Client) -> None:
    old = {**bearer(http), "fieldsync-app": "0.0.9"}
    for path in ("catalog", "feed?cursor=x", "download", "refresh"):
        answer = http.get(f"/sync/v1/{path}", headers=old)
        assert (answer.status_code, code_of(answer)) == (426, "APP_TOO_OLD")
    device = sign_in(http).json()["device_number"]
    body = {"device": device, "confirmed_through": 0, "transactions": []}
    assert http.post("/sync/v1/upload", headers=old, json=body).status_code == 200
    assert http.get("/sync/v1/catalog", headers={**old, "fieldsync-app": "0.1.0"}).status_code == 200


def test_the_openapi_document_names_every_address(http: httpx.Client) -> None:
    paths = http.get("/openapi/openapi.json").json()["paths"]
    names = (
        "session",
        "session/renew",
        "session/end",
        "device/number",
        "catalog",
        "upload",
        "feed",
        "download",
        "digest",
        "events",
    )
    assert {f"/sync/v1/{name}" for name in names} <= set(paths)


def test_feeds_are_told_to_an_admin_and_to_nobody_else(http: httpx.Client) -> None:
    """FEATURES C14."""
    admin = sign_in(http, username="admin@small.example", device={**DEVICE, "key": "a" * 43}).json()
    told = http.get("/admin/v1/feeds", headers={"authorization": f"Bearer {admin['tokens']['access_token']}"})
    assert told.json() == {"people": 0, "entries": 0, "longest": []}
    refused = http.get("/admin/v1/feeds", headers=bearer(http))
    assert (refused.status_code, code_of(refused)) == (403, "FORBIDDEN")
    assert http.get("/admin/v1/feeds").status_code == 401


def test_the_openapi_document_tells_the_shape_of_an_upload(http: httpx.Client) -> None:
    upload = http.get("/openapi/openapi.json").json()["paths"]["/sync/v1/upload"]["post"]
    shape = upload["requestBody"]["content"]["application/json"]["schema"]
    transaction = shape["properties"]["transactions"]["items"]["properties"]
    assert transaction["items"]["items"]["properties"].keys() >= {"object", "id", "operation", "changes"}
