"""Which columns of a table are samples, by their names."""

import pytest

from kanseq.genome.expression.tpm import read_expression

G, T = "gene_id=genes", "target_id=transcripts"

MATRICES = {
    "no unit": ([G, "leaf=a", "root=b"], "leaf root"),
    "runs": ([G, "SRR8573921=a", "ERR3333392=b"], "SRR8573921 ERR3333392"),
    "cBioPortal": (["Hugo_Symbol=symbols", "Entrez_Gene_Id=entrez", "TCGA-A1=a", "TCGA-A2=b"], "TCGA-A1 TCGA-A2"),
    "NCBI": ([G, "GeneID=entrez", "Chr=chromosomes", "leaf=a"], "leaf"),
    "BioMart": (
        [
            "Gene stable ID=genes",
            "NCBI gene (formerly Entrezgene) ID=entrez",
            "Gene start (bp)=starts",
            "Gene end (bp)=ends",
            "Chromosome/scaffold name=chromosomes",
            "Strand=strands",
            "Transcript count=few",
            "Transcript length (including UTRs and CDS)=lengths",
            "Gene % GC content=shares",
            "leaf=a",
        ],
        "leaf",
    ),
    "BED": (["gene=genes", "chrom=chromosomes", "start=starts", "end=ends", "strand=strands", "leaf=a"], "leaf"),
    "prefix": ([G, "TPM_leaf=a", "TPM_root=b", "count_leaf=counts", "count_root=more counts"], "TPM_leaf TPM_root"),
    "suffix": ([G, "leaf_TPM=a", "leaf_FPKM=b"], "leaf_TPM"),
    "dots": ([G, "leaf.tpm=a", "leaf.fpkm=b"], "leaf.tpm"),
    "brackets": ([G, "tpm(leaf)=a", "rpkm(leaf)=b"], "tpm(leaf)"),
    "colon": ([G, "TPM:leaf=a", "CPM:leaf=b"], "TPM:leaf"),
    "no separator": ([G, "leafTPM=a", "leafFPKM=b"], "leafTPM"),
    "in words": ([G, "leaf_transcripts_per_million=a", "leaf_counts_per_million=b"], "leaf_transcripts_per_million"),
    "GDC": (
        [G, "gene_name=symbols", "unstranded=counts", "tpm_unstranded=a", "fpkm_uq_unstranded=b"],
        "tpm_unstranded",
    ),
    "salmon merged": (
        ["Name=transcripts", "Length=lengths", "EffectiveLength=c", "TPM_a=a", "NumReads_a=counts", "TPM_b=b"],
        "TPM_a TPM_b",
    ),
    "kallisto merged": (
        [T, "length=lengths", "eff_length=c", "est_counts_x=counts", "tpm_x=a", "tpm_y=b"],
        "tpm_x tpm_y",
    ),
    "ballgown": ([G, "FPKM.leaf=a", "FPKM.root=b", "cov.leaf=c", "cov.root=a"], "FPKM.leaf FPKM.root"),
    "Cuffdiff": (
        [
            "tracking_id=genes",
            "gene_id=genes",
            "locus=text",
            "length=lengths",
            "q1_FPKM=a",
            "q1_conf_lo=c",
            "q1_conf_hi=b",
            "q1_status=text",
            "q2_FPKM=b",
            "q2_conf_lo=a",
            "q2_conf_hi=c",
            "q2_status=text",
        ],
        "q1_FPKM q2_FPKM",
    ),
    "oarfish": (["tname=transcripts", "len=lengths", "num_reads=counts"], "num_reads"),
    "TPMCalculator": (
        [
            "Gene_Id=genes",
            "Chr=chromosomes",
            "Start=starts",
            "End=ends",
            "Length=lengths",
            "Reads=counts",
            "TPM=a",
            "ExonLength=lengths",
            "ExonReads=counts",
            "ExonTPM=b",
        ],
        "TPM",
    ),
    "RSEM credibility": (
        [
            G,
            "TPM=a",
            "pme_TPM=b",
            "TPM_ci_lower_bound=c",
            "TPM_ci_upper_bound=b",
            "IsoPct=shares",
            "posterior_standard_deviation_of_count=c",
            "TPM_coefficient_of_quartile_variation=shares",
        ],
        "TPM",
    ),
    "DESeq2 and samples": (
        [G, "baseMean=c", "log2FoldChange=changes", "lfcSE=p", "stat=changes", "pvalue=p", "padj=p", "wt=a", "mut=b"],
        "wt mut",
    ),
    "edgeR and samples": ([G, "logFC=changes", "logCPM=logs", "F=c", "PValue=p", "FDR=p", "wt=a"], "wt"),
    "limma and samples": ([G, "AveExpr=logs", "t=changes", "P.Value=p", "adj.P.Val=p", "B=changes", "wt=a"], "wt"),
    "nf-core": ([G, "gene_name=symbols", "WT_REP1=a", "WT_REP2=b"], "WT_REP1 WT_REP2"),
    "Expression Atlas": (["Gene ID=genes", "Gene Name=symbols", "flower=a", "10 days, root=b"], "flower|10 days, root"),
    "GCT": (["Name=genes", "Description=symbols", "GTEX-1117F-0226-SM-5GZZ7=a"], "GTEX-1117F-0226-SM-5GZZ7"),
    "TAIR": (["Locus=genes", "Type=text", "Short_description=text", "leaf=a"], "leaf"),
    "counts next to samples": ([G, "leaf=a", "leaf_count=counts", "root=b", "root_count=more counts"], "leaf root"),
    "reads next to a sample": ([G, "leaf=a", "NumReads=counts"], "leaf"),
    "CPM": ([G, "leaf_CPM=a", "root_CPM=b"], "leaf_CPM root_CPM"),
    "lengths": ([G, "width=lengths", "gene_length_kb=c", "EffectiveLength=b", "leaf=a"], "leaf"),
    "properties": (
        [G, "GC=shares", "gc_content=shares", "tau=shares", "exon_number=few", "n_exons=few", "leaf=a"],
        "leaf",
    ),
    "ranks": ([G, "rank=few", "percent=shares", "coverage=b", "version=few", "cluster=few", "leaf=a"], "leaf"),
    "summaries": ([G, "mean_TPM=b", "max=c", "leaf=a"], "leaf"),
    "mean and deviation": (
        [G, "leaf_1=a", "leaf_2=b", "leaf_mean=mean of a and b", "leaf_sd=deviations"],
        "leaf_1 leaf_2",
    ),
    "means": ([G, "WT_mean_TPM=a", "mut_mean_TPM=b", "WT_sd_TPM=deviations"], "WT_mean_TPM mut_mean_TPM"),
    "mean TPM of counts": ([G, "leaf_count=counts", "root_count=more counts", "mean_TPM=a"], "mean_TPM"),
    "logarithms": ([G, "leaf=a", "log2_leaf=logs", "log_max=logs", "logMaxTPM=logs"], "leaf"),
    "unnamed": ([G, "=counts", "Unnamed: 2=entrez", "leaf=a"], "leaf"),
    "missing numbers": ([G, "taxid=entrez", "leaf=a"], "leaf"),
}


@pytest.mark.parametrize(("headers", "samples"), MATRICES.values(), ids=MATRICES.keys())
def test_samples_are_recognised_by_the_header(table, headers, samples):
    expected = samples.split("|") if "|" in samples else samples.split()
    assert list(read_expression([table(headers)]).tpm.columns) == expected


@pytest.mark.parametrize(
    "name",
    [
        "length_mutant",
        "root_max_light",
        "30_min",
        "Chr11_line",
        "start_of_day",
        "mean_temp",
        "SD_leaf_1",
        "count_dracula",
        "gene_edited_1",
        "SD",
        "leaf_SE",
        "GC",
        "total_RNA",
        "log_phase_1",
        "ID_21",
        "end",
        "rank_high",
        "LN_leaf",
        "CV_1",
        "pos_control",
        "reads_a",
        "reference",
        "tau_mutant",
        "200_rpm",
        "X",
    ],
)
def test_a_word_in_the_name_of_a_sample_does_not_exclude_it(table, name):
    found = read_expression([table([G, "control=a", f"{name}=b", "other=c"])])
    assert list(found.tpm.columns) == ["control", name, "other"]
    assert found.left_out == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("TAIR_id", "entrez"),
        ("gene_number", "entrez"),
        ("transcript_length", "lengths"),
        ("mature_rna_length", "lengths"),
        ("tss_start", "starts"),
        ("wt_vs_mut_padj", "p"),
        ("fold_change_wt_mut", "changes"),
        ("max_all", "max of a, b and c"),
    ],
)
def test_a_column_is_excluded_if_its_numbers_agree_with_its_name(table, name, kind):
    found = read_expression([table([G, "leaf=a", "root=b", "stem=c", f"{name}={kind}"])])
    assert found.left_out == [name]


def test_counts_in_the_names_of_several_samples_do_not_exclude_them(table):
    found = read_expression([table([G, "wt_1=a", "count_dracula_1=b", "count_dracula_2=c"])])
    assert list(found.tpm.columns) == ["wt_1", "count_dracula_1", "count_dracula_2"]


def test_what_the_other_columns_are_is_reported_in_one_line(table, caplog):
    read_expression([table([G, "symbol=symbols", "GeneID=entrez", "TPM=a", "FPKM=b", "max_TPM=a"])])
    text = "'symbol' (text), 'GeneID' (identifier), 'FPKM' (FPKM), 'max_TPM' (max of samples, TPM)"
    assert f"not used as samples: {text}; use --samples to select samples" in caplog.text


def test_whole_numbers_among_fractions_are_no_sample_if_there_are_many(tmp_path):
    path = tmp_path / "t.csv"
    rows = "".join(f"g{row},{row / 7},{row / 3},{800_000 + 13 * row}\n" for row in range(30))
    path.write_text("gene,leaf,root,LOC\n" + rows)
    assert read_expression([path]).left_out == ["LOC"]
