"""The files of a project: found, named by kind, and read. Links out of the project are not followed."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.load import OWN_PACKS
from fieldsync.schema.sfdx.report import Level, Notes

PROJECT_FILE = "sfdx-project.json"
FILES_MAX = 100_000
FILE_BYTES_MAX = 10_000_000
_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "__tests__", "__mocks__"})
_META = re.compile(r"(?P<name>.+)\.(?P<kind>[A-Za-z0-9_]+)-meta\.xml\Z")
_NAMESPACE_TOKEN = re.compile(r"___NAMESPACE(?:_OR_C|D_ORG)?___|%%%NAMESPACE(?:_OR_C|D_ORG|_DOT)?%%%")


@dataclass(frozen=True)
class Project:
    """A project on disk: its root, a name for its pack, the folders that are read, its namespace."""

    root: Path
    name: str
    folders: tuple[Path, ...]
    namespace: str


@dataclass(frozen=True)
class SourceFile:
    """One file. `kind` is as in `X.field-meta.xml` or `X.object`; `object` is the folder below `objects`, if any."""

    path: Path
    shown: str
    kind: str
    name: str
    object: str | None


class _PackageFolder(msgspec.Struct):
    path: str


class _ProjectFile(msgspec.Struct, rename="camel"):
    package_directories: tuple[_PackageFolder, ...] = ()
    namespace: str | None = None
    name: str | None = None


def open_project(directory: Path, notes: Notes) -> Project:
    """The project in a folder; without `sfdx-project.json` all of the folder is read. Raises Refused(UNUSABLE)."""
    root = directory.resolve()
    if not root.is_dir():
        raise Refused(problem(Code.UNUSABLE, what=str(directory), reason="there is no such folder"))
    described = _read_project_file(root / PROJECT_FILE)
    folders = []
    for listed in described.package_directories:
        folder = (root / listed.path).resolve()
        if not folder.is_relative_to(root):
            notes.add(PROJECT_FILE, listed.path, "this folder lies outside the project", Level.ERROR)
        elif not folder.is_dir():
            notes.add(PROJECT_FILE, listed.path, "there is no such folder", Level.ERROR)
        else:
            folders.append(folder)
    name = re.sub(r"[^a-z0-9]+", "_", (described.name or root.name).lower()).strip("_") or "project"
    name = f"{name}_project" if name in OWN_PACKS else name
    whole = (root,) if not described.package_directories else tuple(dict.fromkeys(folders))
    return Project(root, name, whole, described.namespace or "")


def source_files(project: Project, notes: Notes) -> Iterator[SourceFile]:
    """Every file of the project's folders, each once, in the order of their names."""
    seen: set[Path] = set()
    for folder in project.folders:
        for path in _walk(folder):
            if path not in seen:
                seen.add(path)
                if len(seen) > FILES_MAX:
                    reason = f"it holds more than {FILES_MAX} files"
                    raise Refused(problem(Code.UNUSABLE, what=str(project.root), reason=reason))
                shown = path.relative_to(project.root).as_posix()
                if path.is_symlink():
                    notes.add(shown, "link", "links are not followed", Level.ERROR)
                else:
                    yield _named(path, shown)
    for path in _walk(project.root):
        if path not in seen and path.name.endswith("-meta.xml"):
            reason = f"it lies outside the package directories of {PROJECT_FILE}"
            notes.add(path.relative_to(project.root).as_posix(), "file", reason, Level.IGNORED)


def content(file: SourceFile, notes: Notes) -> bytes | None:
    """The bytes of a file, without tokens that stand for a namespace; None, with a note, when it cannot be read."""
    try:
        with file.path.open("rb") as stream:
            data = stream.read(FILE_BYTES_MAX + 1)
    except OSError as bad:
        notes.add(file.shown, "file", bad.strerror or "it cannot be read", Level.ERROR)
        return None
    if len(data) > FILE_BYTES_MAX:
        notes.add(file.shown, "file", f"it is larger than {FILE_BYTES_MAX} bytes", Level.ERROR)
        return None
    return re.sub(_NAMESPACE_TOKEN.pattern.encode(), b"", data)


def _read_project_file(path: Path) -> _ProjectFile:
    if not path.is_file():
        return _ProjectFile()
    try:
        return msgspec.json.decode(path.read_bytes().removeprefix(codecs.BOM_UTF8), type=_ProjectFile)
    except msgspec.DecodeError as bad:
        raise Refused(problem(Code.UNUSABLE, what=str(path), reason=str(bad))) from None


def _walk(folder: Path) -> Iterator[Path]:
    for at, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _SKIPPED_FOLDERS)
        yield from (link for name in folders if (link := Path(at, name)).is_symlink())
        yield from (Path(at, file) for file in sorted(files) if not file.startswith("."))


def _named(path: Path, shown: str) -> SourceFile:
    plain = _NAMESPACE_TOKEN.sub("", shown)
    parts = PurePosixPath(plain).parts
    meta = _META.match(parts[-1])
    name, kind = (meta["name"], meta["kind"]) if meta else _split(parts[-1])
    folders = parts[:-1]
    below = len(folders) - 1 - folders[::-1].index("objects") if "objects" in folders else None
    return SourceFile(
        path, shown, kind, name, folders[below + 1] if below is not None and below + 1 < len(folders) else None
    )


def _split(file_name: str) -> tuple[str, str]:
    stem, _, suffix = file_name.rpartition(".")
    return (stem, suffix) if stem else (file_name, "file")
