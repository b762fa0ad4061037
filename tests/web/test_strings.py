"""The Field app speaks the person's language: every string is in the catalogs, and none stands outside of them."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.web.speaking import templates_spoken, unspoken
from tools import strings

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.device.keys.latch import require_pin
from fieldsync.schema.model import Field, FieldType, PicklistValue
from fieldsync.web.kit import naming, tongue
from fieldsync.web.kit.locales import Manner
from fieldsync.web.kit.speaking import browsers
from fieldsync.web.kit.tongue import Tongue


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("de_AT", "de"),
        ("de", "de"),
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("fr-FR,fr;q=0.9,de;q=0.5,en;q=0.4", "de"),
        ("de;q=0.2,en-GB;q=0.9", "en"),
        ("ja", "en"),
        ("", "en"),
        ("*;q=x,,;", "en"),
    ],
)
def test_the_nearest_language_is_spoken(wanted: str, language: str) -> None:
    assert tongue.language_of(wanted) == language
    assert browsers(wanted).language == language


MOMENT = "2026-11-21T14:30:00+00:00"


@pytest.mark.parametrize(
    ("locale", "zone", "moment", "number"),
    [
        ("en_GB", "Europe/London", "21 Nov 2026, 14:30", "12,345.50"),
        ("en_US", "America/New_York", "Nov 21, 2026, 9:30 AM", "12,345.50"),
        ("de_DE", "Europe/Berlin", "21.11.2026, 15:30", "12.345,50"),
        ("fr-FR", "Europe/Paris", "21 nov. 2026, 15:30", "12\u202f345,50"),
        ("xx_YY", "Nowhere", "21 Nov 2026, 14:30", "12,345.50"),
    ],
)
def test_moments_and_numbers_follow_the_locale(locale: str, zone: str, moment: str, number: str) -> None:
    manner = Manner(zone, locale)
    assert (manner.moment(MOMENT), manner.number(Decimal("12345.50"))) == (moment, number)


def test_a_moment_elsewhere_says_where() -> None:
    manner = Manner("Europe/London", "en_GB")
    assert manner.moment(MOMENT, "Europe/Berlin") == "21 Nov 2026, 15:30 (Europe/Berlin)"
    assert manner.moment(MOMENT, "Europe/Lisbon") == "21 Nov 2026, 14:30", "the same clock there"


def test_a_problem_is_told_in_the_language_by_its_code() -> None:
    tongue.speak(Tongue("de"))
    late = problem(Code.CONFLICT_OLD_VALUE, field="Phone")
    assert tongue.sentence(late) == "Jemand hat Phone geändert, bevor Ihre Änderung ankam."
    assert tongue.remedy(late).startswith("Vergleichen Sie")
    own = Problem(Code.VALIDATION, "Only on weekdays.", details={"message": "Only on weekdays."})
    assert tongue.sentence(own) == "Only on weekdays.", "the org's own words"
    old = Problem(Code.TOO_LARGE, "Too large.")
    assert tongue.sentence(old) == "Too large.", "what an earlier version worded"
    with pytest.raises(Refused) as refused:
        require_pin("123456")
    assert tongue.sentence(refused.value.problem).endswith("sie gehört zu den ersten, die jeder versucht.")
    with pytest.raises(Refused) as refused:
        require_pin("12")
    assert tongue.sentence(refused.value.problem).endswith("eine PIN hat 6 bis 12 Ziffern.")
    closed = problem(Code.TOO_MANY_SIGN_INS, seconds=40)
    assert tongue.sentence(closed).endswith("Die nächste ist in 40 s möglich.")
    tongue.speak(Tongue())
    assert tongue.sentence(late) == late.message


def test_what_we_ship_is_told_in_the_language_and_what_an_org_named_as_it_says() -> None:
    tongue.speak(Tongue("de"))
    values = (PicklistValue("Detail Only", default=True), PicklistValue("Home Visit", label="At home"))
    ours = Field("Call_Type", FieldType.PICKLIST, label="Call Type", values=values)
    assert naming.label_of(ours) == "Besuchsart"
    assert naming.told_of(ours, "Detail Only") == "Nur Besprechung"
    assert naming.told_of(ours, "Home Visit") == "At home", "an org's own value"
    assert naming.told_of(ours, "Dropped Since") == "Dropped Since"
    own = Field("Call_Type__c", FieldType.PICKLIST, label="Call Type", values=values)
    assert (naming.label_of(own), naming.told_of(own, "Detail Only")) == ("Call Type", "Detail Only"), (
        "an org's own field"
    )
    assert naming.label_of(replace(ours, label="Contact kind")) == "Contact kind", "an org's own name for it"
    several = Field("Best_Times", FieldType.MULTI_PICKLIST)
    assert naming.told_of(several, "Monday Morning;Friday Afternoon") == "Montagvormittag; Freitagnachmittag"
    tongue.speak(Tongue())


@pytest.mark.parametrize("language", strings.languages())
def test_every_string_is_translated(language: str) -> None:
    """Whoever adds one runs `python -m tools.strings` and translates it."""
    held = strings.catalog(language)
    wanted = strings.renewed(held)
    assert {one.id for one in held} == {one.id for one in wanted}, "run python -m tools.strings"
    assert strings.missing(held) == []
    torn = [
        one.id for one in held if one.id and len({*map(places, forms(one.id)), *map(places, forms(one.string))}) > 1
    ]
    assert torn == [], "a translation has other places than its sentence"


def forms(text: object) -> list[str]:
    return [str(one) for one in text] if isinstance(text, tuple | list) else [str(text)]


def places(text: str) -> frozenset[str]:
    """Where something is filled in; how many there are may be said in words."""
    return frozenset(re.findall(r"%\((\w+)\)s|\{(\w+)\}|(%%)", text)) - {("num", "", "")}


@pytest.mark.parametrize("path", templates_spoken(), ids=lambda path: path.name)
def test_no_template_says_what_is_in_no_catalog(path: Path) -> None:
    assert unspoken(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Hello</p>",
        "<p>{% if x %}Hello{% endif %}</p>",
        "<p>{{ 'Yes' if x else _('No') }}</p>",
        "<p>{{ x or 'nothing' }}</p>",
        "<p aria-label='Close'></p>",
        "<a title=\"{{ 'Close' if x }}\"></a>",
        "{% macro m() %}<b>Bold</b>{% endmacro %}",
        "{% block main %}{% for x in y %}<i>{{ x }} of them</i>{% endfor %}{% endblock %}",
    ],
)
def test_the_check_finds_what_is_in_no_catalog(source: str) -> None:
    assert len(unspoken(source)) == 1


def test_the_check_knows_what_is_said() -> None:
    source = (
        "<p class=\"{{ 'a' if x else 'b c' }}\">{{ _('Yes') if x == 'yes' else _('No') }} · 3 {{ x }}</p>"
        "{% trans n=3 %}One{% pluralize %}{{ n }} of them{% endtrans %}<style>p { color: red }</style>"
        "<p data-local>{{ ngettext('%(num)s file', '%(num)s files', 3) }}</p>{{ mark('pending') }}"
    )
    assert unspoken(source) == []
