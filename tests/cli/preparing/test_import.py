import json

from kanseq.cli.main import _run
from kanseq.sequences.sequence_set import SequenceSet


def test_tables_become_a_set(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("train", "dev"):
        (tmp_path / f"{name}.csv").write_text("sequence,label\nACGT,0\nGG,1\n")
    assert _run(["import", "train.csv", "dev.csv", "-o", "s.parquet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "sequences": 4,
        "longest": 4,
        "labels": {"0": 2, "1": 2},
        "output": "s.parquet",
    }


def test_classes_become_a_set(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.fa").write_text(">1\nACGT\n")
    (tmp_path / "p.bed").write_text("1\t0\t3\n")
    words = "import --class pos=p.bed --class neg=g.fa --genome g.fa --species hs -o s.parquet"
    assert _run(words.split()) == 0
    assert "sequences: 2\n" in capsys.readouterr().err


def test_bad_input_is_a_one_line_error_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("seq,label\nACGT,0\n")
    assert _run(["import", "a.csv", "-o", "s.parquet"]) == 3
    assert capsys.readouterr().err == (
        "kanseq: a.csv:1: column 'sequence' is missing; the header has seq, label; name it with --sequence-column\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_intervals_of_classes_with_their_genomes_become_a_set(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "h.fa").write_text(">1\nACGT\n")
    (tmp_path / "w.fa").write_text(">I\nGGGG\n")
    (tmp_path / "h.csv").write_text("id,region,start,end,strand\n1,chr1,0,3,-\n")
    (tmp_path / "w.csv").write_text("id,region,start,end,strand\n1,I,0,2,+\n")
    words = "import --class human=h.csv --class worm=w.csv --genome human=h.fa --genome worm=w.fa -o s.parquet"
    assert _run(words.split()) == 0
    assert capsys.readouterr().err.startswith("contigs have other names in the genome: 'chr1' is '1'\nsequences: 2\n")
    assert SequenceSet.read("s.parquet").letters() == ["CGT", "GG"]


def test_pairs_splits_and_widths_are_options(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.csv").write_text("enhancer|promoter|label|part\nAC|GT|1|test\n")
    words = "import p.csv --sequence-column enhancer --sequence-column promoter --split-column part -o s.parquet --json"
    assert _run(words.split()) == 0
    assert json.loads(capsys.readouterr().out)["longest"] == 24
    assert list(SequenceSet.read("s.parquet").table["split"]) == ["test"]
    (tmp_path / "g.fa").write_text(">1\nAACCGGTT\n")
    (tmp_path / "a.bed").write_text("1\t3\t5\n")
    assert _run(["import", "a.bed", "--genome", "g.fa", "--width", "4", "-o", "s.parquet"]) == 0
    assert SequenceSet.read("s.parquet").letters() == ["CCGG"]


def test_repeatable_options_may_be_single_values_in_a_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.fa").write_text(">1\nAACCGGTT\n")
    (tmp_path / "a.bed").write_text("1\t3\t5\n")
    (tmp_path / "c.yaml").write_text("genome: g.fa\nsequence-column: sequence\n")
    assert _run(["import", "a.bed", "--config", "c.yaml", "-o", "s.parquet"]) == 0
    assert SequenceSet.read("s.parquet").letters() == ["CG"]
