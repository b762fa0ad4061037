"""Who may ask the pages at all (THREATS T12, T13): a table."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fieldsync.web.kit.guard import FORBIDDEN, MISDIRECTED, Guard, is_versioned, refusal

HOST = "127.0.0.1:8000"
OURS = f"http://{HOST}"


@pytest.mark.parametrize(
    ("what", "method", "headers", "expected"),
    [
        ("typed into the address bar", "GET", {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, None),
        ("a page of ours", "POST", {"origin": OURS, "sec-fetch-site": "same-origin"}, None),
        ("a link on another site", "GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, None),
        ("a form on another site", "POST", {"origin": "http://evil.test", "sec-fetch-site": "cross-site"}, FORBIDDEN),
        ("a form that hides its origin", "POST", {"origin": "null", "sec-fetch-site": "cross-site"}, FORBIDDEN),
        ("an image on another site", "GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, FORBIDDEN),
        ("a frame on another site", "GET", {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, FORBIDDEN),
        ("a script without a browser's headers", "POST", {}, FORBIDDEN),
        ("a rebound name", "GET", {"host": "evil.test:8000", "sec-fetch-site": "none"}, MISDIRECTED),
        ("another port", "GET", {"host": "127.0.0.1:9999"}, MISDIRECTED),
    ],
)
def test_who_may_ask(what: str, method: str, headers: dict[str, str], expected: int | None) -> None:
    assert refusal({HOST}.__contains__, method, {"host": HOST, **headers}) == expected, what


FRAME = {"origin": "null", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}


@pytest.mark.parametrize(
    ("path", "method", "host", "expected"),
    [
        ("/slides/secret/look.css", "GET", HOST, 200),
        ("/slides/secret/look.css", "GET", "evil.test:8000", MISDIRECTED),
        ("/slides/secret/look.css", "POST", HOST, FORBIDDEN),
        ("/accounts", "GET", HOST, FORBIDDEN),
    ],
)
def test_a_frame_without_our_origin_gets_what_its_secret_names_and_nothing_else(
    path: str, method: str, host: str, expected: int
) -> None:
    sent: list[int] = []

    async def send(message: Any) -> None:
        sent.extend([message["status"]] if "status" in message else [])

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def inside(_scope: Any, _receive: Any, answer: Any) -> None:
        await answer({"type": "http.response.start", "status": 200, "headers": []})

    headers = [(name.encode(), value.encode()) for name, value in {"host": host, **FRAME}.items()]
    scope: Any = {"type": "http", "path": path, "method": method, "headers": headers, "query_string": b""}
    asyncio.run(Guard({HOST}.__contains__, secret="/slides/").handle(scope, receive, send, inside))
    assert sent == [expected]


@pytest.mark.parametrize(
    ("path", "query", "kept"),
    [
        ("/static/field.js", b"v=0123", True),
        ("/console/static/kit.css", b"v=0123", True),
        ("/static/field.js", b"", False),
        ("/accounts/001", b"v=0123", False),
        ("/objects/static/1", b"v=0123", False),
    ],
)
def test_a_browser_keeps_only_files_of_a_version(path: str, query: bytes, kept: bool) -> None:  # noqa: FBT001
    assert is_versioned(path, query) == kept
