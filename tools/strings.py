"""Brings the catalogs of the Field app's strings to what templates, code and problems say now.

`python -m tools.strings` adds what is new to every `web/kit/strings/<language>.po`, with nothing for its translation,
and takes out what is said no more; then it lists what still has to be translated. Nothing has to be compiled: the app
reads these files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from fieldsync.base.problems import CATALOGUE
from fieldsync.device.keys.latch import GUESSED_PIN, NO_PIN
from fieldsync.device.keys.passphrase import SHORT_PASSPHRASE
from fieldsync.schema.load import load_packs

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "src" / "fieldsync" / "web"
SPEAKING = (WEB / "field", WEB / "kit")
STRINGS = WEB / "kit" / "strings"
PYTHON = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2)}
TEMPLATE_OPTIONS = {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
REASONS = (NO_PIN, GUESSED_PIN, SHORT_PASSPHRASE)
"""What the device's own rooms put into a problem's sentence, and a person reads."""
Told = str | tuple[str, ...]
"""A sentence, or one for one and one for many."""


def said() -> Iterator[Told]:
    """Every string a person of the Field app may be told."""
    for folder in SPEAKING:
        for path in sorted(folder.rglob("*.py")):
            yield from _extracted("python", path)
        for path in sorted(folder.rglob("*.html")):
            yield from _extracted("jinja2", path)
    for kind in CATALOGUE.values():
        yield from (kind.sentence, kind.remedy)
    yield from REASONS
    yield from _named()


def _named() -> Iterator[str]:
    """What the objects we ship are called within sentences, and what one line of their forms is."""
    for pack in load_packs():
        for one in pack.objects:
            called = (one.label, one.plural) if pack.name != "platform" else ()
            yield from (name for name in called if name)
            yield from (lines.one for layout in one.layouts for lines in layout.lines if lines.one)


def _extracted(method: str, path: Path) -> Iterator[Told]:
    options = TEMPLATE_OPTIONS if method == "jinja2" else {}
    for _line, message, _comments, _context in extract_from_file(method, path, keywords=PYTHON, options=options):
        yield message if isinstance(message, str) else tuple(message)


def languages() -> list[str]:
    """The languages there is a catalog of."""
    return sorted(path.stem for path in STRINGS.glob("*.po"))


def catalog(language: str) -> Catalog:
    """A language's catalog as it is."""
    with (STRINGS / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def renewed(old: Catalog) -> Catalog:
    """The catalog with exactly what is said now."""
    new = Catalog(locale=old.locale, project="fieldsync", fuzzy=False)
    new.creation_date, new.revision_date = old.creation_date, old.revision_date
    new.copyright_holder, new.last_translator, new.language_team = "the fieldsync authors", "fieldsync", "fieldsync"
    for told in said():
        known = old.get(told[0] if isinstance(told, tuple) else told)
        new.add(told, string=known.string if known is not None and _fits(known, told) else None)
    return new


def _fits(known: Message, told: Told) -> bool:
    return isinstance(known.string, tuple) == isinstance(told, tuple)


def missing(found: Catalog) -> list[str]:
    """The strings that are not translated, or only half."""
    return [str(message.id) for message in found if message.id and not _whole(message)]


def _whole(message: Message) -> bool:
    forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return bool(forms) and all(forms) and not message.fuzzy


def write(found: Catalog, file: IO[bytes]) -> None:
    """As few lines as there can be, so that two changes seldom meet."""
    write_po(file, found, no_location=True, sort_output=True, width=0, omit_header=False)


def main() -> int:
    """Renew all of them; 1 while something is not translated."""
    left = 0
    for language in languages():
        new = renewed(catalog(language))
        with (STRINGS / f"{language}.po").open("wb") as file:
            write(new, file)
        lacking = missing(new)
        left += len(lacking)
        sys.stdout.writelines(f"{language}: {one}\n" for one in lacking)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
