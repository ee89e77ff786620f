"""Expression tables of all formats, and the error messages for invalid ones."""

import gzip

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable, TruncatedFile
from kanseq.genome.annotation.annotated_names import read_transcript_genes
from kanseq.genome.expression.conditions import expression_levels, log_expression
from kanseq.genome.expression.sample_sheets import read_conditions
from kanseq.genome.expression.tpm import check_expression, read_expression

MATRIX = "gene_id,s1,s2,logMaxTPM\nA,0,9,1.0\nB,1.5,0.25,0.4\n"


def write(folder, text, name="tpm.csv"):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_log_columns_are_excluded_with_a_warning(tmp_path, caplog):
    found = read_expression([write(tmp_path, MATRIX)])
    assert found.tpm.to_dict("list") == {"s1": [0.0, 1.5], "s2": [9.0, 0.25]}
    assert list(found.tpm.index) == ["A", "B"]
    assert found.left_out == ["logMaxTPM"]
    assert "'logMaxTPM'" in caplog.text


@pytest.mark.parametrize("name", ["tpm.tsv", "tpm.tsv.gz", "no_ending"])
def test_delimiter_and_compression_are_detected_by_content(tmp_path, name):
    text = MATRIX.replace(",", "\t")
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    assert read_expression([path]).tpm.loc["B"].tolist() == [1.5, 0.25]


def test_windows_line_ends_and_headers_written_by_r_are_accepted(tmp_path):
    found = read_expression([write(tmp_path, '"s1"\t"s2"\r\n"A"\t1\t2\r\n"B"\t3\t4\r\n')])
    assert found.tpm.to_dict("index") == {"A": {"s1": 1, "s2": 2}, "B": {"s1": 3, "s2": 4}}


def test_ids_that_look_like_numbers_are_kept_as_text(tmp_path):
    assert list(read_expression([write(tmp_path, "id,s\n007,1\n1e3,2\n")]).tpm.index) == ["007", "1e3"]


@pytest.mark.parametrize(
    ("name", "is_sample"),
    [
        ("SD_leaf_1", True),
        ("heat_30_min", True),
        ("ERR3333392", True),
        ("log_max", False),
        ("log2TPM", False),
        ("TPM_sd", False),
        ("meanTPM", False),
        ("Length", False),
        ("EffectiveLength", False),
    ],
)
def test_samples_are_recognised_by_column_names(tmp_path, name, is_sample):
    found = read_expression([write(tmp_path, f"gene,s,{name}\nA,1,2\n")])
    assert (name in found.tpm.columns) is is_sample


def test_a_mean_is_used_as_the_sample_with_a_warning_if_no_other_column_is_left(tmp_path, caplog):
    found = read_expression([write(tmp_path, "gene_id,WT_mean_TPM\nA,3\n")])
    assert list(found.tpm.columns) == ["WT_mean_TPM"]
    assert "'WT_mean_TPM' is used as the sample" in caplog.text


def test_text_columns_are_excluded(tmp_path):
    found = read_expression([write(tmp_path, "gene,symbol,s1\nA,x,1\nB,y,2\n")])
    assert found.left_out == ["symbol"]


def test_samples_and_id_column_can_be_specified(tmp_path):
    path = write(tmp_path, "n,gene,s1,max\n1,A,1,5\n2,B,2,6\n")
    found = read_expression([path], samples=["max"], id_column="gene")
    assert found.tpm["max"].to_dict() == {"A": 5.0, "B": 6.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("g,s\nA,1\nB,-2\n", "tpm.csv:3: column 's', gene 'B': -2 is negative"),
        ("g,s,t\nA,1,1\nB,2,NaN\n", "tpm.csv:3: column 't', gene 'B': the value is missing"),
        ("g,s\nA,1\nB,\n", "tpm.csv:3: column 's', gene 'B': the value is missing ('')"),
        ("g,s\nA,NA\nB,1\n", "tpm.csv:2: column 's', gene 'A': the value is missing ('NA')"),
        (
            "g,s\nA,1\nB,high\n",
            "tpm.csv:3: column 's', gene 'B': 'high' is not a number; write 0 for",
        ),
        (
            "g,s\nA,1\nB,<0.1\nC,3\n",
            "tpm.csv:3: column 's', gene 'B': '<0.1' is not a number; write 0",
        ),
        ("g,s\nA,1\nB,-\n", "tpm.csv:3: column 's', gene 'B': the value is missing ('-'); write 0 for no expression"),
        ("g,s\nA,1\nB,\u22121.5\n", "tpm.csv:3: column 's', gene 'B': \u22121.5 is negative"),
        ("g,s\ntissue,leaf\nA,1\nB,2\n", "tpm.csv:2: column 's', gene 'tissue': 'leaf' is not a number; write 0"),
        (
            "g,s\nA,1\nB,2\ng,s\nC,1\n",
            "tpm.csv:4: column 's', gene 'g': 's' is not a number; write 0 for",
        ),
        ("g,s,t\n,leaf,leaf\nA,1,2\nB,2,3\n", "tpm.csv:2: no name in column 'g'; remove the line"),
        ("g,s\nA,7%\nB,2%\n", "tpm.csv: no column looks like a sample: 's' (text: '7%'); pass a table with TPM"),
        ("g,s\nA,1\nB,inf\n", "tpm.csv:3: column 's', gene 'B': inf is infinite"),
        ("g,s\nA,1\nB,1\nA,2\n", "tpm.csv:4: duplicate id 'A'"),
        ("g,s\nA,1\n,1\n", "tpm.csv:3: no name in column 'g'"),
        ("g,s\nA,1\nB,1,2\n", "tpm.csv:3: 3 cells, but the header has 2"),
        ("g,s,t\nA,1,2\nB,1\n", "tpm.csv:3: column 't', gene 'B': the value is missing"),
        ("g,s,s\nA,1,2\n", "tpm.csv:1: two columns are named 's'"),
        ("g,s\n", "tpm.csv: the table has no rows"),
        ("", "tpm.csv: the table has no rows"),
        ("gene\nA\n", "tpm.csv:1: only one column"),
        ("g,name\nA,x\n", "tpm.csv: no column looks like a sample"),
        ("# made by x\ng,s\nA,-1\n", "tpm.csv:3: column 's'"),
        ("Name\tLength\tEffectiveLength\tNumReads\nA\t1\t1\t1\n", "the column 'TPM' of this salmon table is missing"),
    ],
)
def test_errors_of_invalid_tables_state_line_column_and_gene(tmp_path, text, message):
    with pytest.raises(BadTable) as caught:
        read_expression([write(tmp_path, text)])
    assert message in str(caught.value)


def test_a_missing_column_is_refused_with_a_list_of_columns(tmp_path):
    path = write(tmp_path, MATRIX)
    with pytest.raises(BadTable, match=r"the column 's9' is missing; it has s1, s2, logMaxTPM"):
        read_expression([path], samples=["s9"])
    with pytest.raises(BadTable, match=r"the column 'locus' is missing; its columns are gene_id"):
        read_expression([path], id_column="locus")


def test_a_truncated_gzip_is_refused(tmp_path):
    path = tmp_path / "tpm.csv.gz"
    path.write_bytes(gzip.compress(MATRIX.encode() * 50)[:-20])
    with pytest.raises(TruncatedFile):
        read_expression([path])


SALMON = "Name\tLength\tEffectiveLength\tTPM\tNumReads\nA.1\t9\t9\t1.5\t1\nA.2\t9\t9\t2.5\t1\nB.1\t9\t9\t4\t1\n"
KALLISTO = "target_id\tlength\teff_length\test_counts\ttpm\nA.1\t9\t9\t1\t1\nA.2\t9\t9\t1\t2\nB.1\t9\t9\t1\t0\n"
RSEM = "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM\nA\tA.1,A.2\t9\t9\t1\t7\t8\n"
STRINGTIE = (
    "Gene ID\tGene Name\tReference\tStrand\tStart\tEnd\tCoverage\tFPKM\tTPM\n"
    "A\t-\t1\t+\t1\t9\t1\t1\t2.5\nA\t-\t1\t+\t20\t29\t1\t1\t0.5\nB\t-\t1\t+\t1\t9\t1\t1\t1\n"
)


@pytest.mark.parametrize(
    ("name", "text"), [("leaf/quant.sf", SALMON), ("leaf/abundance.tsv", KALLISTO)], ids=["salmon", "kallisto"]
)
def test_transcripts_are_summed_per_gene_and_the_folder_names_the_sample(tmp_path, name, text):
    path = write(tmp_path, text, name)
    gene_of = {"A.1": "A", "A.2": "A", "B.1": "B"}
    expected = {"A": 4.0, "B": 4.0} if text is SALMON else {"A": 3.0, "B": 0.0}
    assert read_expression([path], gene_of=gene_of).tpm["leaf"].to_dict() == expected


def test_transcripts_without_genes_are_refused_with_a_hint(tmp_path):
    with pytest.raises(BadOption, match=r"--tx2gene TABLE or --annotation GTF"):
        read_expression([write(tmp_path, SALMON, "s/quant.sf")])


def test_a_gene_table_of_salmon_needs_no_mapping_to_genes(tmp_path):
    found = read_expression([write(tmp_path, SALMON, "s/quant.genes.sf")])
    assert found.tpm["s"].to_dict() == {"A.1": 1.5, "A.2": 2.5, "B.1": 4.0}


def test_rsem_and_stringtie_tables_are_samples_named_after_their_files(tmp_path, caplog):
    rsem = write(tmp_path, RSEM, "root.genes.results")
    stringtie = write(tmp_path, STRINGTIE, "leaf.gene_abund.tab")
    found = read_expression([rsem, stringtie])
    assert found.tpm.to_dict("index") == {"A": {"root": 7.0, "leaf": 3.0}}
    assert "genes on several rows are summed" in caplog.text
    assert "1 genes are not in all of the tables" in caplog.text


def test_two_tables_with_the_same_sample_name_are_refused(tmp_path):
    paths = [write(tmp_path, MATRIX, "a.csv"), write(tmp_path, "gene,s1\nA,1\nB,2\n", "b.csv")]
    with pytest.raises(BadTable, match=r"several tables have a sample 's1'; rename the column in one of them"):
        read_expression(paths)


@pytest.mark.parametrize(
    ("names", "samples"),
    [
        (["leaf.tsv", "root.counts"], ["leaf", "root"]),
        (["leaf/out.tab", "root/out.tab"], ["leaf", "root"]),
        (["a/x.tsv", "a/y.tsv"], ["x", "y"]),
        (["leafReadsPerGene.out.tab", "root_ReadsPerGene.out.tab"], ["leaf", "root"]),
    ],
)
@pytest.mark.parametrize("header", ["gene_id\tTPM\n", ""])
def test_samples_of_tables_with_the_same_header_are_named_after_files_or_folders(tmp_path, names, samples, header):
    paths = [write(tmp_path, f"{header}A\t{place}.5\nB\t2\n", name) for place, name in enumerate(names)]
    found = read_expression(paths)
    assert found.tpm.loc["A"].to_dict() == {samples[0]: 0.5, samples[1]: 1.5}
    assert list(read_expression(paths, samples=samples[1:]).tpm.columns) == samples[1:]


def test_several_columns_of_tables_with_the_same_header_are_named_after_file_and_column(tmp_path):
    paths = [write(tmp_path, "gene,r1,r2,n\nA,1.5,2,x\nB,3,4,x\n", f"{name}.csv") for name in ("leaf", "root")]
    assert list(read_expression(paths).tpm.columns) == ["leaf r1", "leaf r2", "root r1", "root r2"]
    assert list(read_expression(paths, samples=["leaf"]).tpm.columns) == ["leaf r1", "leaf r2"]
    assert list(read_expression(paths, samples=["r2"]).tpm.columns) == ["leaf", "root"]
    assert list(read_expression(paths, samples=["root r1"]).tpm.columns) == ["root"]


def test_a_workbook_among_several_tables_is_named(tmp_path):
    (tmp_path / "b.csv").write_bytes(b"PK\x03\x04" + bytes(range(256)))
    with pytest.raises(TruncatedFile, match=r"b.csv: this is an Excel or OpenDocument workbook"):
        read_expression([write(tmp_path, MATRIX, "a.csv"), tmp_path / "b.csv"])


def test_tables_without_a_common_gene_are_refused(tmp_path):
    paths = [write(tmp_path, f"gene,s\n{name},1\n", f"{name}.csv") for name in ("A", "B")]
    with pytest.raises(BadTable, match=r"the tables have no gene in common: A, and B; pass one table with all genes"):
        read_expression(paths)


def test_transcripts_are_matched_without_versions_if_the_exact_names_match_nothing(tmp_path, caplog):
    path = write(tmp_path, "target,s\nT1.4,1\nT2.1,2\nT3.1,4\n")
    with caplog.at_level("INFO"):
        found = read_expression([path], gene_of={"T1": "A", "T2": "A", "T3": "B"})
    assert found.tpm["s"].to_dict() == {"A": 3.0, "B": 4.0}
    assert "3 of 3 transcripts are matched without version suffixes of the file" in caplog.text


def test_unknown_transcripts_are_refused(tmp_path):
    path = write(tmp_path, "target,s\nT1,1\nT2,2\n")
    with pytest.raises(BadTable, match=r"no row has a gene: the table has T1, T2, but genes are known for X1"):
        read_expression([path], gene_of={"X1": "A"})


def test_transcript_genes_are_read_from_an_annotation(tmp_path):
    gtf = (
        '1\tx\tgene\t1\t9\t.\t+\t.\tgene_id "A";\n1\tx\ttranscript\t1\t9\t.\t+\t.\tgene_id "A"; transcript_id "A.1";\n'
    )
    assert read_transcript_genes(write(tmp_path, gtf, "a.gtf")) == {"A.1": "A", "A": "A"}
    gff = (
        "##gff-version 3\n1\tx\tgene\t1\t9\t.\t+\t.\tID=gene:A;gene_id=A\n"
        "1\tx\tmRNA\t1\t9\t.\t+\t.\tID=transcript:A.1;Parent=gene:A\n"
    )
    assert read_transcript_genes(write(tmp_path, gff, "a.gff3")) == {
        "A.1": "A",
        "transcript:A.1": "A",
        "A": "A",
        "gene:A": "A",
    }


def test_expression_is_the_logarithm_of_the_summary_plus_one():
    tpm = pd.DataFrame({"a": [0.0, 9.0], "b": [99.0, 0.0], "c": [0.0, 0.0]})
    assert log_expression(tpm).tolist() == [2.0, 1.0]
    assert log_expression(tpm, "median").tolist() == [0.0, 0.0]
    np.testing.assert_allclose(log_expression(tpm, "mean"), [np.log10(34), np.log10(4)])
    with pytest.raises(BadOption):
        log_expression(tpm, "argmax")


def test_conditions_are_summarised_separately(tmp_path):
    sheet = write(tmp_path, "sample\tcondition\na\tcold\nb\twarm\nc\twarm\n", "sheet.tsv")
    tpm = pd.DataFrame({"a": [9.0], "b": [0.0], "c": [99.0]})
    levels = expression_levels(tpm, read_conditions(sheet), "max")
    assert {name: level.tolist() for name, level in levels.items()} == {"cold": [1.0], "warm": [2.0]}
    with pytest.raises(BadTable, match=r"sheet.tsv:2: duplicate sample 'a'"):
        read_conditions(write(tmp_path, "a\tx\na\ty\n", "sheet.tsv"))


def test_a_table_in_memory_is_checked_like_a_file():
    with pytest.raises(BadTable, match=r"row 1: column 's', gene 'B': -1.0 is negative"):
        check_expression(pd.DataFrame({"s": [1.0, -1.0]}, index=["A", "B"]))
    with pytest.raises(BadTable, match=r"duplicate id 'A'"):
        check_expression(pd.DataFrame({"s": [1.0, 1.0]}, index=["A", "A"]))
