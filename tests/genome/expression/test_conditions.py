"""Sample sheets of DESeq2, nf-core and others."""

import pandas as pd
import pytest

from kanseq.errors import BadTable
from kanseq.genome.expression.conditions import read_conditions

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
        ("sample\tcondition\nL1\tcold\nL2\t\n", "sheet.tsv:3: sample and condition are required"),
        ("sample\tcondition\n", "sheet.tsv: the sample sheet has no samples"),
    ],
)
def test_sheets_without_clear_conditions_are_refused(tmp_path, text, message):
    with pytest.raises(BadTable) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


def test_the_advice_to_rename_a_column_is_true(tmp_path):
    assert read(tmp_path, "sample\tcondition\ttreatment\nL1\tleaf\tcold\n") == {"L1": "leaf"}
