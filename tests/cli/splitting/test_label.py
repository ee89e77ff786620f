"""``kanseq label`` from the command line."""

import gzip
import json

import pytest

from kanseq.cli.main import _run

TPM = "gene,s1,s2\n" + "".join(f"g{number},{number},0\n" for number in range(1, 9))
HEADER = "species\tid\tfold\trole\treason\n"
SPLITS = HEADER + "".join(f".\tg{n}\tone\t{'test' if n in (1, 8) else 'train'}\t\n" for n in range(1, 9))


@pytest.fixture
def inputs(tmp_path):
    """A TPM table and splits."""
    (tmp_path / "tpm.csv").write_text(TPM)
    (tmp_path / "splits.tsv").write_text(SPLITS)
    return tmp_path


def label(folder, *options, table="tpm.csv"):
    return _run(["label", str(folder / table), "-o", str(folder / "labels.tsv"), *options])


def test_it_writes_labels_and_counts_them(inputs, capsys):
    assert label(inputs, "--splits", str(inputs / "splits.tsv"), "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["low"], summary["high"]) == ({"one": 3}, {"one": 3})
    assert summary["quartiles"] == "of each fold's training genes"
    assert summary["samples"] == ["s1", "s2"]
    lines = (inputs / "labels.tsv").read_text().splitlines()
    assert lines[0].split("\t") == ["species", "id", "condition", "fold", "expression", "label", "q1", "q3"]
    assert len(lines) == 9


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TPM.replace("g3,3", "g3,-3"), "tpm.csv:4: column 's1', gene 'g3': -3 is negative"),
        (TPM.replace("g3,3", "g3,nan"), "tpm.csv:4: column 's1', gene 'g3': the value is missing"),
        (TPM.replace("g3,3", "g3,three"), "tpm.csv:4: column 's1', gene 'g3': 'three' is not a number"),
        (TPM.replace("g3,3", "g2,3"), "tpm.csv:4: duplicate id 'g2'"),
        (TPM.replace("g", "AT"), "no gene in common: the table has AT1, AT2, AT3, … (8), the set has g1, g2, g3"),
        ("gene,s1\n" + "".join(f"g{n},0\n" for n in range(1, 9)), "fold one: both thresholds are 0"),
        (TPM.replace("g8,8", "g8,1"), "fold one: the test genes with expression include only low ones"),
    ],
)
def test_bad_tables_are_a_one_line_error_and_write_nothing(inputs, capsys, content, message):
    (inputs / "tpm.csv").write_text(content)
    assert label(inputs, "--splits", str(inputs / "splits.tsv")) == 3
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
    assert not list(inputs.glob("*labels*"))


def test_a_missing_column_is_a_one_line_error(inputs, capsys):
    assert label(inputs, "--samples", "s1,s3") == 3
    errors = capsys.readouterr().err
    assert "the column 's3' is missing; it has s1, s2" in errors
    assert errors.count("\n") == 1
    assert not list(inputs.glob("*labels*"))


def test_a_truncated_gzip_is_a_one_line_error(inputs, capsys):
    (inputs / "tpm.csv.gz").write_bytes(gzip.compress(TPM.encode() * 20)[:-12])
    assert label(inputs, table="tpm.csv.gz") == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_labels_can_be_written_to_standard_output(inputs, capsys):
    assert _run(["label", str(inputs / "tpm.csv"), "-o", "-"]) == 0
    assert capsys.readouterr().out.startswith("species\tid\tcondition\t")


def test_unclear_numbers_are_refused_and_the_advice_is_true(inputs, capsys):
    (inputs / "unclear.csv").write_text(TPM.replace(",", ";").replace("g3;3;0", "g3;1,234;0"))
    assert label(inputs, table="unclear.csv") == 3
    message = capsys.readouterr().err
    assert "unclear.csv:4: column 's1': '1,234' can be 1234 or 1.234; use --decimal . if" in message
    assert message.count("\n") == 1
    assert not (inputs / "labels.tsv").exists()
    assert label(inputs, "--decimal", ",", table="unclear.csv") == 0
    assert "g3\t*\t*\t0.34908" in (inputs / "labels.tsv").read_text()
    assert label(inputs, "--decimal", ".", table="unclear.csv") == 0
    assert "g3\t*\t*\t3.091666" in (inputs / "labels.tsv").read_text()


def test_an_unknown_decimal_mark_is_refused(inputs, capsys):
    assert label(inputs, "--decimal", "x") == 3
    assert "--decimal x: unknown decimal mark; use --decimal . or --decimal ," in capsys.readouterr().err


def test_the_first_gene_of_a_table_without_a_header_is_labelled(inputs, capsys):
    (inputs / "bare.txt").write_text(TPM.partition("\n")[2] + "__no_feature,999,0\n")
    assert label(inputs, table="bare.txt") == 0
    lines = (inputs / "labels.tsv").read_text().splitlines()
    assert [line.split("\t")[1] for line in lines[1:]] == [f"g{n}" for n in range(1, 9)]
    assert "no header: line 1 is read as a row" in capsys.readouterr().err
