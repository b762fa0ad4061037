"""Bad requests over real HTTP: each gets a stable code and a sentence, none a 5xx, none an effect (THREATS)."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
    with running_server(lab.uri) as (address, _), httpx.Client(base_url=address, timeout=20) as client:
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


def test_bad_requests_get_a_code_and_a_sentence(http: httpx.Client) -> None:
    """One server for all of them: what one request does must not hurt the next."""
    token = bearer(http)
    upload = "/sync/v1/upload"
    number = sign_in(http).json()["device_number"]
    valid = json.dumps({"device": number, "confirmed_through": 0, "transactions": []})
    cases: list[tuple[str, httpx.Response, int, str]] = [
        ("no token", http.post(upload, content=valid), 401, "AUTH"),
        (
            "a broken token",
            http.post(upload, content=valid, headers={"authorization": "Bearer fs1.small.x"}),
            401,
            "AUTH",
        ),
        (
            "a token of no org",
            http.post(upload, content=valid, headers={"authorization": "Bearer fs1.no.x"}),
            401,
            "AUTH",
        ),
        ("no JSON", http.post(upload, content="{", headers=token), 400, "BAD_REQUEST"),
        ("another shape", http.post(upload, json=[1], headers=token), 400, "BAD_REQUEST"),
        ("an unknown key", http.post(upload, json={**json.loads(valid), "x": 1}, headers=token), 400, "BAD_REQUEST"),
        ("deep nesting", http.post(upload, content="[" * 100_000, headers=token), 400, "BAD_REQUEST"),
        ("invalid UTF-8", http.post(upload, content=b'{"device":"\xff"}', headers=token), 400, "BAD_REQUEST"),
        (
            "an unknown encoding",
            http.post(upload, content=valid, headers={**token, "content-encoding": "br"}),
            400,
            "BAD_REQUEST",
        ),
        (
            "broken zstd",
            http.post(upload, content=b"no", headers={**token, "content-encoding": "zstd"}),
            400,
            "BAD_REQUEST",
        ),
        (
            "a zstd bomb",
            http.post(upload, content=bomb(), headers={**token, "content-encoding": "zstd"}),
            413,
            "TOO_LARGE",
        ),
        ("a body over the limit", http.post(upload, content=b" " * (33 * 2**20), headers=token), 413, "TOO_LARGE"),
        (
            "a foreign number",
            http.post(upload, content=valid.replace(number, "AAAAA"), headers=token),
            403,
            "FORBIDDEN",
        ),
        ("a made-up cursor", http.get("/sync/v1/feed?cursor=abc", headers=token), 400, "BAD_CURSOR"),
        ("a made-up checkpoint", http.get("/sync/v1/download?checkpoint=abc", headers=token), 400, "BAD_CURSOR"),
        ("an unknown address", http.get("/sync/v1/nothing", headers=token), 404, "BAD_REQUEST"),
        ("a wrong method", http.get(upload, headers=token), 405, "BAD_REQUEST"),
        ("a wrong password", sign_in(http, password="wrong" * 4), 401, "AUTH"),
        ("an unknown user", sign_in(http, username="nobody@small.example"), 401, "AUTH"),
        ("an unknown org", sign_in(http, org="nowhere"), 401, "AUTH"),
        ("a short device key", sign_in(http, device={**DEVICE, "key": "short"}), 400, "BAD_REQUEST"),
    ]
    found = [(name, answer.status_code, code_of(answer)) for name, answer, _, _ in cases]
    assert found == [(name, status, code) for name, _, status, code in cases]
    assert http.post(upload, content=valid, headers=token).status_code == 200


def bomb() -> bytes:
    """A frame of a few kilobytes that unpacks to 64 MiB."""
    return zstandard.ZstdCompressor(level=19).compress(b"\0" * 64 * 2**20)


def test_a_request_that_is_cut_off_changes_nothing_and_stops_nobody(http: httpx.Client, lab: Lab) -> None:
    import socket

    token = bearer(http)["authorization"]
    host, port = http.base_url.host, http.base_url.port
    assert port is not None
    with socket.create_connection((host, port)) as raw:
        head = f"POST /sync/v1/upload HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: 1000\r\n\r\n"
        raw.sendall(head.encode() + b'{"device":')
    assert http.get("/health").status_code == 200
    assert lab.query('SELECT count(*) FROM "Sync_Transaction"') == [(0,)]


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
        "events",
    )
    assert {f"/sync/v1/{name}" for name in names} <= set(paths)


def test_the_openapi_document_tells_the_shape_of_an_upload(http: httpx.Client) -> None:
    upload = http.get("/openapi/openapi.json").json()["paths"]["/sync/v1/upload"]["post"]
    shape = upload["requestBody"]["content"]["application/json"]["schema"]
    transaction = shape["properties"]["transactions"]["items"]["properties"]
    assert transaction["items"]["items"]["properties"].keys() >= {"object", "id", "operation", "changes"}
