"""Refreshes the page assets that come from npm: `python tools/vendor.py`.

Each is one file of one package at one version, named below. npm is asked by package name; what is kept is the file, its
licence, and its hash in the list beside it.
"""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent.parent / "src/fieldsync/web/kit/static/vendor"


class Asset(NamedTuple):
    """A file of a package, the name it is kept under, and the package's licence."""

    package: str
    version: str
    member: str
    name: str
    licence_member: str
    licence: str


ASSETS = (
    Asset("@picocss/pico", "2.1.1", "css/pico.min.css", "pico.min.css", "LICENSE.md", "MIT"),
    Asset("htmx.org", "2.0.11", "dist/htmx.min.js", "htmx.min.js", "LICENSE", "0BSD"),
    Asset("htmx-ext-sse", "2.2.4", "dist/sse.min.js", "htmx-sse.min.js", "LICENSE", "0BSD"),
)


def main() -> None:
    """Fetch every asset and write the list."""
    lines = ["Assets taken from npm by tools/vendor.py. File, package, version, licence, SHA-256.", ""]
    for asset in ASSETS:
        with tempfile.TemporaryDirectory() as folder, tarfile.open(_packed(asset, Path(folder))) as archive:
            content = _member(archive, asset.member)
            (FOLDER / asset.name).write_bytes(content)
            stem = asset.name.partition(".")[0]
            (FOLDER / f"{stem}.LICENSE").write_bytes(_member(archive, asset.licence_member))
        digest = hashlib.sha256(content).hexdigest()
        lines.append(f"{asset.name}  {asset.package}  {asset.version}  {asset.licence}  {digest}")
    (FOLDER / "VENDOR").write_text("\n".join(lines) + "\n")


def _packed(asset: Asset, folder: Path) -> Path:
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{asset.package}@{asset.version}"]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.tgz"))


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    found = archive.extractfile(f"package/{name}")
    assert found is not None, f"{name} is not in the package"
    return found.read()


if __name__ == "__main__":
    main()
