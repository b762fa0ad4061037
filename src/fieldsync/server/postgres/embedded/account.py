"""Whom PostgreSQL runs as. It refuses to run as root, so root hands it to an account that may do nothing else.

Only what that account must reach is opened to it, by name: the way to the data folder and to the programs.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fieldsync.base.problems import Code, Refused, problem

NAME = "fieldsync"
FALLBACKS = ("postgres", "_postgres", "nobody")

ACL = "system.posix_acl_access"
ACL_VERSION = 2
ACL_USER_OBJ, ACL_USER, ACL_GROUP_OBJ, ACL_GROUP, ACL_MASK, ACL_OTHER = 1, 2, 4, 8, 16, 32
ACL_NOBODY = 0xFFFFFFFF
SEARCH = 1


@dataclass(frozen=True)
class Account:
    """An account of the operating system."""

    name: str
    uid: int
    gid: int


def for_data(root: Path, programs: Path) -> Account | None:
    """The account for `root`: None where we are not root, else its present owner, else one of our own.

    Raises Refused(DATABASE_UNFIT) when the folder is somebody else's, or the account cannot get to the programs.
    """
    if sys.platform == "win32":
        return None
    owner = root.stat().st_uid if root.exists() else None
    if os.geteuid() != 0:
        if owner not in {None, os.geteuid()}:
            reason = f"{root} belongs to {_by_uid(owner or 0).name}; run as that user, or name another folder"
            raise Refused(problem(Code.DATABASE_UNFIT, reason=reason))
        return None
    who = _by_uid(owner) if owner else _own_account()
    let_reach(programs, who)
    return who


def give(path: Path, who: Account | None) -> None:
    """Makes `path` the account's."""
    if sys.platform != "win32" and who is not None and path.stat().st_uid != who.uid:
        os.chown(path, who.uid, who.gid)


def let_reach(path: Path, who: Account | None) -> None:
    """Lets the account through every folder above `path`."""
    if who is None or reaches(path, who):
        return
    for folder in reversed(path.parents):
        if not reaches(folder, who):
            _let_search(folder, who)


def let_read(tree: Path) -> None:
    """Opens everything in `tree` to everybody, for reading and running."""
    for path in (tree, *tree.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o055 if mode & 0o100 else 0o044))


def reaches(path: Path, who: Account) -> bool:
    """Whether the account may run or search `path`. Asked of the system itself, because modes alone do not tell."""
    command = ["/bin/sh", "-c", 'test -x "$0"', str(path)]
    tested = subprocess.run(command, check=False, cwd="/", user=who.uid, group=who.gid, extra_groups=[])
    return tested.returncode == 0


def _by_uid(uid: int) -> Account:
    import pwd

    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid), uid, uid)
    return Account(found.pw_name, uid, found.pw_gid)


def _by_name(name: str) -> Account | None:
    import pwd

    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, found.pw_uid, found.pw_gid)


def _own_account() -> Account:
    """Ours, made when it is not there; where none can be made, one that every system has."""
    found = _by_name(NAME)
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None and useradd:
        options = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        # Its failure is judged by the look-up: another process may have made the account in the same moment.
        subprocess.run([useradd, *options, NAME], check=False, capture_output=True)
        found = _by_name(NAME)
    for name in () if found else FALLBACKS:
        found = found or _by_name(name)
    if found is None:
        reason = f"it may not run as root, and there is no other account; make one named {NAME}"
        raise Refused(problem(Code.DATABASE_UNFIT, reason=reason))
    return found


def _let_search(folder: Path, who: Account) -> None:
    """Lets the account, and nobody else, pass through `folder`; it still cannot list it."""
    failure = "this system has no access lists"
    if sys.platform == "linux":
        try:
            os.setxattr(folder, ACL, _acl_with(folder, who.uid))
        except OSError as error:
            failure = str(error)
        else:
            return
    reason = f"the account {who.name} cannot pass through {folder} ({failure}); chmod o+x it, or name another folder"
    raise Refused(problem(Code.DATABASE_UNFIT, reason=reason))


def _acl_with(folder: Path, uid: int) -> bytes:
    """The access list of `folder` with search for `uid` added, in the kernel's form: tag, permissions, id."""
    entries = [
        entry for entry in _acl_entries(folder) if entry[0] != ACL_MASK and (entry[0], entry[2]) != (ACL_USER, uid)
    ]
    entries.append((ACL_USER, SEARCH, uid))
    group_class = (ACL_USER, ACL_GROUP_OBJ, ACL_GROUP)
    mask = 0
    for tag, permissions, _ in entries:
        mask |= permissions if tag in group_class else 0
    entries.append((ACL_MASK, mask, ACL_NOBODY))
    return struct.pack("<I", ACL_VERSION) + b"".join(struct.pack("<HHI", *entry) for entry in sorted(entries))


def _acl_entries(folder: Path) -> list[tuple[int, int, int]]:
    assert sys.platform == "linux"
    if ACL in os.listxattr(folder):
        return [(tag, bits, who) for tag, bits, who in struct.iter_unpack("<HHI", os.getxattr(folder, ACL)[4:])]
    mode = folder.stat().st_mode
    shares = ((ACL_USER_OBJ, mode >> 6), (ACL_GROUP_OBJ, mode >> 3), (ACL_OTHER, mode))
    return [(tag, bits & 7, ACL_NOBODY) for tag, bits in shares]
