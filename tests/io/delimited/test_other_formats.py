"""Files that are no tables are named."""

import pytest

from kanseq.errors import BadTable
from kanseq.io.delimited.reading import read_delimited

GTF = '1\tStringTie\ttranscript\t{0}1\t{0}9\t1000\t+\t.\tgene_id "G{0}"; TPM "2.5";\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "# StringTie\n" + GTF.format(1) + GTF.format(2),
            "this is a GTF or GFF3 file, not a table; pass",
        ),
        ("1\t10\t90\tG1\t2.5\t+\n1\t100\t190\tG2\t3\t-\n", "this is a BED file, not an expression table; write"),
        ("track name=x\nX\t10\t90\t0.5\nX\t90\t95\t2\n", "this is a BED file"),
        ("%%MatrixMarket matrix coordinate integer general\n2 2 2\n1 1 5\n2 2 7\n", "this is a Matrix Market file"),
        (">G1\nACGT\n>G2\nACGT\n", "this is a FASTA file, not a table"),
        ('"gene,leaf"\n"G1,2.5"\n"G2,3"\n', "each line is quoted as a whole; remove the first and last quote"),
    ],
)
def test_files_of_other_formats_are_named(tmp_path, text, message):
    path = tmp_path / "t.txt"
    path.write_text(text)
    with pytest.raises(BadTable) as caught:
        read_delimited(path)
    assert message in str(caught.value)


def test_lines_without_their_outer_quotes_can_be_read(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("gene,leaf\nG1,2.5\nG2,3\n")
    assert list(read_delimited(path).frame["leaf"]) == [2.5, 3]


@pytest.mark.parametrize(
    "text",
    [
        "#chr\tstart\tend\tgene_id\tleaf\n1\t10\t90\tG1\t2.5\n1\t100\t190\tG2\t3\n",
        "G1\t1\t7\t9\nG2\t2\t3\t9\n",
        '"gene"\t"leaf"\n"G1"\t2.5\n"G2"\t3\n',
    ],
)
def test_tables_like_those_formats_are_read(tmp_path, text):
    path = tmp_path / "t.txt"
    path.write_text(text)
    assert len(read_delimited(path).frame) == 2


def test_characters_without_a_width_are_removed(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("gene_id\tleaf\n\u200bG1\t2.5\nG\u20602\t3\n")
    assert list(read_delimited(path).frame["gene_id"]) == ["G1", "G2"]
