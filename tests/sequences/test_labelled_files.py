import hashlib

import pytest

from kanseq.errors import BadTable, MissingFile
from kanseq.sequences.labelled_files import Columns, SequenceSource, check_source, describe_source, read_source, stem


def test_stem_removes_suffixes_only():
    names = ["train.csv.gz", "a.b.fa", "H-DNA.bed", "positive", "x.fa.bgz"]
    assert [stem(name) for name in names] == ["train", "a.b", "H-DNA", "positive", "x"]


def test_a_folder_is_described_by_its_text_files_in_order(tmp_path):
    for name, text in (("b.txt", "GG"), ("a.txt", "ACG")):
        (tmp_path / name).write_text(text)
    digest = hashlib.sha256(b"a.txt\x003\x00ACGb.txt\x002\x00GG").hexdigest()
    assert describe_source(tmp_path) == {"name": tmp_path.name, "files": 2, "bytes": 5, "sha256": digest}


@pytest.mark.parametrize(
    ("text", "message"),
    [("\n", "1.txt: the sequence is empty"), ("AC\nGT\n", r"'\\n' is not a nucleotide letter"), (">x\nAC\n", "'>'")],
)
def test_a_text_file_that_is_not_one_sequence_is_refused(tmp_path, text, message):
    (tmp_path / "1.txt").write_text(text)
    with pytest.raises(BadTable, match=message):
        read_source(SequenceSource(tmp_path, "x"), Columns(), placed=False)


def test_a_folder_without_text_files_is_refused(tmp_path):
    (tmp_path / "1.fa").write_text(">x\nAC\n")
    with pytest.raises(BadTable, match=r"the folder has no \*\.txt; one sequence in each NAME\.txt is required"):
        read_source(SequenceSource(tmp_path, "x"), Columns(), placed=False)


def test_an_unreadable_text_file_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "1.txt").mkdir()
    with pytest.raises(MissingFile, match=r"1\.txt: it cannot be read \(Is a directory\)"):
        read_source(SequenceSource(tmp_path, "x"), Columns(), placed=False)


def test_a_source_is_a_file_or_a_folder(tmp_path):
    assert check_source(tmp_path) == tmp_path
    with pytest.raises(MissingFile, match="no such file"):
        check_source(tmp_path / "nowhere")
