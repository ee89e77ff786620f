import gzip

import pandas as pd
import pytest

from kanseq.errors import BadTable, MissingFile
from kanseq.homologs.homolog_files import read_groups, read_homologs
from kanseq.io.tables.dialect import write_table
from kanseq.io.tables.gene_tables import HOMOLOG_PAIRS

GROUPS = "species\tid\tgroup\n.\tA\t1\n.\tB\t1\nx\tA\t2\n"
PAIRS = "species\tid\tspecies_2\tid_2\tevalue\tbits\tcoverage\tidentity\n.\tA\t.\tB\t1e-20\t80.5\t75.0\t41.2\n"


def written(folder, text, name="file.tsv"):
    path = folder / name
    path.write_text(text)
    return path


def test_groups_and_pairs_are_distinguished_by_their_columns(tmp_path):
    groups = read_homologs(written(tmp_path, GROUPS))
    assert groups.pairs is None
    assert groups.groups.to_numpy().tolist() == [[".", "A", "1"], [".", "B", "1"], ["x", "A", "2"]]
    pairs = read_homologs(written(tmp_path, PAIRS))
    assert pairs.groups is None
    assert pairs.pairs.iloc[0].tolist() == [".", "A", ".", "B", 1e-20, 80.5, 75.0, 41.2]


def test_a_written_table_is_read_unchanged(tmp_path):
    path = tmp_path / "pairs.tsv.gz"
    table = read_homologs(written(tmp_path, PAIRS)).pairs
    write_table(path, HOMOLOG_PAIRS, table)
    assert gzip.decompress(path.read_bytes()).decode() == PAIRS
    pd.testing.assert_frame_equal(read_homologs(path).pairs, table)


def test_a_table_of_pairs_may_be_empty(tmp_path):
    assert len(read_homologs(written(tmp_path, PAIRS.splitlines()[0] + "\n")).pairs) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id\trole\nA\ttest\n", "this is not a table of homologs: .*; make one with kanseq homology"),
        ("", "this is not a table of homologs"),
        (GROUPS.replace("species\t", "kind\t"), "the column 'species' is missing"),
        (GROUPS + ".\tA\t3\n", "tsv:5: 'A' is listed twice in the table"),
        (GROUPS + ".\tC\t\n", "tsv:5: 'C' is in no group"),
        (PAIRS.replace("80.5", "much"), r"tsv:2: 'much' is not a number \(column 'bits'\)"),
        (PAIRS.replace("\tidentity", "\tid3"), "the column 'identity' is missing"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path, text, message):
    with pytest.raises(BadTable, match=message):
        read_homologs(written(tmp_path, text))


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(MissingFile):
        read_homologs(tmp_path / "nothing.tsv")


@pytest.mark.parametrize(
    "text",
    [
        "A 1\nB 1\nC 2\n",
        "# mine\ngene_id\tgroup\nA\t1\nB\t1\n\nC\t2\n",
        "A,1\nB,1\nC,2\n",
        '{"1": ["A", "B"], "2": ["C"]}',
        '{"A": "1", "B": "1", "C": "2"}',
        '[["A", "B"], ["C"]]',
    ],
)
def test_lists_of_groups_are_read_in_several_formats(tmp_path, text):
    table = read_groups(written(tmp_path, text, "groups"))
    assert table["id"].tolist() == ["A", "B", "C"]
    assert table["group"].tolist() == ["1", "1", "2"]
    assert table["species"].tolist() == [None, None, None]


def test_a_table_of_groups_is_read_as_a_list_of_groups(tmp_path):
    assert read_groups(written(tmp_path, GROUPS))["species"].tolist() == [".", ".", "x"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A 1\nB 1\nA 2\n", "groups:3: 'A' is in group '2' here and in '1' above; a gene must be in one group"),
        ("A 1\nB\n", "groups:2: a gene and its group are expected; separate them with a tab"),
        ("# nothing\n", "this list names no gene"),
        ('["A", "B"]', "group '1' is not a list of gene ids; write"),
        ('{"A": 1}', "group 'A' is not a list of gene ids; write"),
        ('{"A": }', "groups:1: this is not valid JSON"),
    ],
)
def test_an_invalid_list_of_groups_is_refused(tmp_path, text, message):
    with pytest.raises(BadTable, match=message):
        read_groups(written(tmp_path, text, "groups"))


@pytest.mark.parametrize(
    "text",
    [
        "Orthogroup\tath\tosa\nOG0\tA.1, B.1\t\nOG1\tC.1\tX, Y\n",
        "OG0: A.1 B.1\nOG1: C.1 X Y\n",
        "HOG\tOG\tGene Tree Parent Clade\tath\tosa\nOG0\tOG0\t-\tA.1, B.1\t\nOG1\tOG1\tn0\tC.1\tX, Y\n",
    ],
)
def test_groups_of_orthofinder_are_read(tmp_path, text):
    path = tmp_path / "Orthogroups.tsv"
    path.write_text(text)
    groups = read_groups(path)
    assert dict(zip(groups["id"], groups["group"], strict=True)) == {
        "A.1": "OG0",
        "B.1": "OG0",
        "C.1": "OG1",
        "X": "OG1",
        "Y": "OG1",
    }
