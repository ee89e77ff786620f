"""Units of expression tables: warnings, refusals, and conversion to TPM."""

import pandas as pd
import pytest

from kanseq.errors import BadTable
from kanseq.genome.expression.tpm import check_expression, read_expression

G = "gene_id=genes"


@pytest.mark.parametrize(
    ("headers", "unit", "message"),
    [
        ([G, "leaf_FPKM=a", "root_FPKM=b"], "FPKM", "the values are FPKM, but TPM are expected"),
        ([G, "leaf_rpkm=a"], "RPKM", "the values are RPKM"),
        ([G, "leaf_cpm=a"], "CPM", "CPM depend on the length of the gene"),
        ([G, "leaf_counts=counts"], "counts", "counts depend on the length of the gene"),
        ([G, "expected_count=a"], "counts", "the values are counts"),
        ([G, "leaf=counts", "root=more counts"], "counts (assumed)", "all values are whole numbers"),
        ([G, "leaf=a", "root=b", "max_FPKM=c"], "FPKM", "the values are FPKM"),
        ([G, "wt=a", "mut=b", "baseMean=mean of a and b", "padj=p"], "counts", "the values are counts"),
    ],
)
def test_a_unit_other_than_tpm_is_reported(table, caplog, headers, unit, message):
    assert read_expression([table(headers)]).unit == unit
    assert caplog.text.count("TPM are expected") == 1
    assert message in caplog.text


@pytest.mark.parametrize(
    ("headers", "unit"),
    [
        ([G, "leaf=a"], "TPM (assumed)"),
        ([G, "leaf=few"], "TPM (assumed)"),
        ([G, "leaf_TPM=counts"], "TPM"),
        ([G, "leaf=a", "logMaxTPM=logs"], "TPM"),
    ],
)
def test_tpm_are_read_without_a_warning_about_the_unit(table, caplog, headers, unit):
    assert read_expression([table(headers)]).unit == unit
    assert "TPM are expected" not in caplog.text


def test_counts_are_reported_for_selected_samples_too(table, caplog):
    read_expression([table([G, "leaf=counts", "root=a"])], samples=["leaf"])
    assert "all values are whole numbers, which suggests counts" in caplog.text


def test_the_name_of_the_file_states_the_unit_if_no_column_does(table, caplog):
    headers = [G, "gene_name=symbols", "WT_REP1=a", "WT_REP2=b"]
    assert read_expression([table(headers, "salmon.merged.gene_counts.tsv")]).unit == "counts (assumed)"
    assert "the name of the file suggests counts" in caplog.text
    assert read_expression([table([*headers, "logMaxTPM=logs"], "leaf_counts.csv.tsv")]).unit == "TPM"


@pytest.mark.parametrize(
    ("above", "unit"),
    [
        ("Table S4. FPKM of all genes\t\t\n", "FPKM (assumed)"),
        ("# RPKM, RNA-seq of two tissues\n", "RPKM (assumed)"),
        ("\tExpression (CPM)\t\n", "CPM (assumed)"),
        ("Read counts (normalised)\n", "counts (assumed)"),
        ("\tFPKM\tFPKM\n", "FPKM (assumed)"),
        ("TPM from read counts\n", "TPM (assumed)"),
        ("Expression of leaves\n", "TPM (assumed)"),
    ],
)
def test_a_title_or_comment_states_the_unit_if_no_column_does(tmp_path, caplog, above, unit):
    path = tmp_path / "t.tsv"
    path.write_text(f"{above}gene\tleaf\troot\nA\t1.5\t2\nB\t3\t4\n")
    assert read_expression([path]).unit == unit
    assert ("a title or comment suggests" in caplog.text) == (not unit.startswith("TPM"))


def test_the_title_is_preferred_to_the_name_of_the_file(tmp_path):
    path = tmp_path / "counts.tsv"
    path.write_text("TPM of genes\ngene\tleaf\nA\t1.5\nB\t3\n")
    assert read_expression([path]).unit == "TPM (assumed)"


@pytest.mark.parametrize(
    ("name", "genes", "largest", "warned"),
    [
        ("log2_tpm.txt", 3, 12.5, True),
        ("tpm.txt", 600, 12.5, True),
        ("tpm.txt", 3, 12.5, False),
        ("log_phase.txt", 3, 250.5, False),
    ],
)
def test_logarithms_are_reported(tmp_path, caplog, name, genes, largest, warned):
    path = tmp_path / name
    path.write_text("gene\tleaf\n" + "".join(f"g{row}\t{largest - row / 7000}\n" for row in range(genes)))
    read_expression([path])
    assert ("which suggests logarithms" in caplog.text) == warned


def test_sums_that_are_too_large_for_tpm_are_reported(tmp_path, caplog):
    path = tmp_path / "t.csv"
    path.write_text("gene,s\nA,2000000.5\nB,1\n")
    read_expression([path])
    assert "add up to 2,000,002, but TPM add up to 1,000,000" in caplog.text


def test_samples_in_two_units_are_refused_and_each_choice_in_the_message_works(table):
    path = table([G, "leaf_FPKM=a", "root_FPKM=b", "leaf_count=counts", "root_count=more counts"])
    with pytest.raises(BadTable, match="none of which is TPM") as caught:
        read_expression([path])
    assert str(caught.value).endswith("use --samples leaf_FPKM,root_FPKM or --samples leaf_count,root_count")
    assert read_expression([path], samples=["leaf_FPKM", "root_FPKM"]).unit == "FPKM"
    assert read_expression([path], samples=["leaf_count", "root_count"]).unit == "counts"


def test_columns_of_which_it_is_unclear_whether_they_are_samples_are_refused(table):
    path = table([G, "signal=a", "leaf_count=counts", "root_count=more counts"])
    with pytest.raises(BadTable, match=r"use --samples signal or --samples leaf_count,root_count"):
        read_expression([path])
    assert list(read_expression([path], samples=["signal"]).tpm.columns) == ["signal"]


@pytest.mark.parametrize("name", ["Length", "Geneid"])
def test_a_column_of_feature_counts_that_is_no_sample_cannot_be_selected(tmp_path, name):
    path = tmp_path / "counts.txt"
    path.write_text(FEATURE_COUNTS)
    with pytest.raises(BadTable, match=f"the column '{name}' is missing; it has leaf.bam, root.bam"):
        read_expression([path], samples=[name])


def test_selected_samples_in_two_units_are_refused(table):
    with pytest.raises(BadTable, match=r"TPM \(TPM\), counts \(expected_count\)"):
        read_expression([table([G, "TPM=a", "expected_count=counts"])], samples=["TPM", "expected_count"])


def test_tables_in_different_units_are_refused(table):
    paths = [table([G, "leaf_TPM=a"], "a.tsv"), table([G, "root_FPKM=b"], "b.tsv")]
    with pytest.raises(BadTable, match=r"b.tsv: the values are FPKM, but those of .*a.tsv are TPM"):
        read_expression(paths)


@pytest.mark.parametrize(
    ("headers", "hint"),
    [
        (["gene=genes", "baseMean=c", "log2FoldChange=changes", "padj=p"], "use --samples baseMean to use this column"),
        (["gene=genes", "mean=a", "max=b"], "use --samples mean to use this column"),
        (["gene=genes", "log2_leaf=logs", "log2_root=logs"], "pass TPM, not logarithms"),
        (["gene=genes", "length=lengths", "symbol=symbols"], "pass a table with TPM"),
    ],
)
def test_a_table_without_samples_is_refused_with_help(table, headers, hint):
    path = table(headers)
    with pytest.raises(BadTable, match="no column looks like a sample") as caught:
        read_expression([path])
    assert str(caught.value).endswith(hint)
    if "--samples" in hint:
        name = hint.split()[2]
        assert list(read_expression([path], samples=[name]).tpm.columns) == [name]


def test_lengths_of_genes_are_refused_by_the_name_of_the_file(table):
    path = table([G, "WT_REP1=lengths"], "salmon.merged.gene_lengths.tsv")
    with pytest.raises(BadTable, match="suggest lengths of genes"):
        read_expression([path])
    assert read_expression([path], samples=["WT_REP1"]).tpm.shape == (4, 1)


FEATURE_COUNTS = (
    "# Program:featureCounts v2.0.3\n"
    "Geneid\tChr\tStart\tEnd\tStrand\tLength\tleaf.bam\troot.bam\n"
    "A\t1;1\t1;9\t5;20\t+;+\t1000\t30\t0\nB\t1\t30\t40\t-\t500\t5\t7\nC\t1\t50\t60\t-\t2000\t0\t0\n"
)


def test_tpm_are_computed_from_the_counts_and_lengths_of_feature_counts(tmp_path, caplog):
    path = tmp_path / "counts.txt"
    path.write_text(FEATURE_COUNTS)
    found = read_expression([path])
    # Reads per base: 0.03, 0.01 and 0 in the leaf, so TPM are 750,000, 250,000 and 0.
    assert found.tpm["leaf.bam"].round(6).tolist() == [750_000, 250_000, 0]
    assert found.tpm["root.bam"].round(6).tolist() == [0, 1_000_000, 0]
    assert found.unit == "TPM (computed from counts and lengths)"
    assert "TPM are expected" not in caplog.text


def test_a_length_of_zero_is_refused(tmp_path):
    path = tmp_path / "counts.txt"
    path.write_text(FEATURE_COUNTS.replace("\t500\t", "\t0\t"))
    with pytest.raises(BadTable, match=r"counts.txt:4: column 'Length', gene 'B': the length is 0"):
        read_expression([path])


def test_whole_numbers_in_a_table_in_memory_are_reported(caplog):
    assert check_expression(pd.DataFrame({"s": [100, 0]}, index=["A", "B"])).unit == "counts (assumed)"
    assert "the table: all values are whole numbers" in caplog.text


def test_samples_that_are_not_listed_are_reported(table, caplog):
    found = read_expression([table([G, "leaf=a", "root=b", "stem=c", "GeneID=entrez"])], samples=["root"])
    assert list(found.tpm.columns) == ["root"]
    assert "the sample sheet does not list are not used: 'leaf', 'stem'" in caplog.text
