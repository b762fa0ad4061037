"""Every address of the server, asked by a person for what is another's: the routes are those of the application itself.

A route without an entry here fails. Status, headers and body of every answer are searched for what he may not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from tests.server.http.running import running_server
from tests.server.lab import PASSWORD, START, Lab, Phone, create, delete, update
from tests.server.scope.asking import alike, place_of
from tests.server.scope.canaries import Planted, prepare

from fieldsync.base.world import system_world
from fieldsync.cli.serve import console
from fieldsync.protocol.digest import BUCKETS
from fieldsync.protocol.upload import UploadRequest
from fieldsync.server.http.app import create_app
from fieldsync.web.console.door import COOKIE

if TYPE_CHECKING:
    from tests.conftest import Databases

METHODS = ("GET", "POST")
SYNC, CONSOLE, ADMIN, OPENAPI = "/sync/v1", "/console", "/admin/v1", "/openapi"


@pytest.fixture(scope="module")
def planted(databases: Databases) -> Iterator[Planted]:
    """In real time, as the server process lives in it."""
    name = databases.create(databases.template("vaults", prepare))
    lab = Lab(databases.uri(name))
    lab.clock.jump((datetime.now(UTC) - START).total_seconds())
    yield Planted(lab)
    lab.close()
    databases.drop(name)


@pytest.fixture(scope="module")
def http(planted: Planted) -> Iterator[httpx.Client]:
    with running_server(planted.lab.uri) as (address, _), httpx.Client(base_url=address, timeout=20) as client:
        yield client


@dataclass(frozen=True)
class Ask:
    """One request of Tom's. `token`: None for his device's own."""

    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    token: str | None = None
    at: Mapping[str, str] = field(default_factory=dict)
    """What stands in the places of the address."""


@dataclass(frozen=True)
class Known:
    """What Tom holds, and what he took from elsewhere: checkpoint, cursor and mark of each."""

    planted: Planted
    own: tuple[str, str, str]
    taken: tuple[tuple[str, str, str], ...]
    target: Mapping[str, str]
    """Ids he names: Sarah's, or such as nobody has."""

    @property
    def tom(self) -> Phone:
        return self.planted.tom


def device_of(phone: Phone) -> dict[str, str]:
    return {"key": phone.key, "name": "x", "platform": "iPad", "os_version": "1", "app_version": "1.0"}


def sign_ins(k: Known) -> list[Ask]:
    tried = (("sarah", "wrong" * 4, k.tom), ("nobody", "wrong" * 4, k.tom), ("tom", PASSWORD, k.planted.sarah))
    return [
        Ask(body={"org": "small", "username": f"{n}@small.example", "password": p, "device": device_of(phone)})
        for n, p, phone in tried
    ]


def uploads(k: Known) -> list[Ask]:
    clinic, visit = k.target["Clinic"], k.target["Visit"]
    saves = [
        k.tom.save(item)
        for item in (
            update("Clinic", clinic, City=("a", "b")),  # type: ignore[arg-type]
            delete("Visit", visit, 2**52),  # type: ignore[arg-type]
            create("Memo", k.tom.new_id("Memo"), Name="x", ClinicId=clinic),
        )
    ]
    numbers = [k.tom.number, k.planted.sarah.number]
    asked = [UploadRequest(number, 0, (saving,)) for number in numbers for saving in saves]
    return [Ask(body=msgspec.json.encode(one)) for one in asked]


def repairs(k: Known) -> list[Ask]:
    held = [
        {"object": n, "buckets": list(range(BUCKETS)), "rows": [[i, 1]]} for n, i in k.target.items() if n != "Debt"
    ]
    return [Ask(body={"checkpoint": place[0], "label": "x" * 32, "held": held}) for place in (k.own, *k.taken)]


def outcomes(k: Known) -> list[Ask]:
    """What became of Sarah's saves."""
    query = 'SELECT "Transaction_Id" FROM "Sync_Transaction" WHERE "UserId" = %(user)s'
    sent = k.planted.lab.query(query, user=k.planted.sarah.session.user.id)
    assert len(sent) > 3
    return [Ask(body={"open": [[n, one] for n, (one,) in enumerate(sent, 1)]})]


def files(k: Known, body: bytes | None) -> list[Ask]:
    """The file of each record."""
    return [Ask({"checksum": "0" * 64}, body, at={"name": n, "record_id": i}) for n, i in k.target.items()]


PLAIN = ("POST /sync/v1/device/number", "GET /sync/v1/catalog", "GET /sync/v1/events", "GET /health")
WHO = {"org": "small", "username": "tom@small.example", "password": PASSWORD}
ASKED: dict[str, Callable[[Known], list[Ask]]] = {
    "POST /sync/v1/session": sign_ins,
    "POST /sync/v1/session/renew": lambda k: [Ask(body={"refresh_token": "fs1.small.x", "device_key": k.tom.key})],
    "POST /sync/v1/session/end": lambda _: [Ask(token="fs1.small.made-up")],
    "POST /sync/v1/upload": uploads,
    "GET /sync/v1/feed": lambda k: [Ask({"cursor": c}) for c in (k.own[1], "x", *(t[1] for t in k.taken))],
    "POST /sync/v1/feed/outcomes": outcomes,
    "GET /sync/v1/download": lambda k: [
        Ask(),
        *(Ask({"checkpoint": c, "digest": "1"}) for c in (k.own[0], *(t[0] for t in k.taken))),
    ],
    "GET /sync/v1/refresh": lambda k: [Ask(), *(Ask({"resume": m}) for m in (k.own[2], *(t[2] for t in k.taken)))],
    "POST /sync/v1/digest": repairs,
    "POST /sync/v1/errors/clear": lambda k: [
        Ask(body={"device": number, "asked": "0", "last": True, "entries": []})
        for number in (k.tom.number, k.planted.sarah.number)
    ],
    "POST /sync/v1/device/orders": lambda k: [Ask(body={"org": "small", "key": key}) for key in (k.tom.key, "g" * 60)],
    "POST /sync/v1/device/queue": lambda k: [
        Ask(body={"org": "small", "key": k.tom.key, "asked": "wipe x", "last": True, "entries": []})
    ],
    "POST /sync/v1/device/wiped": lambda k: [Ask(body={"org": "small", "key": k.tom.key, "asked": "wipe x"})],
    "POST /sync/v1/tracking": lambda _: [Ask(body={"standing": {"at": "2026-03-02T08:00:00+00:00"}})],
    "POST /sync/v1/device/territory": lambda k: [Ask(body={"territory_id": i}) for i in k.target.values()],
    "POST /sync/v1/device/rescue": lambda _: [Ask(body={"secret": "tom's own"})],
    "POST /sync/v1/rescue": lambda k: [Ask(body=WHO | {"device_number": n}) for n in (k.planted.sarah.number, "0zzz")],
    **dict.fromkeys((*PLAIN, "GET /sync/v1/device/territories"), lambda _: [Ask()]),
    "GET /sync/v1/media/{name:str}/{record_id:str}": lambda k: files(k, None),
    "POST /sync/v1/media/{name:str}/{record_id:str}": lambda k: files(k, b"x"),
    "GET /sync/v1/online/{name:str}": lambda k: [Ask({"search": "canary"}, at={"name": n}) for n in k.target],
    "POST /sync/v1/mini": lambda k: [Ask(body={"object": n, "id": i}) for n, i in k.target.items()],
}
"""By method and address, everything Tom tries there. Pages of the console are all asked in one way, below."""


def routes(planted: Planted) -> list[tuple[str, str]]:
    """Method and address of every route there is."""
    app = create_app(planted.lab.uri, system_world(), pages=console())
    return [(m, route.path) for route in app.routes for m in getattr(route, "methods", ()) if m in METHODS]


def ask(http: httpx.Client, method: str, path: str, one: Ask, token: str) -> bytes:
    """Status, headers and body of an answer; of a stream of wake-ups the first piece."""
    headers = {"authorization": f"Bearer {one.token or token}"}
    for name, value in one.at.items():
        path = path.replace(f"{{{name}:str}}", value)
    content = one.body if isinstance(one.body, bytes) else None
    body = None if content is not None else one.body
    with http.stream(method, path, params=dict(one.query), headers=headers, content=content, json=body) as answer:
        text = next(answer.iter_bytes()) if path.endswith("/events") else answer.read()
        kept = sorted((k, v) for k, v in answer.headers.items() if k not in ("date", "content-length"))
        return f"{answer.status_code} {kept} ".encode() + text


def test_every_address_has_an_entry_here(planted: Planted) -> None:
    known = {f"{m} {p}" for m, p in routes(planted) if not p.startswith((CONSOLE, ADMIN, OPENAPI))}
    assert known == ASKED.keys()


def test_no_address_tells_a_person_what_he_may_not_read(http: httpx.Client, planted: Planted) -> None:
    lab, tom = planted.lab, planted.tom
    others = (planted.sarah, lab.phone("sarah", "iphone"), lab.phone("tom", "iphone"), planted.boss, planted.admin)
    own, taken = place_of(lab, tom), tuple(place_of(lab, phone) for phone in others)
    foreign = planted.records["sarah"]
    unknown = {name: planted.unknown(name) for name in foreign}
    told: list[dict[str, str]] = []
    for target in (foreign, unknown):
        tom.n, tom.counter, said = 1_000, tom.counter, {}
        known = Known(planted, own, taken, target)
        for place, asks in ASKED.items():
            method, path = place.split()
            answers = [ask(http, method, path, one, tom.token) for one in asks(known)]
            found = {word for answer in answers for word in planted.found_in(answer)} - {
                named.encode() for named in target.values()
            }
            assert found == set(), place
            said[place] = alike(*answers)
        told.append(said)
        planted.lab.run(forget(planted))
    assert all(said["POST /sync/v1/upload"].count("NOT_FOUND") == 2 for said in told)
    assert all("canarytom" in said[f"GET /sync/v1/{name}"] for said in told for name in ("download", "refresh"))
    moving = {"GET /sync/v1/download", "GET /sync/v1/refresh", "POST /sync/v1/digest", "POST /sync/v1/device/number"}
    assert {p: s for p, s in told[0].items() if p not in moving} == {
        p: s for p, s in told[1].items() if p not in moving
    }


async def forget(planted: Planted) -> None:
    """What Tom's device was refused is forgotten, so that the same queue numbers can be used again."""
    async with planted.lab.org.pool.connection() as connection:
        await connection.execute("DELETE FROM _receipt WHERE n > 1000")
        await connection.execute("DELETE FROM _blocked")
        await connection.execute("DELETE FROM _undecided")


def test_the_admins_interface_is_closed_to_who_is_no_admin(http: httpx.Client, planted: Planted) -> None:
    """Each address alike, whatever it names; the entrance answers as to a wrong password."""
    entering = {"org": "small", "username": "tom@small.example", "password": PASSWORD}
    assert http.post(f"{ADMIN}/session", json=entering).status_code == 401
    addresses = [(m, p) for m, p in routes(planted) if p.startswith(ADMIN) and not p.endswith("/session")]
    assert len(addresses) > 5
    foreign, unknown = planted.records["sarah"]["Clinic"], planted.unknown("Clinic")
    for method, path in addresses:
        said = []
        for target in (foreign, unknown):
            named = re.sub(r"\{[^}]*\}", str(target), path)
            headers = {"authorization": f"Bearer {planted.tom.token}"}
            sent = {"act": {"act": "retry"}, "comment": {"text": "x"}}.get(path.rpartition("/")[2], {})
            answer = http.request(method, named, headers=headers, json=sent if method == "POST" else None)
            said.append((answer.status_code, answer.content))
        assert said[0] == said[1], path
        assert said[0][0] == 403, path
        assert planted.found_in(said[0][1]) == []


RECORDS = frozenset(
    {
        *(f"{CONSOLE}/objects", f"{CONSOLE}/objects/{{name:str}}", f"{CONSOLE}/objects/{{name:str}}/{{record_id:str}}"),
        *(f"{CONSOLE}/objects/{{name:str}}/{{record_id:str}}/edit", f"{CONSOLE}/new/{{name:str}}"),
        *(f"{CONSOLE}/save/{{name:str}}", f"{CONSOLE}/delete/{{name:str}}/{{record_id:str}}"),
        *(f"{CONSOLE}/export/{{name:str}}", f"{CONSOLE}/import/{{name:str}}", f"{CONSOLE}/lookup/{{name:str}}"),
        f"{CONSOLE}/leave",
    }
)
"""What everybody who signs in to the console may open: records, with his own rights."""


def console_pages(planted: Planted) -> list[tuple[str, str]]:
    pages = [(m, p) for m, p in routes(planted) if p.startswith(CONSOLE) and "static" not in p]
    assert len(pages) > 10
    return [(method, path) for method, path in pages if path != f"{CONSOLE}/enter"]


def visited(http: httpx.Client, planted: Planted, page: tuple[str, str], cookie: str) -> str:
    """What a page says of a record that Tom may not see; the same as of one that is not there."""
    names = planted.records["sarah"]["Clinic"], planted.unknown("Clinic")
    told = [visit(http, *page, name, cookie).replace(name, "ID") for name in names]
    assert [planted.found_in(said.encode()) for said in told] == [[], []], page
    assert told[0] == told[1], page
    return told[0]


def test_the_console_opens_no_page_to_who_did_not_sign_in_to_it(http: httpx.Client, planted: Planted) -> None:
    """Pages and their parts: with no cookie, a made-up one, and the token of a device; each alike for any record."""
    for page in console_pages(planted):
        for cookie in ("", "fs1.small.made-up", planted.tom.token, planted.sarah.token):
            told = visited(http, planted, page, cookie)
            assert told.split()[0] in ("303", "401", "403"), (page, told[:200])


def test_the_console_opens_to_who_is_no_admin_the_records_he_may_see_and_nothing_else(
    http: httpx.Client, planted: Planted
) -> None:
    entered = http.post(
        "/console/enter",
        data={"org": "small", "username": "tom@small.example", "password": PASSWORD},
        headers={"origin": str(http.base_url).rstrip("/")},
    )
    cookie = entered.cookies[COOKIE]
    for method, path in console_pages(planted):
        if path != f"{CONSOLE}/leave":
            told = visited(http, planted, (method, path), cookie)
            assert path in RECORDS or told.split()[0] in ("303", "401", "403"), (method, path, told[:200])


def visit(http: httpx.Client, method: str, path: str, record_id: str, cookie: str) -> str:
    """Status, place and body of a page's answer."""
    address = re.sub(r"\{\w+_id:str\}", record_id, path.replace("{name:str}", "Clinic"))
    address = re.sub(r"\{\w+:int\}", "1", re.sub(r"\{\w+:str\}", "clone", address))
    assert "{" not in address, f"what stands for {path}?"
    headers = {"cookie": f"{COOKIE}={cookie}", "origin": str(http.base_url).rstrip("/")}
    answer = http.request(method, address, headers=headers, data={"id": record_id} if method == "POST" else None)
    return f"{answer.status_code} {answer.headers.get('location', '')} {answer.text}"
