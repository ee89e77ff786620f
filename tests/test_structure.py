"""Rules for the structure of the code."""

import ast
from pathlib import Path

import pytest

from kanseq.api import DEFINED_IN, MODULES

PACKAGE = Path(__file__).parents[1] / "kanseq"
MOST = 12


def functions_with_many_parameters():
    """Find functions and methods, other than commands, with too many parameters."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = node.args
                names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
                count = len([name for name in names if name not in ("self", "cls")])
                is_verb = node.name in DEFINED_IN or path.is_relative_to(PACKAGE / "cli")
                if count > MOST and not is_verb:
                    found.append(f"{path.relative_to(PACKAGE)}: {node.name} ({count})")
    return found


def test_only_commands_have_more_than_twelve_parameters():
    assert functions_with_many_parameters() == []


@pytest.mark.parametrize("word", ["locals("])
def test_no_function_uses_locals(word):
    assert [path.name for path in PACKAGE.rglob("*.py") if word in path.read_text(encoding="utf-8")] == []


COMING = ("design", "fit", "generate", "load_model", "read", "report", "variants", "words")
"""Functions that the next releases add."""


def test_no_package_or_module_hides_a_public_function():
    here = {path.stem for path in PACKAGE.iterdir()} - {"__init__"}
    assert here & {*DEFINED_IN, *COMING} == set()
    assert set(MODULES) <= here


def test_no_folder_holds_more_modules_than_a_reader_can_scan():
    crowded = {
        str(folder.relative_to(PACKAGE)): count
        for folder in (PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir() and path.name != "__pycache__"))
        if (count := len([path for path in folder.glob("*.py") if path.name != "__init__.py"])) > 15
    }
    assert crowded == {}


def test_every_package_has_modules_or_packages():
    empty = [path.parent for path in PACKAGE.rglob("__init__.py") if len([*path.parent.glob("*.py")]) == 1]
    assert [path for path in empty if not [*path.glob("*/__init__.py")]] == []


def test_a_class_name_stands_for_one_thing():
    places = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
