"""`fieldsync import`: catalogs from Salesforce DX source, records from data trees."""

from __future__ import annotations

import typer

app = typer.Typer(help="Bring in catalogs and records of other systems.", no_args_is_help=True)
