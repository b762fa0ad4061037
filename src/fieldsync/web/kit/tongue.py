"""In which language, locale and time zone the present request is answered, and its strings in that language.

Sentences stand in the code in English, inside of `_()`, `ngettext()` or a `trans` block; `strings/<language>.po` has
them in the other languages and is read as it is when it is first needed. What is not asked for by a request is English.
"""

from __future__ import annotations

import gettext as standard
import io
import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Protocol

from babel import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from fieldsync.base.problems import CATALOGUE, Problem
from fieldsync.web.kit.locales import Manner

STRINGS = Path(__file__).parent / "strings"
SOURCE = "en"
SPOKEN_IN_DETAILS = frozenset({"reason", "operation", "expected", "given", "what", "act", "status", "message"})
"""Places of a problem's sentence that are filled with words of ours, not with what somebody entered."""


REASON = "reason"
"""Under which name the catalogs have what the rooms below the pages put into such a place."""
_PLACE = re.compile(r"\{(\w+)\}")


class Words(Protocol):
    """What a data model calls its objects and fields, in the language of this request."""

    def object(self, name: str) -> str:
        """What this kind of record is called."""

    def field(self, object_name: str, name: str) -> str:
        """What this field of it is called."""


@dataclass(frozen=True)
class Tongue:
    """A language we have, how values are written, and how the data model speaks: by its names where `words` is None."""

    language: str = SOURCE
    manner: Manner = field(default_factory=Manner)
    words: Words | None = None


_present: ContextVar[Tongue] = ContextVar("tongue", default=Tongue())  # noqa: B039 - it cannot be changed


@cache
def languages() -> tuple[str, ...]:
    """The languages the app speaks, the one of its source first."""
    return (SOURCE, *sorted(path.stem for path in STRINGS.glob("*.po")))


@cache
def catalog(language: str) -> standard.NullTranslations:
    """The strings of a language."""
    path = STRINGS / f"{language}.po"
    if language == SOURCE or not path.exists():
        return standard.NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return standard.GNUTranslations(compiled)


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Reasons with places of their own, those that say most first, and how they are told in a language."""
    with (STRINGS / f"{language}.po").open("rb") as file:
        held = [(str(one.id), str(one.string)) for one in read_po(file, locale=language) if one.context == REASON]
    told = sorted((one for one in held if _PLACE.search(one[0])), key=lambda one: -len(_PLACE.sub("", one[0])))
    return tuple((re.compile(_as_pattern(text), re.DOTALL), spoken) for text, spoken in told)


def _as_pattern(text: str) -> str:
    parts = _PLACE.split(text)
    return "".join(f"(?P<_{part}>.*?)" if at % 2 else re.escape(part) for at, part in enumerate(parts))


def language_of(wanted: str) -> str:
    """The language we have that is nearest to `de_AT`, or to a browser's `de-AT,de;q=0.9,en;q=0.8`."""
    ranked = sorted(enumerate(wanted.split(",")), key=lambda one: (-_weight(one[1]), one[0]))
    names = [name.partition(";")[0].strip().replace("-", "_") for _, name in ranked]
    return negotiate_locale([name for name in names if name], languages()) or SOURCE


def _weight(part: str) -> float:
    """How much a browser wants a language."""
    given = part.partition("q=")[2].strip()
    return float(given) if given.replace(".", "", 1).isdecimal() else 1.0


def speak(tongue: Tongue) -> None:
    """Answer in this tongue from here on: in this request and in the threads it starts work in."""
    _present.set(tongue)


def present() -> Tongue:
    """The tongue of this request."""
    return _present.get()


def gettext(message: str) -> str:
    """The sentence in the language of this request."""
    return catalog(_present.get().language).gettext(message)


def ngettext(one: str, many: str, count: int) -> str:
    """The sentence that goes with this number."""
    return catalog(_present.get().language).ngettext(one, many, count)


_ = gettext


def in_context(context: str, message: str) -> str:
    """A word in the language of this request, as it is meant there: one word may have several translations."""
    return catalog(_present.get().language).pgettext(context, message)


def named(label: str | None) -> str:
    """What the data model calls an object, a list or a section: what we ship has a name in each language, what an org
    made is called as it says."""
    return gettext(label) if label else ""


def within(label: str) -> str:
    """A label of the data model within a sentence: small, where the language writes nouns small."""
    return label.lower() if _present.get().language == SOURCE else named(label)


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """Marks a sentence that is translated later, when it is told."""
    return message


def reason(text: str) -> str:
    """What a room below says within a problem, in this request's language; what is not ours stays as it is."""
    language = _present.get().language
    for known in (gettext(text), in_context(REASON, text)):
        if known != text or language == SOURCE:
            return known
    for pattern, told in _patterns(language):
        found = pattern.fullmatch(text)
        if found is not None:
            return _filled(told, found.groupdict())
    return text


def _filled(told: str, parts: dict[str, str]) -> str:
    """What is told, with its places filled as in the English text; how often something may be is a word of ours."""
    filled = {name: gettext(part) if name == "_per" else part for name, part in parts.items()}
    return _PLACE.sub(lambda place: filled[f"_{place[1]}"], told)


def sentence(found: Problem) -> str:
    """What a problem says, in this request's language. What an org or server worded by itself stays as it is."""
    kind = CATALOGUE[found.code]
    places = {
        "object": found.object or "record",
        "id": found.id or "",
        "field": found.field or "a field",
        **found.details,
    }
    needed = {name for _text, name, _spec, _conversion in Formatter().parse(kind.sentence) if name}
    if not needed <= places.keys() or kind.sentence.format_map(places) != found.message:
        return found.message
    spoken = {name: _spoken(found, name, value) for name, value in places.items()}
    return gettext(kind.sentence).format_map(spoken | _called(found))


def _spoken(found: Problem, name: str, value: object) -> object:
    """What fills a place, in this request's language where it is words of ours. An org words its rules itself."""
    if not isinstance(value, str) or not value or name not in SPOKEN_IN_DETAILS | {"label"}:
        return value
    ours = name != "label" and (name != "message" or found.details.get("rule") == "samples")
    return reason(value) if ours else gettext(value)


def _called(found: Problem) -> dict[str, str]:
    """The object and field a problem speaks of, as a person knows them."""
    words = _present.get().words
    of_object, of_field = found.object or "", found.field or ""
    if " " in of_object:
        of_object = reason(of_object)
    if words is not None:
        of_object, of_field = of_object and words.object(of_object), of_field and words.field(of_object, of_field)
    return {"object": of_object or gettext(N_("record")), "field": of_field or gettext(N_("a field"))}


def remedy(found: Problem) -> str:
    """What the person can do about it, in this request's language."""
    return gettext(found.remedy)


def told(found: Problem) -> str:
    """A problem as one line for a person."""
    return f"{sentence(found)} {remedy(found)}"
