import json

from kanseq.cli.main import _run


def test_a_card_goes_to_standard_output(tmp_path, capsys):
    (tmp_path / "excluded.tsv").write_text("id\treason\tdetail\na\tedge\tx\nb\tno_contig\ty\n")
    assert _run(["inspect", str(tmp_path / "excluded.tsv")]) == 0
    printed = capsys.readouterr()
    assert printed.out == "kind:    genes left out\ngenes:   2\nreasons: edge 1, no_contig 1\n"
    assert printed.err == ""


def test_a_card_as_json(tmp_path, capsys):
    (tmp_path / "excluded.tsv").write_text("id\treason\tdetail\na\tedge\tx\n")
    assert _run(["inspect", str(tmp_path / "excluded.tsv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "kind": "genes left out",
        "fields": {"genes": 1, "reasons": {"edge": 1}},
    }


def test_a_foreign_file_is_a_one_line_error_with_exit_code_3(tmp_path, capsys):
    (tmp_path / "x.fa").write_text(">1\nACGT\n")
    assert _run(["inspect", str(tmp_path / "x.fa")]) == 3
    printed = capsys.readouterr()
    assert printed.err == f"kanseq: {tmp_path / 'x.fa'}: not a kanseq file\n"
    assert printed.out == ""
