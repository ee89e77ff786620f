"""Tables of transcripts and genes as R, BioMart and nf-core write them."""

import logging

import pandas as pd
import pytest

from kanseq.errors import BadTable, MalformedLine
from kanseq.genome.annotation.tx2gene import read_tx2gene

PAIRS = {"T1": "A", "T2": "A", "T3": "B"}


def read(folder, text):
    path = folder / "tx2gene.tsv"
    path.write_text(text)
    return read_tx2gene(path)


@pytest.mark.parametrize(
    "text",
    [
        "T1\tA\nT2\tA\nT3\tB\n",
        "T1 A\nT2   A\nT3 B\n",
        "T1,A\r\nT2,A\r\nT3,B\r\n",
        "T1;A\nT2;A\nT3;B\n",
        "TXNAME\tGENEID\nT1\tA\nT2\tA\nT3\tB\n",
        '"","TXNAME","GENEID"\n"1","T1","A"\n"2","T2","A"\n"3","T3","B"\n',
        '"TXNAME" "GENEID"\n"1" "T1" "A"\n"2" "T2" "A"\n"3" "T3" "B"\n',
        '"","GENEID","TXNAME"\n"1","A","T1"\n"2","A","T2"\n"3","B","T3"\n',
        '"","tx","locus"\n"1","T1","A"\n"2","T2","A"\n"3","T3","B"\n',
        '"","a","b"\n"1","T1","A"\n"2","T2","A"\n"3","T3","B"\n',
        '"a" "b"\n"1" "T1" "A"\n"2" "T2" "A"\n"3" "T3" "B"\n',
        "gene_id\ttranscript_id\nA\tT1\nA\tT2\nB\tT3\n",
        "transcript_id\tgene_id\tgene_name\nT1\tA\tnameA\nT2\tA\tnameA\nT3\tB\tnameB\n",
        "T1\tA\tnameA\nT2\tA\tnameA\nT3\tB\n",
        "Gene stable ID,Transcript stable ID\nA,T1\nA,T2\nB,T3\n",
        "Gene stable ID,Gene stable ID version,Transcript stable ID\nA,A.3,T1\nA,A.3,T2\nB,B.1,T3\n",
        "Gene name\tProtein stable ID\nA\tT1\nA\tT2\nB\tT3\n",
        "# made by x\nTitle of the table\n\ntarget_id\tens_gene\text_gene\nT1\tA\tx\nT2\tA\tx\nT3\tB\ty\n",
        "#gene_id\ttranscript_id\nA\tT1\nA\tT2\nB\tT3\n",
        "#name\tvalue\nT1\tA\nT2\tA\nT3\tB\n",
        "transcript_id\tname\nT1\tA\nT2\tA\nT3\tB\n",
        "gene\tname\nA\tT1\nA\tT2\nB\tT3\n",
    ],
)
def test_the_header_determines_the_columns(tmp_path, text):
    assert read(tmp_path, text) == PAIRS


def test_transcripts_are_known_with_and_without_version(tmp_path):
    text = "Gene stable ID,Transcript stable ID,Transcript stable ID version\nA,T1,T1.4\nB,T2,T2.1\n"
    assert read(tmp_path, text) == {"T1": "A", "T1.4": "A", "T2": "B", "T2.1": "B"}


def test_transcripts_without_a_gene_are_left_out_with_one_warning(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert read(tmp_path, "TXNAME,GENEID\nT1,A\nT2,\nT3,NA\n,B\nT4,.\n") == {"T1": "A"}
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'tx2gene.tsv'}: rows without a transcript or a gene that are left out: 4"
    ]


def test_the_names_of_columns_in_memory_determine_their_meaning():
    table = pd.DataFrame({"GENEID": ["A", "A", "B"], "TXNAME": ["T1", "T2", "T3"]})
    assert read_tx2gene(table) == PAIRS
    assert read_tx2gene(table[["TXNAME", "GENEID"]].set_axis([0, 1], axis=1)) == PAIRS


def test_a_transcript_of_two_genes_is_refused(tmp_path):
    with pytest.raises(BadTable, match=r"tx2gene.tsv:3: 'T1' belongs to 'B' here and to 'A' above$"):
        read(tmp_path, "T1,A\nT2,A\nT1,B\n")


def test_genes_in_the_first_column_without_a_header_are_refused_with_a_hint(tmp_path):
    rows = "A\tT1\nA\tT2\nB\tT3\n"
    with pytest.raises(BadTable, match=r"add the header line 'gene_id', tab, 'transcript_id'"):
        read(tmp_path, rows)
    assert read(tmp_path, "gene_id\ttranscript_id\n" + rows) == PAIRS


def test_a_line_with_one_column_is_refused(tmp_path):
    with pytest.raises(MalformedLine, match=r"tx2gene.tsv:2: two columns are required"):
        read(tmp_path, "T1\tA\nT2\n")


def test_an_annotation_is_refused_with_a_hint(tmp_path):
    with pytest.raises(BadTable, match=r"this is a GTF or GFF3 file, not a table; use --annotation instead"):
        read(tmp_path, '1\tx\texon\t1\t9\t.\t+\t.\tgene_id "A"; transcript_id "A.1";\n')
