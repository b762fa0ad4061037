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
from tools.reasons import reasons

from fieldsync.base.problems import CATALOGUE
from fieldsync.device.keys.latch import GUESSED_PIN, NO_PIN
from fieldsync.device.keys.passphrase import SHORT_PASSPHRASE
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Object
from fieldsync.schema.standard import standard_fields
from fieldsync.web.kit.naming import spaced
from fieldsync.web.kit.tongue import REASON

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "src" / "fieldsync" / "web"
SPEAKING = (WEB / "field", WEB / "kit")
STRINGS = WEB / "kit" / "strings"
PYTHON = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2)}
TEMPLATE_OPTIONS = {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
REASONS = (NO_PIN, GUESSED_PIN, SHORT_PASSPHRASE)
"""What the device's own rooms put into a problem's sentence, and a person reads."""
PROGRAMS_READ = frozenset(
    {"Profile", "Sync_Tracking", "Sync_Transaction", "Sync_Transaction_Record", "Sync_Transaction_Log"}
)
"""Of the platform's own objects, those that only programs may read and no person in the field."""
Told = str | tuple[str, ...]
"""A sentence, or one for one and one for many."""
Word = tuple[str, str]
"""Under which name a word of the data model stands in the catalogs, and the word."""


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
    """What the objects we ship, their lists and the parts of their forms are called, and what their rules say."""
    for one in objects_shown():
        yield from (text for text in (one.label, one.plural) if text)
        for layout in one.layouts:
            yield from (section.label for section in layout.sections)
            yield from (text for lines in layout.lines for text in (lines.one, lines.label) if text)
        yield from (view.label for view in one.list_views)
        yield from (rule.message for rule in one.validation_rules)
        yield from (spaced(field.children) for field in one.fields if field.children)


def words() -> Iterator[Word]:
    """What the fields we ship and the values of their picklists are called, and what forms say about them."""
    for one in objects_shown():
        for field in (*standard_fields(one), *one.fields):
            yield field.name, field.label or field.name
            yield from ((field.name, text) for text in (field.help,) if text)
            yield from ((field.name, value.label or value.value) for value in field.values)
    for pack in load_packs():
        for known in pack.value_sets:
            yield from ((known.name, value.label or value.value) for value in known.values)


def objects_shown() -> list[Object]:
    """The objects we ship that a page of the Field app may show: what is not the platform's own, and what people in the
    field may read of that."""
    packs = load_packs()
    granted = {name for pack in packs for profile in pack.profiles if not profile.admin for name in profile.objects}
    return [one for pack in packs for one in pack.objects if not one.system or one.name in granted - PROGRAMS_READ]


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
    for context, word in (*words(), *((REASON, text) for text in reasons())):
        known = old.get(word, context)
        new.add(word, context=context, string=known.string if known is not None else None)
    return new


def _fits(known: Message, told: Told) -> bool:
    return isinstance(known.string, tuple) == isinstance(told, tuple)


def missing(found: Catalog) -> list[str]:
    """The strings that are not translated, or only half."""
    lacking = [message for message in found if message.id and not _whole(message)]
    return [f"{one.context}: {one.id}" if one.context else str(one.id) for one in lacking]


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
