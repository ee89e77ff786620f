"""Rules for the structure of the code."""

import ast
from pathlib import Path

import pytest

from kanseq.api import DOORS

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
                is_verb = node.name in DOORS or path.parent.name == "cli"
                if count > MOST and not is_verb:
                    found.append(f"{path.relative_to(PACKAGE)}: {node.name} ({count})")
    return found


def test_only_commands_have_more_than_twelve_parameters():
    assert functions_with_many_parameters() == []


@pytest.mark.parametrize("word", ["locals("])
def test_no_function_uses_locals(word):
    assert [path.name for path in PACKAGE.rglob("*.py") if word in path.read_text(encoding="utf-8")] == []
