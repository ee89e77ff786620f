"""``kanseq workflow init`` and ``path``."""

import json
from pathlib import Path

from kanseq.cli.main import _run


def test_path_prints_the_folder_of_the_rules(capsys):
    assert _run(["workflow", "path"]) == 0
    printed = capsys.readouterr()
    assert (Path(printed.out.rstrip("\n")) / "workflow" / "Snakefile").is_file()
    assert printed.err == ""


def test_init_writes_a_project_and_prints_the_next_step(tmp_path, capsys):
    project = tmp_path / "project"
    assert _run(["workflow", "init", str(project)]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"cd {project} && snakemake" in printed.err
    assert (project / "workflow" / "Snakefile").is_file()


def test_the_next_step_is_safe_in_a_shell(tmp_path, capsys):
    assert _run(["workflow", "init", str(tmp_path / "my project")]) == 0
    assert f"run: cd '{tmp_path}/my project' && snakemake --cores 4\n" in capsys.readouterr().err


def test_init_prints_a_json_summary(tmp_path, capsys):
    assert _run(["workflow", "init", str(tmp_path), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["output"] == str(tmp_path)
    assert all((tmp_path / name).is_file() for name in summary["files"])


def test_a_second_project_in_the_same_folder_is_a_one_line_error_with_exit_code_3(tmp_path, capsys):
    assert _run(["workflow", "init", str(tmp_path)]) == 0
    capsys.readouterr()
    assert _run(["workflow", "init", str(tmp_path)]) == 3
    errors = capsys.readouterr().err
    assert errors == f"kanseq: {tmp_path}/workflow/Snakefile: this already exists; specify another folder\n"


def test_an_unknown_subcommand_is_a_usage_error(capsys):
    assert _run(["workflow", "fly"]) == 2
    assert "fly" in capsys.readouterr().err
