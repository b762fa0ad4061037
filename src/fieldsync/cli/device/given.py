"""What was given to the command that opens the app, read without the library that can read anything.

That one takes a tenth of the start for it. What this cannot read, or a question for help, is left to it.
"""

from __future__ import annotations

import gc
import os
from argparse import ArgumentError, ArgumentParser, BooleanOptionalAction
from collections.abc import Callable, Sequence
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, get_args, get_type_hints

from typer.models import OptionInfo


def given(command: Callable[..., None], arguments: Sequence[str]) -> dict[str, Any] | None:
    """The arguments of `command`, which has options alone; None where somebody else has to look at them."""
    parser = _Reader(add_help=False, allow_abbrev=False, exit_on_error=False)
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in signature(command).parameters.items():
        kind, option = get_args(hints[name])
        if not isinstance(option, OptionInfo) or kind not in (str, int, bool, Path):
            return None
        _add(parser, name, parameter, (kind, option))
    try:
        read = vars(parser.parse_args(arguments))
    except (ArgumentError, ValueError):
        return None
    within = (option.min is None or read[name] >= option.min for name, (_, option) in _options(hints))
    return read if all(within) else None


def _options(hints: dict[str, Any]) -> list[tuple[str, tuple[type, OptionInfo]]]:
    return [(name, get_args(hint)) for name, hint in hints.items() if name != "return"]


def _add(parser: ArgumentParser, name: str, parameter: Parameter, told: tuple[type, OptionInfo]) -> None:
    kind, option = told
    words = [str(word).partition("/")[0] for word in (option.default, *(option.param_decls or ()))]
    usual = parameter.default
    if isinstance(option.envvar, str) and os.environ.get(option.envvar):
        usual = kind(os.environ[option.envvar])
    if kind is bool:
        parser.add_argument(*words, dest=name, default=usual, action=BooleanOptionalAction)
    else:
        parser.add_argument(*words, dest=name, default=usual, type=kind)


class _Reader(ArgumentParser):
    """One that never ends the program."""

    def error(self, message: str) -> Any:
        """What is wrong is told by who is asked next."""
        raise ValueError(message)


def the_app(arguments: Sequence[str]) -> Callable[[], None] | None:
    """Opens the Field app; None where what was given has to be told something, which is for Typer to say."""
    gc.disable()  # while it is read in nothing is garbage; the app turns it on again
    from fieldsync.cli.device.field import field

    found = given(field, arguments)
    if found is None:
        gc.enable()
    return None if found is None else partial(field, **found)
