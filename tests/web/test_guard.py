"""Who may ask the pages at all (THREATS T12, T13): a table."""

from __future__ import annotations

import pytest

from fieldsync.web.kit.guard import FORBIDDEN, MISDIRECTED, refusal

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
