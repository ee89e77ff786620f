"""Sample sheets of DESeq2, nf-core and others."""

import pandas as pd
import pytest

from kanseq.errors import BadTable
from kanseq.genome.expression.sample_sheets import read_conditions
from kanseq.genome.expression.tpm import read_expression

SHEET = {"leaf 1": "cold", "leaf 2": "warm"}


def read(folder, text):
    path = folder / "sheet.tsv"
    path.write_text(text)
    return read_conditions(path)


@pytest.mark.parametrize(
    "text",
    [
        "leaf 1\tcold\nleaf 2\twarm\n",
        "sample\tcondition\nleaf 1\tcold\nleaf 2\twarm\n",
        "condition,replicate,sample\ncold,1,leaf 1\nwarm,1,leaf 2\n",
        "sampleName;fileName;treatment\nleaf 1;a.txt;cold\nleaf 2;b.txt;warm\n",
        '"","condition","type"\n"leaf 1","cold","paired-end"\n"leaf 2","warm","paired-end"\n',
        '"condition" "type"\n"leaf 1" "cold" "paired-end"\n"leaf 2" "warm" "paired-end"\n',
        "sample,fastq_1,fastq_2,condition\nleaf 1,a,b,cold\nleaf 1,c,d,cold\nleaf 2,e,f,warm\n",
        "Run\tLibraryLayout\ttissue\nleaf 1\tPAIRED\tcold\nleaf 2\tPAIRED\twarm\n",
        "sample,light\nleaf 1,cold\nleaf 2,warm\n",
        "Samples of 2021,\n,\nSample ID,Group\nleaf 1,cold\nleaf 2,warm\n,\n",
        "#SampleID\tTreatment\nleaf 1\tcold\nleaf 2\twarm\n",
        "\ufeffsample,condition\r\nleaf 1,cold\r\nleaf 2,warm\r\n",
    ],
)
def test_the_header_determines_the_columns(tmp_path, text):
    assert read(tmp_path, text) == SHEET


def test_a_sheet_may_be_separated_by_spaces(tmp_path):
    assert read(tmp_path, "sample condition\nL1   cold\nL2   warm\n") == {"L1": "cold", "L2": "warm"}


def test_commas_within_names_are_kept_if_tabs_separate(tmp_path):
    text = "leaf, 10 days\tcold, dark\nleaf, 20 days\tcold, light\n"
    assert read(tmp_path, text) == {"leaf, 10 days": "cold, dark", "leaf, 20 days": "cold, light"}


def test_a_condition_may_be_named_like_a_column(tmp_path):
    assert read(tmp_path, "L1\ttreatment\nL2\tcontrol\n") == {"L1": "treatment", "L2": "control"}


def test_columns_in_memory_are_chosen_by_name():
    table = pd.DataFrame({"batch": [1, 1], "condition": ["cold", "warm"], "sample": ["leaf 1", "leaf 2"]})
    assert read_conditions(table) == SHEET
    assert read_conditions(pd.DataFrame([["leaf 1", "cold"], ["leaf 2", "warm"]])) == SHEET


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "sample,fastq_1,fastq_2,strandedness\nL1,a,b,auto\n",
            "no column has the conditions: the columns are sample, fastq_1, fastq_2, strandedness; name",
        ),
        ("sample,fastq_1\nL1,a\n", "no column has the conditions: the columns are sample, fastq_1"),
        (
            "sample\ttissue\ttreatment\nL1\tleaf\tcold\n",
            "columns 'tissue', 'treatment' can be the condition; name the one to use 'condition'",
        ),
        ("sample condition\nL 1 cold\n", "sheet.tsv:2: 3 cells, but the header has 2"),
        ("a\tx\na\ty\n", "sheet.tsv:2: duplicate sample 'a'"),
        ("sample\tcondition\nL1\tcold\nL2\t\n", "sheet.tsv:3: the sample 'L2' has no condition; each line needs"),
        ("sample,condition\nL1,cold\nL2,\n", "sheet.tsv:3: the sample 'L2' has no condition; each line needs"),
        (
            ",(Intercept),conditionwarm\nL1,1,0\nL2,1,1\n",
            "no column has the conditions: the columns are '', (Intercept), conditionwarm; name",
        ),
        ("sample\tcondition\n", "sheet.tsv: the sample sheet has no samples"),
    ],
)
def test_sheets_without_clear_conditions_are_refused(tmp_path, text, message):
    with pytest.raises(BadTable) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


def test_the_advice_to_rename_a_column_is_true(tmp_path):
    assert read(tmp_path, "sample\tcondition\ttreatment\nL1\tleaf\tcold\n") == {"L1": "leaf"}


@pytest.mark.parametrize(
    "text",
    [
        "Run,BioSample,genotype,Sample Name,source_name,tissue\nR1,S1,WT,G1,x,cold\nR2,S2,WT,G2,x,warm\n",
        "sample,run,condition\nS1,R1,cold\nS2,R2,warm\n",
        "run_accession\tsample\tcondition\nR1\tS\tcold\nR2\tS\twarm\n",
        "sample_id,sample_name,condition\n1,R1,cold\n2,R2,warm\n",
        "FileName\tGroup\nR1.bam\tcold\n/data/R2.sorted.bam\twarm\n",
        "filename,condition\nR1,cold\nR2,warm\n",
        "Source Name\tCharacteristics[sex]\tComment[ENA_RUN]\tFactor Value[dose]\nS1\tm\tR1\tcold\nS2\tm\tR2\twarm\n",
        "GSM,title,treatment\nR1,a,cold\nR2,b,warm\n",
    ],
)
def test_the_samples_are_in_the_column_with_names_of_the_table(tmp_path, text):
    path = tmp_path / "sheet.csv"
    path.write_text(text)
    assert read_conditions(path, ["gene_id", "R1", "R2"]) == {"R1": "cold", "R2": "warm"}


@pytest.mark.parametrize(
    "columns",
    [
        ["leaf_1.bam", "root-2.bam"],
        ["leaf_1_TPM", "root-2_TPM"],
        ["Leaf_1", "Root.2"],
        ["/data/run/leaf_1.bam", "/data/run/root-2.bam"],
        ["TPM.leaf_1", "TPM.root.2"],
    ],
)
def test_samples_are_matched_to_columns_with_other_spellings(tmp_path, columns):
    path = tmp_path / "sheet.csv"
    path.write_text("sample,condition\nleaf_1,cold\nroot-2,warm\n")
    assert read_conditions(path, ["gene_id", *columns]) == {columns[0]: "cold", columns[1]: "warm"}


def test_names_that_r_changed_are_matched(tmp_path):
    path = tmp_path / "sheet.csv"
    path.write_text("sample,condition\n30-min,cold\n5-min,warm\n")
    assert read_conditions(path, ["X30.min", "X5.min"]) == {"X30.min": "cold", "X5.min": "warm"}


def test_of_several_units_of_a_sample_tpm_is_matched(tmp_path):
    path = tmp_path / "sheet.csv"
    path.write_text("sample,condition\nleaf,cold\n")
    assert read_conditions(path, ["leaf_TPM", "leaf_FPKM"]) == {"leaf_TPM": "cold"}
    assert read_conditions(path, ["leaf_CPM", "leaf_FPKM"]) == {"leaf": "cold"}


def test_exact_names_are_preferred_to_other_spellings(tmp_path):
    path = tmp_path / "sheet.csv"
    path.write_text("sample,condition\nleaf,cold\nLeaf,warm\n")
    assert read_conditions(path, ["Leaf", "leaf"]) == {"leaf": "cold", "Leaf": "warm"}
    assert read_conditions(path, ["LEAF"]) == {"leaf": "cold", "Leaf": "warm"}


def test_a_sheet_selects_columns_of_a_table(tmp_path):
    (tmp_path / "tpm.csv").write_text("gene,leaf_TPM,root_TPM,stem_TPM\nA,1.5,2,3\nB,3,4,5\n")
    (tmp_path / "sheet.csv").write_text("sample,condition\nroot,cold\nleaf,warm\n")
    found = read_expression([tmp_path / "tpm.csv"], sheet=tmp_path / "sheet.csv")
    assert list(found.tpm.columns) == ["root_TPM", "leaf_TPM"]
    assert found.conditions == {"root_TPM": "cold", "leaf_TPM": "warm"}
