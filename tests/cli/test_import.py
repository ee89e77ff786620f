import json

from kanseq.cli.main import _run


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


def test_bad_input_costs_one_line_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("seq,label\nACGT,0\n")
    assert _run(["import", "a.csv", "-o", "s.parquet"]) == 3
    assert capsys.readouterr().err == (
        "kanseq: a.csv:1: column 'sequence' is missing; the header has seq, label; name it with --sequence-column\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
