"""`fieldsync import lsc-config` and `fieldsync import vmoc`: the sync rules and settings of other systems."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fieldsync.cli.place import (
    DEFAULT_DATA,
    DEFAULT_ORG,
    DatabaseOption,
    DataOption,
    JsonOption,
    OrgOption,
    database_uri,
)
from fieldsync.cli.rules.bringing import CheckOption, OnlyKnownOption, ProfilesOption, bring, tell, wish_of

SourceArgument = Annotated[Path, typer.Argument(help="Folder of lifeSciConfigRecord files, one such file, or JSON.")]
CsvArgument = Annotated[Path, typer.Argument(metavar="FILE.csv", help="Exported VMobile object configurations.")]


def lsc_config(
    source: SourceArgument,
    check: CheckOption = False,
    only_known: OnlyKnownOption = False,
    profile: ProfilesOption = None,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Bring in DbSchema records and mobile settings of Salesforce Life Sciences Cloud. Exits with 1 when refused."""
    from fieldsync.schema.rules_import import read_lsc

    wish, read = wish_of(profile, only_known=only_known), read_lsc(source)
    with database_uri(database, data) as uri:
        tell(bring(uri, org, read, wish, check=check), as_json=as_json)


def vmoc(
    file: CsvArgument,
    check: CheckOption = False,
    only_known: OnlyKnownOption = False,
    profile: ProfilesOption = None,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Bring in exported VMOC rows of Veeva CRM or Vault CRM. Exits with 1 when refused."""
    from fieldsync.schema.rules_import import read_vmoc

    wish, read = wish_of(profile, only_known=only_known), read_vmoc(file.read_bytes(), file.name)
    with database_uri(database, data) as uri:
        tell(bring(uri, org, read, wish, check=check), as_json=as_json)
