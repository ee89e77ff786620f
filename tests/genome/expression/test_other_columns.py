"""Columns next to samples: derived from them, properties of genes, without a name; and samples named like those."""

import pytest

from kanseq.errors import BadTable
from kanseq.genome.expression.tpm import read_expression

GENES = 30
LEAF, ROOT = [1.25 + 3 * row for row in range(GENES)], [90.5 - 2 * row for row in range(GENES)]
LARGE = [5000.25 + 7 * row for row in range(GENES)]
NEGATIVE = [2.5 - row for row in range(GENES)]
COUNTS = [(row * 37) % 11 for row in range(GENES)]
IDS = [839_580 + 13 * row for row in range(GENES)]


def write(folder, columns, name="t.tsv", header=True):
    """Write a table with genes in its first column."""
    lines = [["gene", *columns]] if header else []
    lines += [[f"AT{row}G1", *(str(values[row]) for values in columns.values())] for row in range(GENES)]
    path = folder / name
    path.write_text("".join("\t".join(line) + "\n" for line in lines))
    return path


def samples(path, **options):
    return list(read_expression([path], **options).tpm.columns)


@pytest.mark.parametrize(
    "name",
    [
        "TPM_FC",
        "TPM fold change",
        "TPM ratio (leaf/root)",
        "deltaTPM",
        "TPM_diff",
        "zTPM",
        "leaf_TPM_Q1",
        "leaf_TPM_IQR",
        "TPM percentile",
        "TPM_threshold",
        "TPM_score",
        "root_TPM/leaf_TPM",
        "TPM root vs leaf",
        "log2(leaf TPM)",
    ],
)
@pytest.mark.parametrize("values", [LARGE, NEGATIVE])
def test_columns_derived_from_tpm_are_no_samples(tmp_path, name, values):
    columns = {"leaf_TPM": LEAF, "root_TPM": ROOT, name: values}
    if name == "log2(leaf TPM)":
        columns[name] = [value % 20 for value in values]
    assert samples(write(tmp_path, columns)) == ["leaf_TPM", "root_TPM"]


@pytest.mark.parametrize(
    "names",
    [
        ["undiff_TPM", "diff_TPM"],
        ["TPM_undiff", "TPM_diff"],
        ["WT_TPM", "delta_sigB_TPM"],
        ["FPKM_q1", "FPKM_q2"],
        ["TPM_N", "TPM_P", "TPM_K"],
    ],
)
def test_names_of_samples_in_tpm_that_are_like_those_of_derived_columns(tmp_path, names):
    assert samples(write(tmp_path, dict(zip(names, (LEAF, ROOT, LARGE), strict=False)))) == names


@pytest.mark.parametrize(
    "name",
    [
        "MW (kDa)",
        "pI",
        "Isoelectric point",
        "Bit score",
        "E-value",
        "Score",
        "FC",
        "Fold",
        "Ratio",
        "Ratio root/leaf",
        "Difference",
        "Ka/Ks",
        "dN/dS",
        "dS",
        "StDev",
        "Start (Mb)",
        "Position (kb)",
        "Gene size (kb)",
        "X.1",
        "...4",
        "Column3",
    ],
)
def test_properties_of_genes_are_no_samples(tmp_path, name):
    assert samples(write(tmp_path, {"leaf": LEAF, "root": ROOT, name: LARGE})) == ["leaf", "root"]


@pytest.mark.parametrize(
    "name",
    [
        "Transcription start site (TSS)",
        "Transcript length (including UTRs and CDS)",
        "start_hg38",
        "end_GRCm39",
        "entrez_human",
    ],
)
def test_columns_of_biomart_are_no_samples_next_to_counts(tmp_path, name):
    columns = {"leaf": COUNTS, "root": COUNTS[::-1], name: IDS}
    assert samples(write(tmp_path, columns)) == ["leaf", "root"]


@pytest.mark.parametrize(
    "names",
    [
        ["leaf_std", "leaf_drought"],
        ["WT_SEM", "WT_LEM"],
        ["Bintje_var", "Desiree_var", "Innovator_var"],
        ["pme_1", "WT_1", "pme_2"],
        ["vst1_rep1", "WT_rep1"],
        ["log2_rep1", "WT_rep1"],
        ["LFC_1", "control_1"],
        ["seed_dispersion", "seed_set"],
        ["low_abundance", "high_abundance", "mid"],
        ["V5", "V7", "R1"],
    ],
)
def test_names_of_samples_are_kept_if_their_numbers_do_not_agree_with_another_meaning(tmp_path, names):
    found = dict(zip(names, (LEAF, ROOT, LARGE), strict=False))
    assert samples(write(tmp_path, found)) == names


def test_deviations_and_variances_of_samples_are_no_samples(tmp_path):
    columns = {"leaf": LEAF, "leaf_var": LARGE, "root": ROOT, "root_std": LARGE, "root_cv": LARGE}
    assert samples(write(tmp_path, columns)) == ["leaf", "root"]


def test_the_abundance_of_tximport_is_tpm(tmp_path):
    columns = {"abundance.leaf": LEAF, "abundance.root": ROOT, "counts.leaf": COUNTS, "length.leaf": LARGE}
    path = write(tmp_path, columns)
    assert samples(path) == ["abundance.leaf", "abundance.root"]
    assert read_expression([path]).unit == "TPM"


def test_a_column_with_negative_numbers_is_no_sample_if_another_column_is_left(tmp_path, caplog):
    assert samples(write(tmp_path, {"leaf": LEAF, "effect": NEGATIVE})) == ["leaf"]
    assert "not used as samples: 'effect' (negative numbers)" in caplog.text


def test_one_negative_number_in_a_sample_is_an_error(tmp_path):
    with pytest.raises(BadTable, match=r"t.tsv:2: column 'root', gene 'AT0G1': -1.0 is negative"):
        samples(write(tmp_path, {"leaf": LEAF, "root": [-1, *ROOT[1:]]}))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([IDS, LEAF, ROOT], ["column 3", "column 4"]),
        ([IDS[:3] * 10, LEAF], ["column 3"]),
        ([IDS, COUNTS], ["column 3"]),
        ([COUNTS, COUNTS, COUNTS], ["column 2", "column 3", "column 4"]),
    ],
)
def test_identifiers_in_a_table_without_a_header_are_no_samples(tmp_path, columns, expected):
    path = write(tmp_path, {str(place): values for place, values in enumerate(columns)}, header=False)
    assert samples(path) == expected


def test_whole_numbers_without_names_that_can_be_identifiers_or_counts_are_refused_with_help(tmp_path):
    path = write(tmp_path, {"a": IDS, "b": IDS[::-1]}, header=False)
    with pytest.raises(BadTable, match=r"can be identifiers or counts: column 2, column 3; add a header, or") as caught:
        samples(path)
    assert "--samples 'column 3'" in str(caught.value)
    assert samples(path, samples=["column 3"]) == ["column 3"]


def test_means_of_tissues_are_the_samples_if_only_summaries_are_there(tmp_path, caplog):
    columns = {"leaf (mean)": LEAF, "leaf (SD)": LARGE, "root (mean)": ROOT, "root (SD)": LARGE, "max": LARGE}
    assert samples(write(tmp_path, columns)) == ["leaf (mean)", "root (mean)"]
    assert "'leaf (mean)' and 'root (mean)' are used as the samples" in caplog.text


def test_the_advice_for_several_summaries_names_all_columns_of_one_kind(tmp_path):
    columns = {"leaf_mean": LEAF, "leaf_max": LARGE, "root_mean": ROOT, "root_max": LARGE}
    path = write(tmp_path, columns)
    with pytest.raises(BadTable, match=r"use --samples leaf_mean,root_mean to use these columns"):
        samples(path)
    assert samples(path, samples=["leaf_mean", "root_mean"]) == ["leaf_mean", "root_mean"]


COUNTED = "Geneid\tChr\tStart\tEnd\tStrand\tLength\tentrezgene\tgene_name\t{}\t{}\n" + "".join(
    f"A{row}\t1\t1\t9\t+\t1000\t{7150 + row}\tX\t{row}\t{3 - row}\n" for row in range(4)
)


@pytest.mark.parametrize(
    "names",
    [
        ("/data/tpm_run/leaf.bam", "/data/tpm_run/root.bam"),
        ("fpkm/leaf.bam", "fpkm/root.bam"),
        ("coverage/leaf.bam", "coverage/root.bam"),
        ("lfc1", "VST1"),
        ("/home/max/leaf.bam", "/home/min/root.bam"),
        ("log2_1", "id_5"),
    ],
)
def test_columns_of_feature_counts_are_counts_whatever_their_names(tmp_path, names):
    path = tmp_path / "counts.txt"
    path.write_text(COUNTED.format(*names))
    found = read_expression([path])
    # Counts 0, 1, 2, 3 of genes with equal lengths: 0, 1/6, 2/6 and 3/6 of a million.
    assert found.tpm[names[0]].round(2).tolist() == [0, 166666.67, 333333.33, 500000]
    assert list(found.tpm.columns) == list(names)
    assert found.left_out == ["entrezgene", "gene_name"]
    assert found.unit == "TPM (computed from counts and lengths)"


def test_a_folder_in_the_name_of_an_alignment_states_no_unit(tmp_path, caplog):
    path = write(tmp_path, {"/tpm/leaf.bam": [value + 40 for value in COUNTS]})
    assert read_expression([path]).unit == "counts (assumed)"
