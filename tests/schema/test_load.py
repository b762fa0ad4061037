"""Packs are read from files and folders; errors say file, line, place and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldsync.base.problems import Code, Refused
from fieldsync.schema.load import load_packs, parse_pack, read_pack

HEAD = "name: shop\nlabel: Shop\n"
ONE = HEAD + "objects:\n  - name: Shop__c\n    label: Shop\n    fields:\n      - {name: City__c, type: text}\n"


def refusal(text: str) -> str:
    with pytest.raises(Refused) as refused:
        parse_pack(text, "shop.yaml")
    assert refused.value.problem.code is Code.UNUSABLE
    return refused.value.problem.message


def test_a_wrong_type_names_line_and_place() -> None:
    message = refusal(ONE.replace("type: text", "type: txt"))
    assert "shop.yaml, line 7" in message
    assert "objects[0].fields[0].type" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ONE.replace("label: Shop\n    fields", "lable: Shop\n    fields"), "lable"),
        (ONE.replace("    label: Shop\n", ""), "label"),
        (HEAD + "objects: 5", "line 3"),
        ("[]", "Expected `object`"),
        ("", "Expected `object`"),
        (HEAD + "name: again", "twice"),
    ],
)
def test_other_forms_are_refused(text: str, said: str) -> None:
    assert said in refusal(text)


def test_a_folder_is_one_pack(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(HEAD + "objects: [{name: B__c, label: B}]")
    (tmp_path / "a.yml").write_text(HEAD + "objects: [{name: A__c, label: A}]\nvalue_sets: [{name: S}]")
    (tmp_path / "notes.txt").write_text("not read")
    pack = read_pack(tmp_path)
    assert [o.name for o in pack.objects] == ["A__c", "B__c"]
    assert pack == read_pack(tmp_path)


def test_files_of_a_folder_agree_on_the_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HEAD)
    (tmp_path / "b.yaml").write_text("name: other\nlabel: Other\n")
    with pytest.raises(Refused, match=r"b\.yaml"):
        read_pack(tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"# " + b"x" * 2_000_001])
def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    with pytest.raises(Refused, match=r"a\.yaml"):
        read_pack(file)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(Refused):
            read_pack(path)
    with pytest.raises(Refused, match="the product's packs are"):
        load_packs(("nothing",))
