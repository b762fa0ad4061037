"""More devices than the pool has connections: nobody keeps one while he waits for another."""

from __future__ import annotations

import asyncio

import httpx
from tests.server.lab import Lab, Phone

from fieldsync.server.http.app import create_app
from fieldsync.server.postgres.connect import POOL_CONNECTIONS_MAX

DEVICES = POOL_CONNECTIONS_MAX + 2


def test_everybody_who_comes_at_once_on_a_new_day_with_new_tokens_is_answered(lab: Lab) -> None:
    """The first use of each token is noted, what each checkpoint names is kept, and an admin's wish is asked for."""
    lab.person("sarah")
    phones = [lab.phone("sarah", f"device {number}") for number in range(DEVICES)]
    for phone in phones:
        phone.download()
    lab.clock.advance(86_400)
    for phone in phones:
        phone.renew()

    async def together() -> list[httpx.Response]:
        app = create_app(lab.uri, lab.world, jobs=False)
        way = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with app.lifespan(), httpx.AsyncClient(transport=way, base_url="http://server", timeout=60) as http:
            return await asyncio.gather(*(asked(http, phone) for phone in phones))

    async def asked(http: httpx.AsyncClient, phone: Phone) -> httpx.Response:
        place = {"checkpoint": str(phone.checkpoint), "feed": phone.cursor}
        headers = {"authorization": f"Bearer {phone.token}"}
        return await http.get("/sync/v1/download", params=place, headers=headers)

    assert [answer.status_code for answer in lab.run(together())] == [200] * DEVICES
