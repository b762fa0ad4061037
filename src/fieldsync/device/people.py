"""The people of one machine: each in a folder with an encrypted database, files and key of their own (FEATURES M03).

Beside them stands in the clear only what a lock screen shows and a sign-in needs: who, which server, which org. A
folder counts once something opens it; one that nothing opens was left by a start that was cut, and holds nothing.
"""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import Chance
from fieldsync.device.keys import destroy
from fieldsync.device.keys.keystore import KeyStore
from fieldsync.device.keys.latch import Latch
from fieldsync.device.keys.passphrase import keep
from fieldsync.device.transport.reach import address_of

PERSON_FILE, PEOPLE, SERVER_FILE = "person.json", "people", "server.txt"


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is told of a person before the folder is open."""

    server: str
    org: str = ""
    username: str = ""
    name: str = "This device"
    device_number: str = ""


@dataclass(frozen=True)
class Person:
    """One person's folder on this machine."""

    id: str
    folder: Path
    about: About


class People:
    """Those whose data lie under one folder: `root` itself, where a terminal signed in there, and one below each."""

    def __init__(self, root: Path, chance: Chance, keystore: KeyStore | None) -> None:
        self.root, self._chance, self._keystore = root, chance, keystore

    def all(self) -> list[Person]:
        """By name."""
        made = (folder for folder in self._folders() if self._latch(folder).made)
        found = [Person(self._id(folder), folder, _about(folder)) for folder in made]
        return sorted(found, key=lambda person: (person.about.name.casefold(), person.id))

    def get(self, person_id: str) -> Person | None:
        """One of them."""
        return next((person for person in self.all() if person.id == person_id), None)

    def latch(self, person: Person) -> Latch:
        """What opens this person's folder."""
        return self._latch(person.folder)

    def new(self, about: About) -> Person:
        """A folder for another person; it counts from when something opens it. Raises Refused(FORBIDDEN) where that
        person is here already."""
        key = (about.server, about.org, about.username.casefold())
        if any((p.about.server, p.about.org, p.about.username.casefold()) == key for p in self.all()):
            raise Refused(problem(Code.FORBIDDEN, reason="this person is on this device already; choose the name"))
        plain = re.sub(r"[^a-z0-9]+", "-", about.org.lower()).strip("-") or "org"
        folder = self.root / PEOPLE / f"{plain}-{self._chance.bytes(6).hex()}"
        folder.mkdir(parents=True, mode=0o700)
        return Person(self._id(folder), folder, about)

    def keep(self, person: Person) -> None:
        """Write what is told of the person."""
        keep(person.folder / PERSON_FILE, msgspec.json.encode(person.about))

    def remove(self, person: Person) -> None:
        """Everything of the person goes, what opens it first: killed on the way, nothing readable is left."""
        latch = self._latch(person.folder)
        latch.erase()
        latch.forget_rescue()
        _empty(person.folder, own=person.folder != self.root)

    def tidy(self) -> None:
        """Remove what a start that was cut left: folders that nothing opens."""
        for folder in (self.root / PEOPLE).glob("*/"):
            if not self._latch(folder).made and destroy.marked(folder) is None:
                _empty(folder, own=True)

    def emptied(self) -> list[tuple[Path, str]]:
        """Folders an admin had emptied, with their server, which has not been told of it yet."""
        return [(folder, _about(folder).server) for folder in self._folders() if destroy.marked(folder) is not None]

    def _folders(self) -> list[Path]:
        return [self.root, *sorted((self.root / PEOPLE).glob("*/"))]

    def _latch(self, folder: Path) -> Latch:
        return Latch(folder, self._chance, self._keystore)

    def _id(self, folder: Path) -> str:
        return "0" if folder == self.root else folder.name


def _about(folder: Path) -> About:
    try:
        return msgspec.json.decode((folder / PERSON_FILE).read_bytes(), type=About)
    except FileNotFoundError:
        with suppress(Refused):  # who opens the folder is told
            return About(server_of(folder))
        return About("")
    except msgspec.DecodeError as error:
        raise Refused(problem(Code.STORE_DAMAGED, reason=f"its {PERSON_FILE} cannot be read ({error})")) from None


def server_of(folder: Path) -> str:
    """The address of the server at which a terminal signed in here. Raises Refused(UNUSABLE) where none can be read."""
    kept = folder / SERVER_FILE
    try:
        address = kept.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        reason = "it is not there"
    except (OSError, UnicodeDecodeError) as error:
        reason = f"it cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})"
    else:
        if address_of(address) is not None:
            return address
        reason = "no server's address stands in it"
    raise Refused(problem(Code.UNUSABLE, what=str(kept), reason=f"{reason}; give the address with --server"))


def _empty(folder: Path, *, own: bool) -> None:
    """Remove a person's files; of the root only what is not another's."""
    if own:
        shutil.rmtree(folder)
        return
    for path in folder.iterdir():
        if path.name != PEOPLE:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
