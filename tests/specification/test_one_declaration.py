"""One line in one file adds a setting of the optimisation: it is there wherever settings are."""

import json
import subprocess
import sys

import pytest
import yaml

# Runs in a process of its own, in which one line more stands in the list of settings.
PROGRAM = """
import contextlib, importlib, inspect, io, json, sys, types
from pathlib import Path
import kanseq.specification

name = "kanseq.specification.optimisation"
path = Path(kanseq.specification.__file__).with_name("optimisation.py")
line = '    nudge: float = option(0.0, "of an invented kind", least=0, later=True)\\n'
line += '    nod: bool = option(False, "a switch", later=True)\\n'
text = path.read_text().replace("\\n    def __post_init__", line + "\\n    def __post_init__", 1)
sys.modules[name] = module = types.ModuleType(name)
exec(compile(text, str(path), "exec"), module.__dict__)

import kanseq
from kanseq.cli.main import _run
from kanseq.specification.workflow_config import model_schema, parted_words, words_of
from kanseq.suites.contestants import make_entries

genes, labels, splits, folder = sys.argv[1:]
network = ["--model", "mlp", "--set", "hidden=2", "--epochs", "1", "--threads", "1"]
inputs = [genes, "--labels", labels, "--splits", splits, "--holdout", "1", *network]
alone = [*inputs, "--no-baseline"]
Path(f"{folder}/options.yaml").write_text("nudge: 0.5\\nnod: true\\n")
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    codes = [
        _run(["train", "--help"]),
        _run(["train", *alone, "--config", f"{folder}/options.yaml", "-o", f"{folder}/yaml"]),
        _run(["tune", *inputs, "--search", "nudge=0.125,0.25", "--trials", "1", "--nod", "-o", f"{folder}/tuned"]),
        _run(["train", *alone, "--nudge", "-1", "-o", f"{folder}/refused"]),
    ]
kanseq.train(
    genes, labels=labels, splits=splits, output=f"{folder}/python", model="mlp", options={"hidden": 2}, epochs=1,
    holdout="1", baseline=False, threads=1, nudge=0.75, nod=True,
)
(entry,) = make_entries(["mlp"], ["nudge=0.5", "nod=true"])
print(json.dumps({
    "codes": codes,
    "help": printed.getvalue(),
    "keyword": repr(inspect.signature(kanseq.train).parameters["nudge"]),
    "documentation": kanseq.train.__doc__,
    "schema": model_schema()["nudge"],
    "words": words_of({"nudge": 0.5}),
    "switch": [model_schema()["nod"], words_of({"nod": True}), words_of({"nod": False})],
    "parted": parted_words(["--nod", "--tune", "--no-nod", "--nudge", "0.5", "--compile"]),
    "benchmark": dict(entry.settings),
}))
"""


@pytest.fixture
def shown(tuned_inputs, tmp_path):
    command = [sys.executable, "-c", PROGRAM, *tuned_inputs, tmp_path]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "errors": done.stderr}


def recorded(run, name="nudge"):
    return json.loads((run / "run.json").read_text())["spec"]["settings"].get(name)


def test_a_setting_that_is_one_line_is_in_every_form_of_the_settings(shown, tmp_path):
    assert shown["codes"] == [0, 0, 0, 3]
    assert "--nudge" in shown["help"]
    assert "of an invented kind" in shown["help"]
    assert "nudge is -1.0; it must be at least 0" in shown["errors"]
    assert shown["keyword"] == '<Parameter "nudge: float | None = None">'
    assert "\n        nudge: of an invented kind\n" in shown["documentation"]
    assert recorded(tmp_path / "yaml") == 0.5
    assert recorded(tmp_path / "python") == 0.75
    assert yaml.safe_load((tmp_path / "tuned/best.yaml").read_text())["nudge"] in (0.125, 0.25)
    assert shown["schema"] == {"description": "of an invented kind", "type": "number", "minimum": 0}
    assert shown["words"] == ["--nudge", "0.5"]
    assert shown["benchmark"] == {"nudge": 0.5, "nod": True}
    assert "--nod" in shown["help"]
    assert (recorded(tmp_path / "yaml", "nod"), recorded(tmp_path / "python", "nod")) == (True, True)
    assert yaml.safe_load((tmp_path / "tuned/best.yaml").read_text())["nod"] is True
    assert shown["switch"] == [{"description": "a switch", "type": "boolean"}, ["--nod"], ["--no-nod"]]
    assert shown["parted"] == [["--nod", "--no-nod", "--nudge", "0.5"], ["--tune", "--compile"]]
