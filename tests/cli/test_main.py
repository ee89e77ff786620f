"""Behaviour of all commands: exit codes, one-line errors, configuration files, fast start."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import pytest
import typer

from kanseq import __version__
from kanseq.cli import main, options
from kanseq.errors import KanseqError


def test_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main._run(["--version"]) == 0
    assert capsys.readouterr().out == f"kanseq {__version__}\n"


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main._run(["fly"]) == 2
    assert "fly" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KanseqError("wrong", where="a.fa:3", hint="fix it"), 3, "kanseq: a.fa:3: wrong; fix it\n"),
        (KeyboardInterrupt(), 130, "kanseq: interrupted\n"),
    ],
)
def test_errors_become_one_line_and_an_exit_code(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(main, "app", fail)
    assert main._run([]) == code
    assert capsys.readouterr().err == line


class Answer(NamedTuple):
    upstream: int


def echo_app() -> typer.Typer:
    app = typer.Typer()

    @app.command()
    def echo(
        upstream: Annotated[int, typer.Option("--upstream")] = 1,
        config: options.Config = None,
        as_json: options.Json = False,
    ) -> None:
        options.show(Answer(upstream), as_json)

    return app


def test_a_config_file_sets_defaults_and_the_command_line_wins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("upstream: 7\n")
    echo_app()(["--config", str(config), "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out) == {"upstream": 7}
    echo_app()(["--config", str(config), "--upstream", "9", "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out) == {"upstream": 9}


def test_an_unknown_key_in_a_config_file_is_named(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("upstrem: 7\n")
    with pytest.raises(typer.BadParameter, match="'upstrem' is not an option"):
        echo_app()(["--config", str(config)], standalone_mode=False)


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys; from kanseq.cli.main import _run; _run(['--help']); "
        "sys.exit(', '.join(m for m in ('torch', 'pandas', 'pyarrow', 'sklearn', 'pysam') if m in sys.modules) or None)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_a_closed_pipe_ends_quietly() -> None:
    code = (
        "import sys; from kanseq.cli import main; "
        "main.app = lambda *a, **k: [sys.stdout.write('x' * 10000) for _ in range(1000)]; main.run([])"
    )
    command = f'{sys.executable} -c "{code}" | head -c 1 > /dev/null; echo ${{PIPESTATUS[0]}}'
    finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (finished.stdout, finished.stderr) == ("0\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_standard_output_is_a_one_line_error() -> None:
    code = (
        "import sys; from kanseq.cli import main; main.app = lambda *a, **k: sys.stdout.write('x' * {}); main.run([])"
    )
    for size in (10, 100_000):
        with open("/dev/full", "w") as full:
            command = [sys.executable, "-c", code.format(size)]
            finished = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        message = "kanseq: standard output: cannot write (No space left on device)\n"
        assert (finished.returncode, finished.stderr) == (3, message)


def test_a_config_file_accepts_negated_flags_and_single_values_of_repeatable_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Given(NamedTuple):
        mask: bool
        biotype: list[str]

    app = typer.Typer()

    @app.command()
    def echo(
        mask: Annotated[bool, typer.Option("--mask/--no-mask")] = True,
        biotype: Annotated[list[str] | None, typer.Option()] = None,
        config: options.Config = None,
    ) -> None:
        options.show(Given(mask, biotype or []), True)

    config = tmp_path / "c.yaml"
    config.write_text("no-mask: true\nbiotype: lncRNA\n")
    app(["--config", str(config)], standalone_mode=False)
    assert json.loads(capsys.readouterr().out) == {"mask": False, "biotype": ["lncRNA"]}
    config.write_text("no-mask: 3\n")
    with pytest.raises(typer.BadParameter, match="'no-mask' must be true or false"):
        app(["--config", str(config)], standalone_mode=False)


@pytest.mark.parametrize(
    "command",
    [
        "split genes.parquet -o - --json",
        "label tpm.csv -o - --json",
        "extract genome.fa genes.gtf -o genes.parquet --excluded - --json",
    ],
)
def test_the_summary_never_shares_standard_output_with_a_table(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main._run(command.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "--json prints to standard output" in printed.err
