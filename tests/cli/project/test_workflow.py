"""``kanseq workflow init`` and ``path``."""

import json
from pathlib import Path

from kanseq.cli.main import _run


def test_path_prints_where_the_rules_lie(capsys):
    assert _run(["workflow", "path"]) == 0
    said = capsys.readouterr()
    assert (Path(said.out.rstrip("\n")) / "workflow" / "Snakefile").is_file()
    assert said.err == ""


def test_init_writes_a_project_and_says_what_comes_next(tmp_path, capsys):
    project = tmp_path / "project"
    assert _run(["workflow", "init", str(project)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert f"cd {project} && snakemake" in said.err
    assert (project / "workflow" / "Snakefile").is_file()


def test_init_has_a_summary_for_programs(tmp_path, capsys):
    assert _run(["workflow", "init", str(tmp_path), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["output"] == str(tmp_path)
    assert all((tmp_path / name).is_file() for name in summary["files"])


def test_a_second_project_in_the_same_folder_is_one_line_and_exit_3(tmp_path, capsys):
    assert _run(["workflow", "init", str(tmp_path)]) == 0
    capsys.readouterr()
    assert _run(["workflow", "init", str(tmp_path)]) == 3
    said = capsys.readouterr().err
    assert said == f"kanseq: {tmp_path}/workflow/Snakefile: this already exists; specify another folder\n"


def test_a_verb_is_wanted(capsys):
    assert _run(["workflow", "fly"]) == 2
    assert "fly" in capsys.readouterr().err
