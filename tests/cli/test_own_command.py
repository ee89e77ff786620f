"""The command that an error prints: the user's own command line with changed options, run as printed."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import typer

from kanseq.cli.main import _run, app
from kanseq.cli.own_command import message_of, with_options
from kanseq.errors import ContigMismatch, Remedy

BASES = "ACGTTGCA" * 150
ROW = "{}\tlab\tgene\t{}\t{}\t.\t{}\t.\tID=x{};Name=G{}\n"


@pytest.fixture(scope="module")
def program():
    return typer.main.get_command(app)


def write_inputs(folder: Path, names: list[str], contigs: list[str]) -> None:
    """Write a genome and an annotation with one gene per contig, on the contigs ``names``."""
    (folder / "g.fa").write_text("".join(f">{contig}\n{BASES[number:]}\n" for number, contig in enumerate(contigs)))
    rows = [
        ROW.format(name, 301 + 10 * number, 500, "+-"[number % 2], number, number) for number, name in enumerate(names)
    ]
    (folder / "a.gff").write_text("##gff-version 3\n" + "".join(rows))


def run_shell(folder: Path, command: str, **variables: str) -> subprocess.CompletedProcess:
    """Run a command in a shell and a folder, as a user does."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **variables}
    words = ["bash", "-c", command]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def run_kanseq(folder: Path, words: str) -> subprocess.CompletedProcess:
    return run_shell(folder, f"{sys.executable} -m kanseq {words}")


def run_printed(folder: Path, message: str) -> subprocess.CompletedProcess:
    """Run the command at the end of a message."""
    return run_shell(folder, message[message.index("printf ") :])


def test_the_printed_command_makes_the_set_that_the_user_asked_for(tmp_path):
    write_inputs(tmp_path, ["Lg_4", "Lg_5"], ["lcl|Lg_4", "lcl|Lg_5"])
    words = "extract g.fa a.gff -o g.parquet --id Name --upstream 40 --downstream 20 --pad 4 --species 'wild lettuce'"
    refused = run_kanseq(tmp_path, words)
    assert refused.returncode == 3
    assert refused.stderr.endswith(
        "; likely pairs: printf '%s\\t%s\\n' Lg_4 'lcl|Lg_4' Lg_5 'lcl|Lg_5' > aliases.tsv && "
        f"{sys.executable} -m kanseq {words} --aliases aliases.tsv\n"
    )
    assert run_printed(tmp_path, refused.stderr).returncode == 0
    table = pd.read_parquet(tmp_path / "g.parquet")
    assert table[["id", "species", "chrom", "length"]].values.tolist() == [
        ["G0", "wild lettuce", "lcl|Lg_4", 124],
        ["G1", "wild lettuce", "lcl|Lg_5", 124],
    ]
    assert table["tss_start"].tolist() == [260, 480]


AWKWARD = ["it's", 'say "1"', r"back\n1", "100%d", "a b", "-n", "x|y", "$HOME", "`ls`", "a;b", "*", "!x", r"\\"]


def test_any_name_of_a_contig_survives_the_shell(tmp_path):
    names = [f"{name} {number}" for number, name in enumerate(AWKWARD)]
    contigs = [f"k{number}" for number in range(len(AWKWARD))]
    write_inputs(tmp_path, names, contigs)
    pairs = list(zip(names, contigs, strict=True))
    error = ContigMismatch("x", remedy=Remedy("likely pairs", {"--aliases": "aliases.tsv"}, "aliases.tsv", pairs))
    words = ["extract", "g.fa", "a.gff", "-o", "g.parquet", "--upstream", "40", "--downstream", "20"]
    message = message_of(error, words, lambda: typer.main.get_command(app))
    message = message.replace("&& kanseq", f"&& {sys.executable} -m kanseq")
    assert run_printed(tmp_path, message).returncode == 0
    expected = "".join(f"{name}\t{contig}\n" for name, contig in pairs)
    assert (tmp_path / "aliases.tsv").read_text() == expected
    assert pd.read_parquet(tmp_path / "g.parquet")["chrom"].tolist() == contigs


def test_whole_fasta_headers_as_contig_names_are_read_with_the_printed_table(tmp_path):
    headers = [f"{number} dna:chromosome chromosome:A:{number}:1:1200:1 REF" for number in (1, 2)]
    write_inputs(tmp_path, headers, headers)
    refused = run_kanseq(tmp_path, "extract g.fa a.gff -o g.parquet --upstream 40 --downstream 20")
    assert run_printed(tmp_path, refused.stderr).returncode == 0
    assert pd.read_parquet(tmp_path / "g.parquet")["chrom"].tolist() == ["1", "2"]


def test_an_existing_table_is_not_overwritten_and_an_earlier_option_is_replaced(tmp_path):
    write_inputs(tmp_path, ["chr1"], ["1"])
    (tmp_path / "aliases.tsv").write_text("chr9\t9\n")
    (tmp_path / "aliases-2.tsv").write_text("precious\n")
    words = "extract --aliases=aliases.tsv g.fa a.gff -og.parquet --upstream 40 --downstream 20 --aliases aliases.tsv"
    refused = run_kanseq(tmp_path, words)
    assert refused.stderr.endswith(
        "printf '%s\\t%s\\n' chr1 1 > aliases-3.tsv && "
        f"{sys.executable} -m kanseq extract g.fa a.gff -og.parquet --upstream 40 --downstream 20 "
        "--aliases aliases-3.tsv\n"
    )
    assert run_printed(tmp_path, refused.stderr).returncode == 0
    assert (tmp_path / "aliases.tsv").read_text() == "chr9\t9\n"
    assert (tmp_path / "aliases-2.tsv").read_text() == "precious\n"


def test_homology_prints_its_own_command(tmp_path):
    write_inputs(tmp_path, ["1"], ["1"])
    assert run_kanseq(tmp_path, "extract g.fa a.gff -o g.parquet --upstream 40 --downstream 20").returncode == 0
    gff = (tmp_path / "a.gff").read_text().replace("1\tlab", "chr1\tlab")
    (tmp_path / "b.gff").write_text(gff + "chr1\tlab\tCDS\t301\t330\t.\t+\t0\tID=c;Parent=x0\n")
    words = "homology g.parquet --genome g.fa --annotation b.gff --tool sketch --codon-table 4 -o h.tsv"
    refused = run_kanseq(tmp_path, words)
    assert refused.stderr.endswith(
        f"printf '%s\\t%s\\n' chr1 1 > aliases.tsv && {sys.executable} -m kanseq {words} --aliases aliases.tsv\n"
    )
    assert run_printed(tmp_path, refused.stderr).returncode == 0
    assert (tmp_path / "h.tsv").read_text() == "species\tid\tgroup\n.\tx0\t1\n"


def test_without_pairs_the_command_names_a_table_to_write(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path, ["A7", "B8"], ["one", "two"])
    (tmp_path / "aliases.tsv").touch()
    assert _run(["extract", "g.fa", "a.gff", "-o", "g.parquet", "--max-n", "0.1"]) == 3
    assert capsys.readouterr().err.endswith(
        "; write lines of 'annotation-name TAB genome-name' into aliases-2.tsv and run: "
        "kanseq extract g.fa a.gff -o g.parquet --max-n 0.1 --aliases aliases-2.tsv\n"
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("extract g a -o o", "extract g a -o o --aliases new"),
        ("extract --aliases old g a -o o", "extract g a -o o --aliases new"),
        ("extract --aliases=old g a -oo --no-mask", "extract g a -oo --no-mask --aliases new"),
        ("extract --aliases= g a -o o", "extract g a -o o --aliases new"),
        ("extract -o o --aliases old -- g a", "extract -o o --aliases new -- g a"),
        ("extract g a --id --aliases -o o", "extract g a --id --aliases -o o --aliases new"),
        ("extract g a --no-mask --aliases old -o o", "extract g a --no-mask -o o --aliases new"),
        ("extract g a -o -- --id x", "extract g a -o -- --id x --aliases new"),
    ],
)
def test_an_option_is_added_or_replaced_wherever_it_is(program, words, expected):
    assert with_options(words.split(), {"--aliases": "new"}, program) == expected.split()


def test_short_spellings_and_options_without_a_value_are_replaced_too(program):
    words = ["extract", "-oold", "g", "a", "--mask", "-o", "older"]
    changed = with_options(words, {"--output": "new", "--no-mask": None}, program)
    assert changed == ["extract", "g", "a", "--output", "new", "--no-mask"]


def test_a_command_without_the_option_prints_the_hint_for_python():
    error = ContigMismatch("x", hint="pass it as aliases", remedy=Remedy("y", {"--aliases": "t"}, "t"))
    assert message_of(error, ["demo", "-o", "d"], lambda: typer.main.get_command(app)) == "x; pass it as aliases"


def test_rows_of_different_length_are_printed_into_one_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [("1", "chr1"), ("2", "II", "chr2")]
    error = ContigMismatch("x", remedy=Remedy("y", {"--aliases": "t.tsv"}, "t.tsv", rows))
    message = message_of(error, ["homology", "g", "-o", "h"], lambda: typer.main.get_command(app))
    command = message.removeprefix("x; y: ").partition(" && ")[0]
    subprocess.run(["bash", "-c", command], check=True)
    assert (tmp_path / "t.tsv").read_text() == "1\tchr1\n2\tII\tchr2\n"


def test_the_installed_program_is_printed_as_it_can_be_started(tmp_path):
    write_inputs(tmp_path, ["chr1"], ["1"])
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "kanseq"
    script.write_text(f"#!{sys.executable}\nfrom kanseq.cli.main import run\nrun()\n")
    script.chmod(0o755)
    words, found = "extract g.fa a.gff -o g.parquet", f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    for program, path, shown in [
        ("kanseq", found, "kanseq"),
        ("bin/kanseq", found, "kanseq"),
        ("bin/kanseq", os.environ["PATH"], "bin/kanseq"),
    ]:
        refused = run_shell(tmp_path, f"{program} {words}", PATH=path)
        assert refused.stderr.endswith(f"> aliases.tsv && {shown} {words} --aliases aliases.tsv\n")
