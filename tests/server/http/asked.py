"""What Tom asks at each address of the server for devices to come by what is another's; used by `test_isolation`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from tests.server.http.looking import Sessions
from tests.server.lab import PASSWORD, Phone, create, delete, update
from tests.server.scope.canaries import Planted

from fieldsync.protocol.digest import BUCKETS
from fieldsync.protocol.upload import UploadRequest


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
    sessions: Sessions
    """Support sessions of others that he may not use."""
    by: Phone | None = None
    """Who asks, where it is not Tom's iPad."""

    @property
    def tom(self) -> Phone:
        return self.by or self.planted.tom


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


def codes(k: Known) -> list[Ask]:
    """Codes that open nothing: used, ended, too old, made up, and what stands for a device instead."""
    made_up = ("small-" + "A" * 32, "small-", "nowhere-" + "A" * 32, f"small-{k.planted.sarah.key}", "small-%", "")
    tried = (*k.sessions.codes, *(f" {code}\n" for code in k.sessions.codes), *made_up)
    return [Ask(body={"code": code, "device": device_of(k.tom)}) for code in tried]


def standings(k: Known) -> list[Ask]:
    """His own device is no support session; those that ended, and codes as tokens, are nobody's."""
    return [Ask(), *(Ask(token=token) for token in (*k.sessions.tokens, *k.sessions.codes, "fs1.small.made-up"))]


PLAIN = ("POST /sync/v1/device/number", "GET /sync/v1/catalog", "GET /health")
WHO = {"org": "small", "username": "tom@small.example", "password": PASSWORD}
ASKED: dict[str, Callable[[Known], list[Ask]]] = {
    "POST /sync/v1/session": sign_ins,
    "POST /sync/v1/session/renew": lambda k: [Ask(body={"refresh_token": "fs1.small.x", "device_key": k.tom.key})],
    "POST /sync/v1/session/end": lambda _: [Ask(token="fs1.small.made-up")],
    "POST /sync/v1/upload": uploads,
    "GET /sync/v1/feed": lambda k: [Ask({"cursor": c}) for c in (k.own[1], "x", *(t[1] for t in k.taken))],
    "GET /sync/v1/events": lambda k: [Ask(), *(Ask({"cursor": c}) for c in ("x", *(t[1] for t in k.taken)))],
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
    "POST /sync/v1/names": lambda k: [Ask(body={"ids": {n: [i] for n, i in k.target.items()}})],
    "POST /sync/v1/support": codes,
    "GET /sync/v1/support": standings,
    "POST /sync/v1/support/end": standings,
    "POST /sync/v1/mini": lambda k: [Ask(body={"object": n, "id": i}) for n, i in k.target.items()],
}
"""By method and address, everything Tom tries there. Pages of the console are all asked in one way, below."""
