import json

from kanseq.cli.main import _run


def test_it_writes_six_files_and_reports_the_score_of_the_oracle(tmp_path, capsys):
    output = tmp_path / "sim"
    assert _run(["simulate", "-o", str(output), "--genes", "60", "--contigs", "2", "--seed", "4", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["genes"], summary["contigs"], summary["bases"]) == (60, 2, 360_000)
    assert summary["oracle_auroc"] == json.loads((output / "truth.json").read_text())["oracle_auroc"]
    names = ["genes.gtf.gz", "genome.fa.gz", "tpm.csv", "truth.bed", "truth.json", "truth.tsv"]
    assert sorted(path.name for path in output.iterdir()) == names


def test_an_uncompressed_genome_can_be_requested(tmp_path):
    assert _run(["simulate", "-o", str(tmp_path), "--genes", "40", "--contigs", "1", "--no-compress"]) == 0
    assert (tmp_path / "genome.fa").read_bytes().startswith(b">1 dna_sm:chromosome")


def test_a_too_small_genome_is_a_one_line_error_with_exit_code_3(tmp_path, capsys):
    assert _run(["simulate", "-o", str(tmp_path / "sim"), "--genome-size", "1000"]) == 3
    line = "kanseq: 1,000 bases are too few for 2,000 genes; use a genome size of at least 6,000,000\n"
    assert capsys.readouterr().err == line
    assert not (tmp_path / "sim").exists()


def test_a_missing_parent_folder_is_a_one_line_error_with_exit_code_3(tmp_path, capsys):
    assert _run(["simulate", "-o", str(tmp_path / "no" / "sim")]) == 3
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "does not exist" in error
