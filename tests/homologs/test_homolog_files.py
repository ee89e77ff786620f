import gzip

import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable, MissingFile
from kanseq.homologs.homolog_files import read_groups, read_hits, read_homologs
from kanseq.io.tables.dialect import write_table
from kanseq.io.tables.gene_tables import HOMOLOG_PAIRS

GROUPS = "species\tid\tgroup\n.\tA\t1\n.\tB\t1\nx\tA\t2\n"
PAIRS = "species\tid\tspecies_2\tid_2\tevalue\tbits\tcoverage\tidentity\n.\tA\t.\tB\t1e-20\t80.5\t75.0\t41.2\n"
HIT = "A\tB\t41.2\t100\t50\t2\t11\t110\t1\t100\t1e-20\t80.5"


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
    ("text", "columns", "length"),
    [
        (HIT + "\n", (), None),
        (HIT + "\t200\n", (), 200),
        (HIT + "\t200\t180\t50\n", (), 200),
        (
            "qseqid\tsseqid\tevalue\tbitscore\tpident\tqlen\tqstart\tqend\nA\tB\t1e-20\t80.5\t41.2\t200\t11\t110\n",
            (),
            200,
        ),
        ("query\ttarget\tevalue\tbits\tpident\tqstart\tqend\nA\tB\t1e-20\t80.5\t41.2\t11\t110\n", (), None),
        (
            "A\tB\t1e-20\t80.5\t41.2\t11\t110\n",
            ["qseqid", "sseqid", "evalue", "bitscore", "pident", "qstart", "qend"],
            None,
        ),
        (
            "# BLASTP 2.12.0+\n# Query: A\n# Fields: query acc.ver, subject acc.ver, % identity, alignment length, "
            "mismatches, gap opens, q. start, q. end, s. start, s. end, evalue, bit score, query length\n"
            "# 1 hits found\n" + HIT + "\t200\n# BLAST processed 1 queries\n",
            (),
            200,
        ),
    ],
)
def test_tables_of_hits_are_read_in_several_formats(tmp_path, text, columns, length):
    hits = read_hits(written(tmp_path, text), columns)
    assert hits[["qseqid", "sseqid", "pident", "qstart", "qend", "evalue", "bitscore"]].iloc[0].tolist() == [
        "A",
        "B",
        41.2,
        11,
        110,
        1e-20,
        80.5,
    ]
    assert ("qlen" in hits) == (length is not None)
    assert length is None or hits["qlen"].tolist() == [length]


def test_positions_on_the_reverse_strand_are_swapped(tmp_path):
    hits = read_hits(written(tmp_path, HIT.replace("11\t110", "110\t11") + "\n"))
    assert (hits["qstart"][0], hits["qend"][0]) == (11, 110)


@pytest.mark.parametrize("text", ["", "# BLASTP 2.12.0+\n# 0 hits found\n"])
def test_an_empty_table_of_hits_is_valid(tmp_path, text):
    assert len(read_hits(written(tmp_path, text))) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A\tB\t41.2\n", "3 columns, but outfmt 6 has 12 .*; use --hit-columns"),
        (HIT.replace("80.5", "x") + "\n", r"'x' is not a number \(column 'bitscore' of hit 1\)"),
        (HIT.replace("1e-20", "nan") + "\n", r"'nan' is not a number \(column 'evalue'"),
        (HIT + "\t50\n", "hit 1 ends at 110 of a query of 50 letters; column 13 is read as qlen"),
        (HIT + "\n" + HIT + "\tmore\tand more\n", "this is not a table of hits"),
        ("qseqid\tsseqid\tevalue\nA\tB\t1\n", "the columns pident, qstart, qend, bitscore are missing"),
    ],
)
def test_invalid_tables_of_hits_are_refused(tmp_path, text, message):
    with pytest.raises(BadTable, match=message):
        read_hits(written(tmp_path, text))


def test_hit_columns_must_include_the_required_ones(tmp_path):
    with pytest.raises(BadOption, match="--hit-columns: evalue is missing; required are qseqid"):
        read_hits(written(tmp_path, HIT + "\n"), ["qseqid", "sseqid", "pident", "qstart", "qend", "bitscore"])
    with pytest.raises(BadTable, match="12 columns, but 7 are named"):
        read_hits(written(tmp_path, HIT + "\n"), ["qseqid", "sseqid", "pident", "qstart", "qend", "evalue", "bitscore"])
