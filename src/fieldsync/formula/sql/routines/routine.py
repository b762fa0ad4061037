"""One routine function of the database, and the text that creates it."""

from __future__ import annotations

from dataclasses import dataclass

from fieldsync.formula.sql.values import BY_NAME


@dataclass(frozen=True)
class Routine:
    """`body` is an expression, or statements that begin with DECLARE or BEGIN; `{s}` is the schema of the routines.

    An argument that is an error makes the result one, a blank argument makes it blank; with `blanks` the body sees
    blank arguments, with `raw` errors too.
    """

    name: str
    arguments: str
    result: str
    body: str
    blanks: bool = False
    raw: bool = False

    def ddl(self, schema: str) -> str:
        """The statement that creates it."""
        checks = "" if self.raw else self._checks()
        head, _, statements = self.body.partition("BEGIN")
        if self.body.startswith(("DECLARE", "BEGIN")):
            block = f"{head}BEGIN\n{checks}{statements}\nEND"
        else:
            block = f"BEGIN\n{checks}  RETURN {self.body};\nEND"
        block = block.replace("{s}", schema)
        arguments = self.arguments.replace("{s}", schema)
        return (
            f"CREATE OR REPLACE FUNCTION {schema}.{self.name}({arguments}) RETURNS {self.result}\n"
            f"LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $formula$\n{block}\n$formula$"
        )

    def _checks(self) -> str:
        names = [_split(argument) for argument in self.arguments.split(", ") if argument]
        failed = [_failed(name, kind) for name, kind in names if kind in BY_NAME or kind.endswith("[]")]
        lines = f"  IF {' OR '.join(failed)} THEN RETURN {BY_NAME[self.result].error}; END IF;\n" if failed else ""
        if not self.blanks and names:
            blank = " OR ".join(_blank(name, kind) for name, kind in names)
            lines += f"  IF {blank} THEN RETURN NULL; END IF;\n"
        return lines


def _split(argument: str) -> tuple[str, str]:
    """`VARIADIC parts text[]` as (parts, text[])."""
    words = argument.split(" DEFAULT ", maxsplit=1)[0].removeprefix("VARIADIC ").split(" ", 1)
    return words[0], ("variadic " if argument.startswith("VARIADIC") else "") + words[1]


def _failed(name: str, kind: str) -> str:
    if kind.startswith("variadic "):
        element = BY_NAME[kind.removeprefix("variadic ").removesuffix("[]")]
        return f"{element.error} = ANY({name})"
    return BY_NAME[kind].failed.replace("{x}", name)


def _blank(name: str, kind: str) -> str:
    return f"array_position({name}, NULL) IS NOT NULL" if kind.startswith("variadic ") else f"{name} IS NULL"
