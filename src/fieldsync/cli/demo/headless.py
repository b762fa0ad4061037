"""The stage for the story: a server in a thread of its own, five devices, all on a folder that goes afterwards."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import func, select

from fieldsync.base.ids import RecordId
from fieldsync.base.world import system_world
from fieldsync.cli.demo.people import ADMIN, MANAGER, NATION, ORG, TOM, Person
from fieldsync.cli.demo.run import HOST, IPAD, IPHONE, Gadget, Place, free_port, open_device, place, server_app, sign_in
from fieldsync.cli.demo.story import Story, tell_story
from fieldsync.device import Device
from fieldsync.protocol.session import Platform
from fieldsync.server.http.serve import serve
from fieldsync.server.org.create import seeding_org

TOMS = Gadget(TOM, "Tom's Surface", Platform.WINDOWS, "tom")
GRACES = Gadget(MANAGER, "Grace's iPad", Platform.IPAD, "grace")


class _Admin(Person):
    """The org's admin, who signs in like a person."""

    @property
    def username(self) -> str:
        return ADMIN


DESK = Gadget(_Admin("Ada", "Admin", "System_Administrator", NATION), "The desk", Platform.BROWSER, "desk")


def tell(folder: Path, accounts: int, say: Callable[[str], None]) -> int:
    """Run the story; the number of its sentences. Raises Untrue."""
    with ExitStack() as stack:
        where = stack.enter_context(
            place(folder, free_port(), system_world(), accounts=accounts, reset=False, tell=lambda _: None)
        )
        stack.enter_context(_server(where))
        ipad, iphone, toms, graces, desk = (
            stack.enter_context(_device(where, gadget)) for gadget in (IPAD, IPHONE, TOMS, GRACES, DESK)
        )
        journaled = partial(_journaled, where)
        return tell_story(Story(where.world, ipad, iphone, toms, graces, desk, journaled, say))


@contextmanager
def _device(where: Place, gadget: Gadget) -> Iterator[Device]:
    device = open_device(where, gadget)
    try:
        sign_in(device, gadget)
        device.start()
        yield device
    finally:
        device.close()


@contextmanager
def _server(where: Place) -> Iterator[None]:
    """The server, in a loop and thread of its own until the block ends."""
    up, stopping = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(where, up, stopping)), name="server")
    thread.start()
    try:
        if not up.wait(30):
            raise RuntimeError("the server did not start")
        yield
    finally:
        stopping.set()
        thread.join(20)


async def _serve(where: Place, up: threading.Event, stopping: threading.Event) -> None:
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(server_app(where), host=HOST, port=where.port, stop=stop, ready=up.set))
    told = asyncio.create_task(asyncio.to_thread(stopping.wait))
    await asyncio.wait((told, serving), return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await serving


def _journaled(where: Place, object_name: str, record_id: RecordId) -> int:
    """Transactions the server journaled for this root."""
    with seeding_org(where.uri, ORG, where.world) as seeding:
        c = seeding.metadata.tables["Sync_Transaction"].c
        mine = select(func.count()).where(c.Root_Object == object_name, c.Root_Record_Id == record_id)
        return int(seeding.connection.execute(mine).scalar_one())
