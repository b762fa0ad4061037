"""The house rules as a test: sizes, names, docstrings, dead rooms. Layers and bans are in pyproject.toml.

`exceptions.toml` lists what may break them; it may only shrink.
"""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXCEPTIONS = tomllib.loads(Path(__file__).with_name("exceptions.toml").read_text(encoding="utf-8"))

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 40
PACKAGE_MODULES_MAX = 12
DOCSTRING_CHARS_MIN = 20
TEXT_BYTES_MAX = 2_000_000

BROAD = {"Exception", "BaseException"}
NAMELESS = re.compile(r"^(utils?|helpers?|common|misc|managers?)$|(_utils?|_helpers?|_manager)$")
CLASS_NAMELESS = re.compile(r"(Utils?|Helpers?|Managers?)$")
UNSEEN = re.compile(r"\.focus\(\)|\.press_sequentially\(|(?<!keyboard)\.press\(")
PUT_OFF = re.compile(r"\b(TO[D]O|FIX[M]E|X{3})\b")
REGISTRY = re.compile(r"https?://[^\s/\"']*(pypi|pythonhosted|npmjs|debian)[^\s\"']*", re.IGNORECASE)
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:root|work|home/\w+|Users/\w+)/\w")


@cache
def tree() -> tuple[Path, ...]:
    """Every file that is, or would be, in the repository; without git, every file outside hidden folders."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [
            path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in relative(path).split("/"))
        ]
    return tuple(sorted(path for path in paths if path.is_file()))


@cache
def texts() -> dict[str, str]:
    """The contents of every text file."""
    found: dict[str, str] = {}
    for path in tree():
        if path.stat().st_size <= TEXT_BYTES_MAX:
            try:
                found[relative(path)] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return found


@cache
def modules() -> dict[str, ast.Module]:
    """Every Python file, parsed."""
    return {name: ast.parse(text) for name, text in texts().items() if name.endswith(".py")}


def relative(path: Path) -> str:
    """The path as it is written in `exceptions.toml`."""
    return path.relative_to(ROOT).as_posix()


def ours(name: str) -> bool:
    """False for what others wrote and we only keep a copy of."""
    return "/vendor/" not in name


def compare(rule: str, found: dict[str, int]) -> None:
    """Fails when something breaks the rule and is not listed, or is listed with more than it needs."""
    listed: dict[str, int] = EXCEPTIONS[rule]
    worse = {key: size for key, size in found.items() if size > listed.get(key, 0)}
    better = {
        key: f"{size}, now {found.get(key, 'within the rule')}"
        for key, size in listed.items()
        if size > found.get(key, 0)
    }
    assert not worse, f"{rule}: over the limit: {worse}"
    assert not better, f"{rule}: exceptions.toml allows more than is needed: {better}"


def test_files_are_short() -> None:
    sizes = {name: texts()[name].count("\n") for name in modules()}
    compare("file_lines", {name: size for name, size in sizes.items() if size > FILE_LINES_MAX})


def test_functions_are_short() -> None:
    found: dict[str, int] = {}
    for name, module in modules().items():
        for function in functions(module):
            size = body_lines(function)
            if size > FUNCTION_LINES_MAX:
                found[f"{name}::{function.name}"] = size
    compare("function_lines", found)


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method."""
    return (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Its length without the docstring, which may be as long as it is useful."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def test_packages_hold_few_modules() -> None:
    sizes = Counter(
        str(Path(name).parent) for name in modules() if name.startswith("src/") and not name.endswith("__init__.py")
    )
    compare("package_modules", {name: size for name, size in sizes.items() if size > PACKAGE_MODULES_MAX})


def test_every_module_says_what_lives_in_it() -> None:
    silent = [
        name
        for name, module in modules().items()
        if module.body and len(ast.get_docstring(module) or "") < DOCSTRING_CHARS_MIN
    ]
    empty = [name for name, module in modules().items() if not module.body and name.startswith("src/")]
    assert not silent + empty, f"no module docstring: {silent + empty}"


def test_rooms_are_named_by_their_idea() -> None:
    rooms = [name for name in modules() if any(NAMELESS.search(Path(part).stem) for part in name.split("/"))]
    classes = [
        f"{name}::{node.name}"
        for name, module in modules().items()
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef) and CLASS_NAMELESS.search(node.name)
    ]
    assert not rooms + classes, f"a name that says nothing: {rooms + classes}"


def test_nothing_swallows_every_exception() -> None:
    found = Counter(
        name
        for name, module in modules().items()
        for node in ast.walk(module)
        if name.startswith("src/") and isinstance(node, ast.ExceptHandler) and catches_all(node)
    )
    compare("broad_except", dict(found))


def catches_all(handler: ast.ExceptHandler) -> bool:
    """Whether it catches everything and doesn't end by raising it again."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    broad = any(kind is None or (isinstance(kind, ast.Name) and kind.id in BROAD) for kind in caught)
    last = handler.body[-1]
    return broad and not (isinstance(last, ast.Raise) and last.exc is None)


def test_keys_wait_until_what_they_go_to_is_in_sight() -> None:
    """`focus` of `tests/web/browsing.py` does; a locator's own ways to take the focus do not."""
    found = [
        f"{name}:{number}"
        for name, text in texts().items()
        if name.startswith("tests/web/") and name.endswith(".py") and name != "tests/web/browsing.py"
        for number, line in enumerate(text.splitlines(), 1)
        if UNSEEN.search(line)
    ]
    assert not found, f"use focus(...) and page.keyboard: {found}"


def test_nothing_is_put_off() -> None:
    found = [
        f"{name}:{number}"
        for name, text in texts().items()
        if ours(name) and not name.startswith("requirements/")
        for number, line in enumerate(text.splitlines(), 1)
        if PUT_OFF.search(line)
    ]
    assert not found, f"finish it, or leave it out: {found}"


def test_every_module_is_used() -> None:
    used = {target for name, module in modules().items() if name.startswith("src/") for target in imports(module)}
    dead = [
        name
        for name in modules()
        if name.startswith("src/") and not name.endswith(("__init__.py", "__main__.py")) and dotted(name) not in used
    ]
    listed = set(EXCEPTIONS["run_by_path"])
    assert not set(dead) - listed, f"no module imports these: {sorted(set(dead) - listed)}"
    assert not listed - set(dead), (
        f"exceptions.toml lists modules that are imported, or gone: {sorted(listed - set(dead))}"
    )


def imports(module: ast.Module) -> Iterator[str]:
    """Every dotted name that an import statement may mean."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(name: str) -> str:
    """`src/fieldsync/base/ids.py` as `fieldsync.base.ids`."""
    return name.removeprefix("src/").removesuffix(".py").replace("/", ".")


@pytest.mark.parametrize(("what", "pattern"), [("a registry", REGISTRY), ("one machine's folders", MACHINE_PATH)])
def test_no_file_names(what: str, pattern: re.Pattern[str]) -> None:
    found = [
        f"{name}:{number}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) < FILE_LINES_MAX * 100 and pattern.search(line)
    ]
    assert not found, f"{what}: {found}"
