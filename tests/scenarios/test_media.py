"""Files of records: Sarah's iPad gets the presentation, survives a cut, follows new versions; her photo goes up.

Real server, real devices, over HTTP (FEATURES E20, L04, L05, L07 to L09).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from tests.conftest import Databases
from tests.scenarios.stage import PASSWORD, Stage, catch_up, wait_for

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import system_world
from fieldsync.device import Device, Network, Reply, SyncKind, Unreachable
from fieldsync.device.media.media import NewFile
from fieldsync.device.media.plan import Where
from fieldsync.device.transport import HttpTransport, Logged
from fieldsync.protocol.media import PIECE_BYTES
from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.server.media.keep import put
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import insert_rows, mint_ids
from fieldsync.server.org.users import NewUser, create_user

PACK = """
name: films
label: Films
objects:
  - name: Film
    label: Film
    prefix: s00
    sharing: private
    fields:
      - {name: Checksum, type: text, length: 64}
      - {name: Bytes, type: number, precision: 15, scale: 0}
      - {name: Media_Type, type: text}
      - {name: File_Name, type: text}
      - {name: Part_OfId, type: lookup, references: Film, children: Parts}
  - name: Still
    label: Still
    prefix: s01
    sharing: private
    fields:
      - {name: FilmId, type: lookup, references: Film, children: Stills}
      - {name: Checksum, type: text, length: 64}
      - {name: Bytes, type: number, precision: 15, scale: 0}
      - {name: Media_Type, type: text}
      - {name: File_Name, type: text}
sync_rules:
  - {object: Film, type: full}
  - {object: Film, type: full, profile: Hung, include_attachments: true}
  - {object: Film, type: full, profile: Few, include_attachments: true, attachments_max: 2, attachment_megabytes_max: 1,
     attachment_types: [video/*, PDF]}
profiles:
  - {name: Hung, label: Hung, objects: {'*': [read, create, edit, delete]}}
  - {name: Few, label: Few, objects: {'*': [read, create, edit, delete]}}
  - {name: Rep, label: Rep, objects: {'*': [read, create, edit, delete]}}
"""
BODY = b"".join(n.to_bytes(4, "big") for n in range(5 * PIECE_BYTES // 8))
"""Two and a half pieces."""


class Wire(HttpTransport):
    """A way to the server on which somebody may pull the plug, or change a byte."""

    spoil: Callable[[str, Reply], Reply] = staticmethod(lambda _, reply: reply)

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        return self.spoil(path, super().request(method, path, body, headers))


class Films:
    """The stage, one Sarah for each test, and what an admin does with films."""

    def __init__(self, stage: Stage, name: str, profile: str = "Rep") -> None:
        self.stage, self.name = stage, name
        with seeding_org(stage.uri, "films", stage.world) as seeding:
            self.sarah = create_user(seeding, NewUser(name, PASSWORD, profile, "Sarah"), stage.world.chance)

    def device(
        self, what: str, *, started: bool = False, wire: Callable[[str], HttpTransport] = HttpTransport
    ) -> Device:
        """One of Sarah's."""
        return self.stage.device(self.name, f"{self.name}-{what}", started=started, wire=wire)

    def still(self, film: RecordId, body: bytes) -> RecordId:
        """A picture that hangs on a film."""
        with seeding_org(self.stage.uri, "films", self.stage.world) as seeding:
            [still] = mint_ids(seeding, "Still", 1)
            checksum = put(seeding.connection, RecordRef("Still", still), body, self.stage.world.clock)
            about = {"Name": "Still", "Checksum": checksum, "Bytes": len(body), "FilmId": film, "OwnerId": self.sarah}
            insert_rows(seeding, "Still", [{"Id": still, **about}])
        return still

    kind: Mapping[str, str | None] = {"Media_Type": "video/mp4", "File_Name": "film.mp4"}

    def show(self, body: bytes, record: RecordId | None = None, *, part_of: RecordId | None = None) -> RecordId:
        """A film of Sarah's with its file; another version of one that is there."""
        with seeding_org(self.stage.uri, "films", self.stage.world) as seeding:
            film = record or mint_ids(seeding, "Film", 1)[0]
            checksum = put(seeding.connection, RecordRef("Film", film), body, self.stage.world.clock)
            about: dict[str, object] = {"Checksum": checksum, "Bytes": len(body), **self.kind}
            if record is None:
                about |= {"OwnerId": self.sarah, "Part_OfId": part_of}
                insert_rows(seeding, "Film", [{"Id": film, "Name": "The film", **about}])
        return film


@pytest.fixture(scope="module")
def stage(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    name = databases.create()
    uri, world = databases.uri(name), system_world()
    admin = NewUser("admin@films.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, "films", build([*load_packs(("platform",)), parse_pack(PACK, "films")]), admin=admin, world=world)
    with ExitStack() as stack:
        yield Stage(stack, uri, "films", tmp_path_factory.mktemp("films"))
    databases.drop(name)


@pytest.fixture
def films(stage: Stage, request: pytest.FixtureRequest) -> Films:
    return Films(stage, f"sarah-{len(request.node.name)}")


def wire_of(device: Device) -> Wire:
    logged = device._calls.transport
    assert isinstance(logged, Logged)
    assert isinstance(logged._inner, Wire)
    return logged._inner


def test_a_film_comes_in_pieces_goes_on_after_a_cut_and_is_read_offline(films: Films) -> None:
    film = films.show(BODY)
    ipad = films.device("ipad", wire=Wire)
    wire = wire_of(ipad)
    assert ipad.media.waiting() == (1, len(BODY))
    asked: list[str] = []

    def cut(path: str, reply: Reply) -> Reply:
        if "/media/" in path:
            asked.append(path)
            if len(asked) == 2:
                raise Unreachable("the plug")
        return reply

    wire.spoil = cut
    with pytest.raises(Refused) as refused:
        ipad.media.sync()
    assert refused.value.problem.code is Code.OFFLINE
    assert ipad.media.item(film).where is Where.PART  # type: ignore[union-attr]

    ipad.foreground.network = Network.CELLULAR
    report = ipad.media.sync()
    assert (report.kind, report.successful, report.files_received) == (SyncKind.MEDIA, True, 1)
    assert len(asked) == 4, "what came before the cut did not come again"
    catch_up(ipad)
    told = [row for row in films.stage.rows("Sync_Tracking").values() if row["Sync_Type"] == "media"]
    assert {row["Successful"]: row["Network"] for row in told} == {False: "unknown", True: "cellular"}
    assert all(0 < row["Media_Seconds"] == row["Duration_Seconds"] for row in told)
    carried = {row["Successful"]: (row["Bytes_Up"], row["Bytes_Down"]) for row in told}
    assert carried == {False: (0, PIECE_BYTES), True: (0, len(BODY) - PIECE_BYTES)}
    ipad.go_offline()
    assert ipad.media.read(film) == BODY
    window = (PIECE_BYTES - 3, PIECE_BYTES + 5)
    assert ipad.media.read(film, *window) == BODY[slice(*window)]


def test_a_byte_that_changed_on_the_way_is_noticed_and_the_file_comes_again(films: Films) -> None:
    film = films.show(BODY)
    ipad = films.device("ipad", wire=Wire)
    wire = wire_of(ipad)
    spoiled: list[int] = []

    def flip(path: str, reply: Reply) -> Reply:
        if "/media/" not in path or len(spoiled) == 3:
            return reply
        spoiled.append(1)
        return Reply(reply.status, reply.headers, bytes([reply.body[0] ^ 1]) + reply.body[1:])

    wire.spoil = flip
    assert ipad.media.sync().files_received == 1
    assert ipad.media.read(film) == BODY


def test_what_is_here_follows_new_versions_new_ones_are_chosen_and_gone_ones_leave(films: Films) -> None:
    film = films.show(BODY)
    ipad = films.device("ipad")
    ipad.media.sync()
    grace = films.device("desk")
    newer = b"the second cut" * 10
    films.show(newer, film)
    _say(grace, film, newer)
    other = films.show(b"another film")
    ipad.sync()
    assert ipad.media.item(film).where is Where.OLD  # type: ignore[union-attr]
    assert ipad.media.read(film) == BODY, "the earlier version is there until the new one has come"
    assert ipad.media.sync(new=False).files_received == 1
    assert ipad.media.read(film) == newer
    assert ipad.media.item(other).where is Where.ABSENT  # type: ignore[union-attr]
    assert ipad.media.sync(only=other).files_received == 1

    with grace.edit() as edit:
        edit.delete("Film", film)
    while grace.queue():
        grace.step()
    ipad.sync()
    assert ipad.media.sync().files_removed == 1
    assert ipad.media.size(film) is None


def test_of_a_record_so_many_files_come_by_themselves_of_these_types_and_none_that_is_too_large(stage: Stage) -> None:
    films = Films(stage, "sarah-few", "Few")
    whole, large = films.show(b"x" * 1_000_000), films.show(b"x" * 1_000_001)
    films.kind = {"Media_Type": None, "File_Name": "part.Pdf"}
    parts = [films.show(f"part {n}".encode(), part_of=whole) for n in range(3)]
    films.kind = {"Media_Type": "text/html", "File_Name": "pdf.html"}
    other, ipad = films.show(b"a page", part_of=whole), films.device("ipad")
    assert ipad.media.sync().files_received == 3
    kept = [film for film in (whole, *parts, large, other) if ipad.media.size(film) is not None]
    assert kept == [whole, *parts[1:]], "the newest two of a record, and what is just not too large"
    for film in (parts[0], large, other):
        assert ipad.media.sync(only=film).files_received == 1, "a person may have it"
    assert ipad.media.sync().files_removed == 0, "and keeps it"


def test_what_hangs_on_a_record_comes_by_itself_where_its_rule_includes_attachments(stage: Stage) -> None:
    plain, hung = Films(stage, "sarah-plain"), Films(stage, "sarah-hung", "Hung")
    for films, comes in ((plain, 1), (hung, 3)):
        film = films.show(b"the film")
        part, still = films.show(b"a part", part_of=film), films.still(film, b"a still")
        ipad = films.device("ipad")
        assert ipad.media.waiting()[0] == comes
        assert ipad.media.sync().files_received == comes
        here = [one for one in (film, part, still) if ipad.media.size(one) is not None]
        assert here == [film, part, still][:comes], "a still has no rule of its own: it comes by that of its film"
        if films is plain:
            assert ipad.media.item(still) is None
            assert ipad.media.sync(only=part).files_received == 1, "a person may have it"
            continue
        with ipad.edit() as edit:
            edit.delete("Film", film)
        catch_up(ipad)
        ipad.sync()
        assert ipad.media.sync().files_removed == 2, "what left with its record is not on the disk any more"
        assert [ipad.media.size(one) for one in (film, part, still)] == [None, 6, None]


def _say(device: Device, film: RecordId, body: bytes) -> None:
    device.sync()
    with device.edit() as edit:
        edit.update("Film", film, {"Checksum": hashlib.sha256(body).hexdigest(), "Bytes": len(body)})
    while device.queue():
        device.step()


def test_a_photo_taken_offline_goes_up_after_its_record_and_reaches_the_other_device(films: Films) -> None:
    ipad = films.device("ipad", started=True)
    ipad.go_offline()
    with ipad.edit() as edit:
        photo = ipad.media.attach(edit, "Film", {"Name": "Photo"}, NewFile("photo.jpg", "image/jpeg", BODY))
    assert ipad.media.read(photo) == BODY
    assert ipad.media.item(photo).waits  # type: ignore[union-attr]
    ipad.go_online()
    wait_for(lambda: not ipad.media.item(photo).waits)  # type: ignore[union-attr]
    iphone = films.device("iphone")
    assert iphone.media.sync().files_received == 1
    assert iphone.media.read(photo) == BODY


def test_who_may_not_read_the_record_gets_neither_its_file_nor_a_hint(films: Films) -> None:
    film = films.show(BODY)
    checksum = hashlib.sha256(BODY).hexdigest()
    tom = Films(films.stage, "tom").device("toms")
    assert tom.media.items() == []
    for record in (film, RecordId(film[:-4] + "zzzz")):
        for ask in (
            lambda path: tom._calls.get_piece(path, 0, checksum=checksum),
            lambda path: tom._calls.post_piece(path, BODY[:PIECE_BYTES], checksum=checksum, offset="0"),
        ):
            with pytest.raises(Refused) as refused:
                ask(f"/sync/v1/media/Film/{record}")
            assert refused.value.problem.code is Code.NOT_FOUND


def test_no_file_lies_open_on_the_disk(films: Films) -> None:
    canary: Any = b"the-canary-in-the-film" * 50
    film = films.show(canary)
    ipad = films.device("ipad")
    ipad.media.sync()
    assert ipad.media.read(film) == canary
    for path in films.stage.folder.rglob("*"):
        assert not path.is_file() or b"the-canary-in-the-film" not in path.read_bytes(), path
