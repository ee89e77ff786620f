"""Which column has the ids of rows, and sums over the transcripts of a gene."""

import logging

import pytest

from kanseq.errors import BadTable
from kanseq.genome.expression.tpm import read_expression

# Values of column a: 12.5 and 0.0 for the transcripts of LOC_1, then 3.75 and 250.1.
SUMS = {"LOC_1": 12.5, "LOC_2": 3.75, "LOC_3": 250.1}


@pytest.mark.parametrize(
    "headers",
    [
        ["X=rows", "symbol=text", "gene_id=genes", "leaf=a"],
        ["=entrez", "symbol=text", "gene_id=genes", "leaf=a"],
        ["chr=chromosomes", "start=starts", "end=ends", "gene_id=genes", "leaf=a"],
        ["Gene Name=text", "Gene ID=genes", "leaf=a"],
        ["pacId=entrez", "locusName=genes", "leaf=a"],
    ],
)
def test_ids_are_not_read_from_a_first_column_that_plainly_has_none(table, caplog, headers):
    caplog.set_level(logging.INFO)
    found = read_expression([table(headers)])
    assert found.tpm["leaf"].to_dict() == {"LOC_1": 12.5, "LOC_2": 0.0, "LOC_3": 3.75, "LOC_4": 250.1}
    assert "ids are read from column" in caplog.text


@pytest.mark.parametrize("names", [("", "gene_id"), ("Unnamed: 0", "name"), ("", "probe")])
def test_row_numbers_in_an_unnamed_column_are_left_out(table, names):
    found = read_expression([table([f"{names[0]}=rows", f"{names[1]}=genes", "leaf=a"])])
    assert found.tpm["leaf"].to_dict() == {"LOC_1": 12.5, "LOC_2": 0.0, "LOC_3": 3.75, "LOC_4": 250.1}


@pytest.mark.parametrize(
    "headers",
    [
        ["id=rows", "Name=genes", "Description=text", "leaf=a"],
        ["leaf=a", "gene_id=genes"],
        ["leaf=a", "root=b", "Gene=genes"],
        ["Species=same", "Gene=genes", "leaf=a"],
        ["No.=rows", "Locus ID=genes", "leaf=a"],
    ],
)
def test_ids_are_read_from_another_column_if_the_first_has_numbers_or_one_value(table, headers):
    found = read_expression([table(headers)])
    assert found.tpm["leaf"].to_dict() == {"LOC_1": 12.5, "LOC_2": 0.0, "LOC_3": 3.75, "LOC_4": 250.1}


def test_ids_after_the_samples_of_a_data_frame_of_r_are_read(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text('"leaf" "gene_id"\n"1" 7.5 "AT1"\n"2" 0.5 "AT2"\n')
    assert read_expression([path]).tpm["leaf"].to_dict() == {"AT1": 7.5, "AT2": 0.5}


def test_numbers_in_the_first_column_are_ids_if_its_name_says_so(table):
    found = read_expression([table(["gene_id=rows", "symbol=symbols", "leaf=a"])])
    assert list(found.tpm.index) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("headers", "id_column"),
    [
        (["tx=transcripts", "gene_id=genes_of_transcripts", "leaf=a"], None),
        (["tx=transcripts", "gene_id=genes_of_transcripts", "leaf=a"], "gene_id"),
        (["gene_id=genes_of_transcripts", "transcript_id=transcripts", "leaf=a"], None),
        (["=rows", "transcript_id=transcripts", "gene_id=genes_of_transcripts", "leaf=a"], None),
        (["id=transcripts", "locus=genes_of_transcripts", "leaf=a"], None),
        (["gene=transcripts", "locus=genes_of_transcripts", "leaf=a"], None),
        (["target_id=transcripts", "GENEID=genes_of_transcripts", "tpm_leaf=a"], None),
    ],
)
def test_transcripts_are_summed_per_gene_of_a_column_of_the_table(table, caplog, headers, id_column):
    caplog.set_level(logging.INFO)
    found = read_expression([table(headers)], id_column=id_column)
    assert found.tpm.iloc[:, 0].to_dict() == SUMS
    assert "the rows are transcripts" in caplog.text


def test_genes_with_the_same_symbol_are_not_summed(table):
    assert len(read_expression([table(["gene_id=genes", "gene=text", "leaf=a"])]).tpm) == 4


def test_a_mapping_of_transcripts_is_preferred_to_a_column_of_the_table(table):
    gene_of = {"LOC_1.1": "X", "LOC_1.2": "Y", "LOC_2.1": "X", "LOC_3.1": "Y"}
    path = table(["gene_id=genes_of_transcripts", "tx=transcripts", "leaf=a"])
    assert read_expression([path], gene_of=gene_of).tpm["leaf"].to_dict() == {"X": 16.25, "Y": 250.1}


def test_a_row_per_gene_and_sample_is_refused_before_its_columns_are_chosen(table):
    headers = ["gene=genes_of_transcripts", "condition=text", "mean=a", "min=b", "max=c"]
    with pytest.raises(BadTable, match=r"duplicate id 'LOC_1'; the column 'condition' suggests a row per gene"):
        read_expression([table(headers)])


def test_a_row_per_gene_and_sample_is_refused_with_a_hint(table):
    with pytest.raises(
        BadTable, match=r"table.tsv:3: duplicate id 'LOC_1'; the column 'tissue' suggests a row per gene"
    ):
        read_expression([table(["Gene=genes_of_transcripts", "tissue=text", "nTPM=a"])])
