"""Projects for tests: files on disk out of short texts."""

from __future__ import annotations

from pathlib import Path

from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.check import check
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field
from fieldsync.schema.prefixes import assign
from fieldsync.schema.sfdx import ImportResult, Issue, Level, read

OBJECT = """<label>Thing</label><pluralLabel>Things</pluralLabel><sharingModel>ReadWrite</sharingModel>
<nameField><label>Thing Name</label><type>Text</type></nameField>"""


def xml(kind: str, content: str) -> str:
    """A metadata file."""
    return f'<?xml version="1.0"?><{kind} xmlns="http://soap.sforce.com/2006/04/metadata">{content}</{kind}>'


def write(root: Path, files: dict[str, str]) -> Path:
    """Write files below `root`. `objects/A__c/F__c.field` is short for the source format's path of a field."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return root


def thing(root: Path, fields: dict[str, str] | None = None, more: dict[str, str] | None = None) -> Path:
    """A project with the object Thing__c and these fields (name to the content of their element)."""
    base = "force-app/objects/Thing__c"
    files = {f"{base}/Thing__c.object-meta.xml": xml("CustomObject", OBJECT)}
    for name, content in (fields or {}).items():
        files[f"{base}/fields/{name}.field-meta.xml"] = xml("CustomField", f"<fullName>{name}</fullName>{content}")
    return write(root, files | (more or {}))


def one_field(root: Path, content: str) -> tuple[Field | None, ImportResult]:
    """The field F__c with this content as it is imported, and the whole result."""
    result = read(thing(root, {"F__c": f"<label>F</label>{content}"}))
    fields = {f.name: f for o in result.pack.objects if o.name == "Thing__c" for f in o.fields}
    return fields.get("F__c"), result


def catalog_of(result: ImportResult) -> Catalog:
    """The product's packs with the imported one; it must pass the checks."""
    packs = [*load_packs(), result.pack]
    assert check(packs) == ()
    return build(assign(packs, {}))


def noted(result: ImportResult, level: Level) -> set[str]:
    """The elements of the issues of one level."""
    return {issue.element for issue in result.report.of(level)}


def sentences(issues: tuple[Issue, ...]) -> str:
    """All reasons, for looking one up."""
    return "\n".join(f"{i.file} {i.element}: {i.reason}" for i in issues)
