"""Every address of the server, asked by a person for what is another's: the routes are those of the application itself.

A route without an entry here fails. Status, headers and body of every answer are searched for what he may not read.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.server.http.asked import ASKED, Ask, Known
from tests.server.http.looking import begun, looked, sessions_of_others
from tests.server.http.running import running_server
from tests.server.lab import PASSWORD, START, Lab
from tests.server.scope.asking import alike, place_of
from tests.server.scope.canaries import Planted, prepare

from fieldsync.base.world import system_world
from fieldsync.cli.serve import console
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
    with running_server(planted.lab.uri) as (address, _), httpx.Client(base_url=address, timeout=60) as client:
        yield client


def routes(planted: Planted) -> list[tuple[str, str]]:
    """Method and address of every route there is."""
    app = create_app(planted.lab.uri, system_world(), pages=console())
    return [(m, route.path) for route in app.routes for m in getattr(route, "methods", ()) if m in METHODS]


def ask(http: httpx.Client, method: str, path: str, one: Ask, token: str) -> bytes:
    """Status, headers and body of an answer; of a stream of wake-ups that does not end the first piece."""
    headers = {"authorization": f"Bearer {one.token or token}"}
    for name, value in one.at.items():
        path = path.replace(f"{{{name}:str}}", value)
    content = one.body if isinstance(one.body, bytes) else None
    body = None if content is not None else one.body
    with http.stream(method, path, params=dict(one.query), headers=headers, content=content, json=body) as answer:
        endless = path.endswith("/events") and "cursor" not in one.query
        text = next(answer.iter_bytes()) if endless else answer.read()
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
    sessions = sessions_of_others(lab, planted.admin, planted.sarah)
    for target in (foreign, unknown):
        tom.n, tom.counter, said = 1_000, tom.counter, {}
        known = Known(planted, own, taken, target, sessions)
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
    assert all("canarytom" in said[place] for said in told for place in BRINGING)
    moving = {"GET /sync/v1/download", "GET /sync/v1/refresh", "POST /sync/v1/digest", "POST /sync/v1/device/number"}
    assert {p: s for p, s in told[0].items() if p not in moving} == {
        p: s for p, s in told[1].items() if p not in moving
    }


@pytest.mark.parametrize("saves", [False, True])
def test_a_support_session_is_told_no_more_than_the_person_it_looks_for(
    http: httpx.Client, planted: Planted, *, saves: bool
) -> None:
    """An admin's session on Tom's view, though an admin has it: all that Tom tries, tried with its token."""
    lab, looks = planted.lab, looked(planted.lab, planted.admin, begun(planted.lab, planted.admin, planted.tom))
    looks.switch(on=saves)
    others = tuple(place_of(lab, phone) for phone in (planted.sarah, planted.tom, planted.admin))
    sessions = sessions_of_others(lab, planted.admin, planted.sarah)
    known = Known(planted, place_of(lab, looks), others, planted.records["sarah"], sessions, looks)
    own = {named.encode() for named in known.target.values()}
    last = "POST /sync/v1/support/end"
    for place in (*(ASKED.keys() - {last}), last):
        method, path = place.split()
        answers = [ask(http, method, path, one, looks.token) for one in ASKED[place](known)]
        assert {word for answer in answers for word in planted.found_in(answer)} - own == set(), place
        if place.endswith(("/upload", "/mini", "/device/rescue")) and not saves:
            assert all(b"SUPPORT_READ_ONLY" in answer for answer in answers), place
        assert place not in BRINGING or any(b"canarytom" in answer for answer in answers), place
    assert ask(http, "GET", "/sync/v1/download", Ask(), looks.token).startswith(b"401"), "it has ended"
    planted.lab.run(forget(planted))


BRINGING = ("GET /sync/v1/download", "GET /sync/v1/refresh")


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
        *(f"{CONSOLE}/import/{{name:str}}/report", f"{CONSOLE}/import/{{name:str}}/cancel", f"{CONSOLE}/leave"),
        *(f"{CONSOLE}/parts/session", f"{CONSOLE}/{{rest:path}}"),
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


def test_what_is_typed_into_any_form_of_the_console_is_kept_when_its_session_is_over(
    http: httpx.Client, planted: Planted
) -> None:
    """It stands in the page that asks to sign in, and goes along with it."""
    origin = {"origin": str(http.base_url).rstrip("/"), "accept": "text/html", "cookie": f"{COOKIE}=over"}
    typed = {"page_token": f"made-up.{planted.admin.session.user.id}", "said": 'by "hand" & <b>'}
    forms = [path for method, path in console_pages(planted) if method == "POST" and path != f"{CONSOLE}/leave"]
    assert len(forms) >= 40
    for path in forms:
        address = address_of(path, planted.unknown("Clinic"))
        answer = http.post(address, data=typed, headers=origin)
        assert (answer.status_code, "What you typed is kept" in answer.text) == (401, True), path
        [sealed] = re.findall(r'name="sent" value="([^"]*)"', answer.text)
        sent = json.loads(html.unescape(sealed))
        assert (sent["address"], dict(sent["fields"])) == (address, typed), path


def visit(http: httpx.Client, method: str, path: str, record_id: str, cookie: str) -> str:
    """Status, place and body of a page's answer."""
    address = address_of(path, record_id)
    headers = {"cookie": f"{COOKIE}={cookie}", "origin": str(http.base_url).rstrip("/")}
    answer = http.request(method, address, headers=headers, data={"id": record_id} if method == "POST" else None)
    return f"{answer.status_code} {answer.headers.get('location', '')} {answer.text}"


def address_of(path: str, record_id: str) -> str:
    """An address of this route, of a record where it names one."""
    address = re.sub(r"\{\w+_id:str\}", record_id, path.replace("{name:str}", "Clinic"))
    address = re.sub(r"\{\w+:int\}", "1", re.sub(r"\{\w+:str\}", "clone", address))
    address = address.replace("{rest:path}", "no/where")
    assert "{" not in address, f"what stands for {path}?"
    return address
