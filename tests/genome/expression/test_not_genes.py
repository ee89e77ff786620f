"""Rows of expression tables that are not genes."""

import logging

import pytest

from kanseq.errors import BadTable
from kanseq.genome.expression.not_genes import is_date
from kanseq.genome.expression.tpm import read_expression


def read(folder, caplog, text):
    path = folder / "t.tsv"
    path.write_text(text)
    with caplog.at_level(logging.WARNING):
        found = read_expression([path])
    return list(found.tpm.index), [record.getMessage().removeprefix(str(path)) for record in caplog.records]


def test_counters_of_htseq_are_left_out(tmp_path, caplog):
    text = "gene\ts\nQ1\t1\nQ2\t2\n__no_feature\t9\n__too_low_aQual\t0\n__not_aligned\t8\n__alignment_not_unique\t7\n"
    ids, messages = read(tmp_path, caplog, text)
    assert ids == ["Q1", "Q2"]
    assert messages == [
        ":4: rows that are left out (4): counters of HTSeq or STAR: __no_feature, __too_low_aQual, __not_aligned, … (4)"
    ]


def test_counters_of_star_and_of_old_htseq_are_left_out(tmp_path, caplog):
    ids, _ = read(tmp_path, caplog, "gene\ts\nN_unmapped\t1\nN_noFeature\t2\nN_gene\t3\nambiguous\t5\n")
    assert ids == ["N_gene", "ambiguous"]
    ids, _ = read(tmp_path, caplog, "gene\ts\nQ1\t3\nno_feature\t1\nambiguous\t2\nalignment_not_unique\t5\n")
    assert ids == ["Q1"]


def test_dates_are_left_out_with_one_warning(tmp_path, caplog):
    ids, messages = read(tmp_path, caplog, "gene\ts\nQ1\t1\n1-Mar\t2\n1-Mar\t3\n2-Sep\t4\nSEPT7\t5\n")
    assert ids == ["Q1", "SEPT7"]
    assert messages == [
        ":3: rows that are left out (3): names of genes that a spreadsheet changed to dates: 1-Mar, 2-Sep"
    ]


def test_numbers_of_dates_are_left_out_if_the_other_names_are_no_numbers(tmp_path, caplog):
    assert read(tmp_path, caplog, "gene\ts\nTP53\t1\n44075\t2\nMYC\t3\nABL1\t3\n")[0] == ["TP53", "MYC", "ABL1"]
    assert read(tmp_path, caplog, "gene\ts\n44075\t2\n44076\t3\n839580\t3\n")[0] == ["44075", "44076", "839580"]
    assert read(tmp_path, caplog, "gene\ts\nTP53\t1\n44250\t2\nMYC\t3\nABL1\t3\n")[0] == [
        "TP53",
        "44250",
        "MYC",
        "ABL1",
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("3-Sep", "10-MAR", "2-mrz", "05.Dez", "1. Mär", "1 sept.", "7-déc", "4/Apr", "1-Sep-21", "12-Dec-2021"),
        *("Mar-02", "Sep-12", "Dez 01", "sept-01", "2021-03-01", "2021/03/01", "01.03.2021", "3/1/2021", "3/1/21"),
        *("2021-03-01 00:00:00", "9月1日"),
    ],
)
def test_dates_of_spreadsheets_are_recognised(name):
    assert is_date(name)


@pytest.mark.parametrize(
    "name",
    [
        *("SEP3", "MAR1", "Sep15", "MARCH1", "MARCHF1", "SEPTIN2", "DEC1", "Oct4", "sep-1", "SEP-1", "apr-1", "set-17"),
        *("dec-2", "mars-1", "jun-1", "mai-1", "nov", "14-3-3", "1-AT1G01010", "AUG-g10", "may_1", "1.2.3", "2-ODD"),
    ],
)
def test_names_of_genes_are_not_taken_for_dates(name):
    assert not is_date(name)


def test_rows_without_a_gene_name_are_left_out(tmp_path, caplog):
    ids, messages = read(tmp_path, caplog, "symbol\ts\nQ1\t1\nNA\t2\nNA\t3\nnan\t4\n")
    assert ids == ["Q1", "nan"]
    assert messages == [":3: rows that are left out (2): no gene name: NA"]
    assert read(tmp_path, caplog, "symbol\ts\nQ1\t1\nnan\t2\nnan\t3\n")[0] == ["Q1"]


@pytest.mark.parametrize(
    ("rows", "left"),
    [
        ("Mean,2,5\n", ["A", "B", "C"]),
        ("Total,6,15\nAverage,2,5\nSD,1,1\n", ["A", "B", "C"]),
        ("Max,3,6\n", ["A", "B", "C"]),
        ("Max,7.5,0.5\n", ["A", "B", "C", "Max"]),
    ],
)
def test_last_rows_that_summarise_the_others_are_left_out(tmp_path, rows, left):
    path = tmp_path / "t.csv"
    path.write_text("gene,leaf,root\nA,1,4\nB,2,5\nC,3,6\n" + rows)
    assert list(read_expression([path]).tpm.index) == left


def test_a_last_row_with_sums_is_left_out(tmp_path, caplog):
    ids, messages = read(tmp_path, caplog, "gene;a;b\nQ1;1,5;2\nQ2;3;4\nSumme;4,5;6\n")
    assert ids == ["Q1", "Q2"]
    assert messages == [":4: the row 'Summe' has the sums of the other rows and is left out"]
    assert read(tmp_path, caplog, "gene,a,b\nQ1,1,2\nQ2,3,4\nSUM,4,7\n")[0] == ["Q1", "Q2", "SUM"]


def test_a_row_without_a_name_is_refused(tmp_path, caplog):
    with pytest.raises(BadTable, match=r"t.tsv:3: no name in column 'gene'"):
        read(tmp_path, caplog, "gene\ts\nQ1\t1\n\t2\nQ3\t3\n")


def test_a_table_without_any_gene_is_refused(tmp_path, caplog):
    with pytest.raises(BadTable, match="no row has the name of a gene in column 'gene'"):
        read(tmp_path, caplog, "gene\ts\n__no_feature\t1\n__ambiguous\t2\n")


def test_samples_with_commas_in_their_names_are_selected_by_the_values_of_an_option(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("gene\tbud, dark\troot\nQ1\t1\t2\n")
    found = read_expression([path], samples=["root", "bud", "dark"])
    assert found.tpm.to_dict("list") == {"root": [2.0], "bud, dark": [1.0]}
