"""Tables of quantifiers, as they are written and after R, and their units."""

import pytest

from kanseq.genome.expression.tpm import read_expression

SUMS = {"LOC_1": 12.5, "LOC_2": 3.75, "LOC_3": 250.1}
BY_GENE = {"LOC_1": 12.5, "LOC_2": 0.0, "LOC_3": 3.75, "LOC_4": 250.1}
RSEM = "gene_id=genes length=lengths effective_length=c expected_count=counts TPM=a"
CTAB = "t_id=few chr=chromosomes strand=text start=starts end=ends t_name=transcripts num_exons=few"
CUFFLINKS = "tracking_id=genes class_code=text gene_id=genes locus=text length=text FPKM=a"


@pytest.mark.parametrize(
    ("name", "headers", "expected", "unit"),
    [
        ("leaf.genes.results", f"{RSEM} transcript_id(s)=text FPKM=b", BY_GENE, "TPM"),
        ("leaf.txt", f"{RSEM} transcript_id.s.=text FPKM=b", BY_GENE, "TPM"),
        ("leaf.csv", f"=rows {RSEM} transcript_id.s.=text pme_TPM=b TPM_ci_upper_bound=c", BY_GENE, "TPM"),
        ("leaf.isoforms.results", "transcript_id=transcripts gene_id=genes_of_transcripts TPM=a IsoPct=c", SUMS, "TPM"),
        ("leaf.tab", "Gene.ID=genes Reference=chromosomes Start=starts Coverage=c FPKM=b TPM=a", BY_GENE, "TPM"),
        ("leaf/t_data.ctab", f"{CTAB} length=lengths gene_id=genes_of_transcripts cov=c FPKM=a", SUMS, "FPKM"),
        ("leaf/genes.fpkm_tracking", f"{CUFFLINKS} FPKM_conf_lo=c FPKM_conf_hi=b", BY_GENE, "FPKM"),
    ],
)
def test_a_quantifiers_table_is_one_sample(table, name, headers, expected, unit):
    found = read_expression([table(headers.split(), name)])
    assert found.tpm.to_dict() == {"leaf": expected}
    assert found.unit == unit


def test_another_column_of_a_quantifiers_table_can_be_selected(table, caplog):
    path = table(["gene_id=genes", "transcript_id(s)=text", "expected_count=counts", "TPM=a"], "leaf.genes.results")
    assert read_expression([path], samples=["TPM"]).tpm.to_dict() == {"TPM": BY_GENE}
    found = read_expression([path], samples=["expected_count"])
    assert (found.tpm["expected_count"].tolist(), found.unit) == ([120, 0, 33, 2501], "counts")
    assert "the values are counts" in caplog.text


def test_another_column_of_several_quantifiers_tables_can_be_selected(table):
    headers = ["gene_id=genes", "transcript_id(s)=text", "expected_count=counts", "TPM=a"]
    paths = [table(headers, "leaf.genes.results"), table(headers, "root.genes.results")]
    found = read_expression(paths, samples=["expected_count"])
    assert found.tpm.to_dict("list") == {"leaf": [120, 0, 33, 2501], "root": [120, 0, 33, 2501]}


def test_files_whose_samples_are_not_listed_are_reported(table, caplog):
    headers = ["gene_id=genes", "transcript_id(s)=text", "expected_count=counts", "TPM=a"]
    paths = [table(headers, f"{name}.genes.results") for name in ("leaf", "root", "stem")]
    assert list(read_expression(paths, samples=["stem", "leaf"]).tpm.columns) == ["stem", "leaf"]
    assert "does not list are not used: 'root'" in caplog.text


def test_symbols_of_a_quantifiers_table_can_be_the_ids(table):
    headers = ["Gene ID=genes", "Gene Name=text", "Reference=chromosomes", "Coverage=c", "TPM=a"]
    found = read_expression([table(headers, "leaf.tab")], id_column="Gene Name")
    assert found.tpm["leaf"].round(6).to_dict() == {"x": 262.6, "y": 3.75}


def test_pairs_of_samples_of_cuffdiff_become_columns(tmp_path):
    header = "test_id\tgene_id\tgene\tlocus\tsample_1\tsample_2\tstatus\tvalue_1\tvalue_2\tp_value\n"
    rows = (
        "A\tA\ta\t1:1-9\twt\tmut\tOK\t1.5\t3\t0.1\nA\tA\ta\t1:1-9\twt\theat\tOK\t1.5\t7\t0.1\n"
        "B\tB\tb\t1:1-9\twt\tmut\tOK\t0\t4\t0.1\nB\tB\tb\t1:1-9\twt\theat\tOK\t0\t8.5\t0.1\n"
    )
    path = tmp_path / "gene_exp.diff"
    path.write_text(header + rows)
    found = read_expression([path])
    assert found.tpm.to_dict("index") == {
        "A": {"wt": 1.5, "mut": 3.0, "heat": 7.0},
        "B": {"wt": 0.0, "mut": 4.0, "heat": 8.5},
    }
    assert found.unit == "FPKM"


def test_replicates_of_cuffdiff_become_columns(tmp_path):
    path = tmp_path / "genes.read_group_tracking"
    path.write_text(
        "tracking_id\tcondition\treplicate\traw_frags\tFPKM\tstatus\n"
        "A\twt\t0\t9\t1.5\tOK\nA\twt\t1\t9\t2.5\tOK\nB\twt\t0\t9\t0\tOK\nB\twt\t1\t9\t3\tOK\n"
    )
    assert read_expression([path]).tpm.to_dict("list") == {"wt_0": [1.5, 0.0], "wt_1": [2.5, 3.0]}


def test_the_median_of_five_numbers_of_expression_atlas_is_used(tmp_path):
    path = tmp_path / "E-MTAB-1-tpms.tsv"
    path.write_text("Gene ID\tGene Name\tg1\nA\ta\t0,1,2.5,3,4\nB\tb\t0,0,0,0.5,1\n")
    assert read_expression([path]).tpm.to_dict() == {"g1": {"A": 2.5, "B": 0.0}}
