"""What the engine and the save logic say within a problem reaches a German in German: every text of ours that the code
puts there is found by reading the code, and what is not ours is known by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tools.reasons import Reading, readings, reasons

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.schema.fields import BadValue, canonical
from fieldsync.schema.model import Field, FieldType
from fieldsync.web.kit import tongue
from fieldsync.web.kit.entered import entered
from fieldsync.web.kit.tongue import Tongue

OUTSIDE = {
    "_(SAID[refused])": "translated where it is made",
    "wrong": "translated where it is made",
    "one.said()": "the sentences of Why",
    "None": "nothing",
    "TYPES[field.type].expected": "the table of types",
    "operation.value": "the operations",
    "item.operation.value": "the operations",
    "rule.declared.message": "an org's rule",
    "message": "an org's trigger",
    "reason[:300]": "what an org's trigger raised",
    "str(error)": "the system's own words",
    "type(error).__name__": "the system's own words",
    "str(kept)": "a path",
    "name[:120]": "a file's name",
    "file_of": "a record's name and a field's label",
    "str(bad)": "what a parser says of a body that no app sends",
    "str(refusal).splitlines()[0][:200]": "the database's own words",
    "bad.sentence.removesuffix('.')": "what the parser of queries says of an org's list",
    "shown.get(type(value), 'a list' if isinstance(value, list) else 'an object')": "types that no page sends",
}
"""What fills a problem's places and is no text of ours, and what it is instead."""


@pytest.fixture(autouse=True)
def german() -> Iterator[None]:
    tongue.speak(Tongue("de"))
    yield
    tongue.speak(Tongue())


def test_nothing_else_is_put_into_a_problem_than_texts_of_ours_and_what_is_known() -> None:
    found = set[str]()
    for reading in readings():
        list(reading.texts())
        found |= set(reading.outside)
    assert found == set(OUTSIDE), "new: give it a text, or say here what it is"


@pytest.mark.parametrize("text", reasons())
def test_every_text_is_told_in_german(text: str) -> None:
    said = re.sub(r"\{(\w+)\}", "7", text)
    told = tongue.reason(said)
    assert told != said
    assert told.count("7") == said.count("7")
    assert "{" not in told


def test_texts_are_found_wherever_they_are_bound(tmp_path: Path) -> None:
    code = tmp_path / "room.py"
    code.write_text(
        "def one(n):\n    why, more = f'more than {n}', 2\n"
        "    raise Refused(problem(Code.UNUSABLE, reason=why, what='It'))\n"
        "def two(reason):\n    return problem(Code.UNUSABLE, reason=reason)\n"
        "def three(x):\n    return two('handed') if x else BadValue(Code.PICKLIST, reason=four())\n"
        "def four():\n    return 'returned'\n"
        "def five(error):\n    return problem(Code.UNUSABLE, reason=str(error))\n",
        encoding="utf-8",
    )
    reading = Reading(code)
    assert sorted(reading.texts()) == ["It", "handed", "more than {0}", "returned"]
    assert reading.outside == ["str(error)"]


NUMBER = Field("Quantity", FieldType.NUMBER, precision=5, scale=0)


def refusal(field: Field, value: object) -> Problem:
    with pytest.raises(BadValue) as bad:
        canonical(field, value)
    return bad.value.problem("Call", None, field.name)


def test_a_value_that_is_refused_says_why_in_german() -> None:
    said = [
        tongue.sentence(refusal(NUMBER, Decimal(1234567))),
        tongue.sentence(refusal(Field("Mail", FieldType.EMAIL), "nobody")),
        tongue.sentence(refusal(Field("Day", FieldType.DATE), "tomorrow")),
    ]
    with pytest.raises(Refused) as refused:
        entered(NUMBER, "many", "UTC")
    assert [*said, tongue.sentence(refused.value.problem)] == [
        "Quantity liegt außerhalb des Erlaubten: höchstens 5 Stellen vor dem Komma sind erlaubt.",
        "Mail liegt außerhalb des Erlaubten: keine E-Mail-Adresse.",
        "Day nimmt ein Datum, nicht einen anderen Text.",
        "Menge nimmt eine Zahl, nicht einen Text.",
    ]


def test_what_the_server_refuses_says_why_in_german() -> None:
    late = problem(Code.DELETE_DENIED, object="Call", reason="it was changed online after you last saw it")
    assert tongue.sentence(late).endswith("er wurde online geändert, nachdem Sie ihn zuletzt gesehen haben.")
    elsewhere = problem(Code.SUBMITTED_ELSEWHERE, object="Call", id="1", label="Call")
    assert tongue.sentence(elsewhere).startswith("Schon anderswo eingereicht (Besuch)")
    operation = problem(Code.PERMISSION, object="Call", operation="delete")
    assert tongue.sentence(operation).endswith("nicht: löschen.")
    samples = "Of Respira this account gets at most 4 a quarter: 1 left."
    said = tongue.sentence(problem(Code.VALIDATION, object="Call_Sample", message=samples, rule="samples"))
    assert said.startswith("Von Respira")
    assert "Quartal" in said


def test_an_orgs_own_words_stay_also_where_they_are_like_ours() -> None:
    own = problem(Code.VALIDATION, message="more than 3 digits", rule="Digits")
    assert tongue.sentence(own) == "more than 3 digits"
