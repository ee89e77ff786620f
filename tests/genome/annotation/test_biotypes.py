"""The biotype of a gene is found wherever an annotation states it."""

import logging

import pytest

from kanseq.errors import NoGenes
from kanseq.genome.annotation.genes import read_genes, select_genes


def selected(path, *biotypes):
    """Return the ids of the selected genes, and id and detail of genes excluded for their biotype."""
    kept, excluded = select_genes(read_genes(path), biotypes)
    return [gene.id for gene in kept], [(item.id, item.detail) for item in excluded if item.reason == "biotype"]


@pytest.mark.parametrize(
    ("coding", "other", "detail"),
    [
        ('gene gene_id "A"; gene_biotype "protein_coding";', 'gene gene_id "B"; gene_biotype "tRNA";', "tRNA"),
        ('gene gene_id "A"; gene_type "protein_coding";', 'gene gene_id "B"; gene_type "lncRNA";', "lncRNA"),
        ("gene ID=gene:A;biotype=protein_coding", "ncRNA_gene ID=gene:B;biotype=miRNA", "miRNA"),
        ("gene ID=A;locus_type=protein_coding", "gene ID=B;locus_type=transfer_rna", "transfer_rna"),
        ("protein_coding_gene ID=A;ebi_biotype=protein_coding", "ncRNA_gene ID=B;ebi_biotype=rRNA", "rRNA"),
        ("protein_coding_gene ID=A", "pseudogene ID=B", "pseudogene"),
        ("protein_coding_gene ID=A", "ncRNA_gene ID=B", "ncRNA_gene"),
        ("gene ID=Gene:A;Name=A;so_term_name=protein_coding_gene", "gene ID=B;so_term_name=ncRNA_gene", "ncRNA_gene"),
        ("gene ID=A;Note=protein_coding_gene;Name=A", "gene ID=B;Note=snoRNA;Name=B", "snoRNA"),
        ("gene ID=A;gene_biotype=mRNA", "gene ID=B;gene_biotype=rRNA", "rRNA"),
        ("gene ID=A;gene_type=protein-coding", "gene ID=B;gene_type=pseudo", "pseudo"),
        ("gene ID=A;biotype=coding", "gene ID=B;biotype=noncoding", "noncoding"),
    ],
)
def test_rows_of_genes_state_a_biotype(tmp_path, coding, other, detail):
    path = tmp_path / "a.gff3"
    lines = [line.split(" ", 1) for line in (coding, other)]
    path.write_text("".join(f"1\tx\t{kind}\t1\t90\t.\t+\t.\t{rest}\n" for kind, rest in lines))
    kept, excluded = selected(path)
    assert [name.removeprefix("Gene:") for name in kept] == ["A"]
    assert excluded == [("B", detail)]


def test_a_note_of_free_text_is_no_biotype(rows):
    path = rows("""
        c1 x gene 1 500 + ID=A;Note=similar to a protein coding gene
        c1 x gene 1001 1500 + ID=B;Note=miRNA binding protein
    """)
    assert selected(path) == (["A", "B"], [])


def test_old_ensembl_files_state_the_biotype_in_column_2(rows):
    path = rows("""
        1 protein_coding exon 1 500 - gene_id "A"; transcript_id "A.1"; gene_name "x";
        1 retained_intron exon 1001 1500 + gene_id "B"; transcript_id "B.1";
        1 protein_coding CDS 1001 1400 + gene_id "B"; transcript_id "B.2";
        1 snRNA exon 2001 2500 + gene_id "C"; transcript_id "C.1";
        1 nonsense_mediated_decay exon 3001 3500 + gene_id "D"; transcript_id "D.1";
    """)
    assert selected(path) == (["A", "B"], [("C", "snRNA"), ("D", "nonsense_mediated_decay")])
    assert selected(path, "snRNA")[0] == ["C"]


def test_column_2_is_a_source_if_the_biotype_is_elsewhere(rows):
    # Ensembl 75: column 2 of transcripts is their biotype, column 2 of genes is not.
    path = rows("""
        1 pseudogene gene 1 500 + gene_id "A"; gene_source "havana"; gene_biotype "protein_coding";
        1 processed_transcript transcript 1 500 + gene_id "A"; transcript_id "A.1"; gene_biotype "protein_coding";
        1 ensembl gene 1001 1500 + gene_id "B"; gene_biotype "pseudogene";
    """)
    assert selected(path) == (["A"], [("B", "pseudogene")])


def test_transcripts_state_the_biotype_of_genes_without_rows(rows):
    path = rows("""
        1 x transcript 1 500 + gene_id "A"; transcript_id "A.1"; transcript_biotype "retained_intron";
        1 x transcript 1 500 + gene_id "A"; transcript_id "A.2"; transcript_biotype "protein_coding";
        1 x transcript 1001 1500 + gene_id "B"; transcript_id "B.1"; transcript_biotype "lncRNA";
    """)
    assert selected(path) == (["A"], [("B", "lncRNA")])


def test_the_type_mrna_means_protein_coding_next_to_other_types(rows):
    path = rows("""
        ##gff-version 3
        c1 x mRNA 1 500 + ID=A.1;Parent=A
        c1 x tRNA 1001 1072 + ID=B.1;Parent=B
        c1 x transcript 2001 2500 + ID=C.1;Parent=C
    """)
    assert selected(path) == (["A"], [("B", "tRNA"), ("C", "none")])


def test_the_type_mrna_alone_states_nothing(rows):
    path = rows("""
        ##gff-version 3
        c1 x mRNA 1 500 + ID=A.1;Parent=A
        c1 x transcript 2001 2500 + ID=C.1;Parent=C
    """)
    assert selected(path) == (["A", "C"], [])


def test_genes_added_without_a_row_do_not_exclude_the_rows(rows):
    path = rows("""
        ##gff-version 3
        c1 maker gene 1 500 + ID=A
        c1 maker mRNA 1 500 + ID=A.1;Parent=A
        c1 x mRNA 2001 2500 + ID=B.1
        c1 tRNAscan tRNA 4001 4072 + ID=C.1
    """)
    assert selected(path) == (["A", "B.1"], [("C.1", "tRNA")])


def test_genes_without_a_biotype_next_to_others_are_excluded_as_none(rows, caplog):
    path = rows("""
        c1 ens gene 1 500 + gene_id "A"; gene_biotype "protein_coding";
        c1 GeneMark.hmm3 CDS 2001 2300 + gene_id "41_g"; transcript_id "41_t";
    """)
    with caplog.at_level(logging.INFO, "kanseq"):
        assert selected(path) == (["A"], [("41_g", "none")])
    assert "1 gene has no biotype and is excluded, because others are protein_coding" in caplog.text
    assert "use --biotype protein_coding,none to keep it" in caplog.text
    assert selected(path, "protein_coding", "none") == (["A", "41_g"], [])


def test_a_file_without_biotypes_says_so(rows, caplog):
    path = rows("""
        c1 phytozome gene 1 500 + ID=A
        c1 phytozome gene 2001 2300 + ID=B
    """)
    with caplog.at_level(logging.INFO, "kanseq"):
        assert selected(path) == (["A", "B"], [])
    assert "the annotation states no biotype: all 2 gene rows were taken" in caplog.text


def test_a_file_with_types_other_than_gene_says_which_are_excluded(rows, caplog):
    path = rows("""
        c1 SGD gene 1 500 + ID=A
        c1 SGD tRNA_gene 2001 2300 + ID=B
    """)
    with caplog.at_level(logging.INFO, "kanseq"):
        assert selected(path) == (["A"], [("B", "tRNA_gene")])
    assert "1 gene row was taken; genes of these types are excluded: tRNA_gene" in caplog.text


def test_coding_sequences_count_only_if_protein_coding_is_requested(rows, caplog):
    path = rows("""
        c1 refGene exon 1 500 + gene_id "A"; transcript_id "NM_1";
        c1 refGene CDS 101 400 + gene_id "A"; transcript_id "NM_1";
        c1 refGene exon 2001 2500 + gene_id "B"; transcript_id "NR_1";
    """)
    with caplog.at_level(logging.INFO, "kanseq"):
        assert selected(path) == (["A", "B"], [])
    assert "1 of them has coding sequences (--biotype protein_coding keeps only these)" in caplog.text
    assert selected(path, "protein_coding") == (["A"], [("B", "none")])


def test_requested_biotypes_are_those_of_the_file_or_synonyms(rows):
    path = rows("""
        c1 x protein_coding_gene 1 500 + ID=A
        c1 x ncRNA_gene 2001 2500 + ID=B
    """)
    assert selected(path, "protein_coding")[0] == ["A"]
    assert selected(path, "protein_coding_gene")[0] == ["A"]
    assert selected(path, "ncRNA_gene")[0] == ["B"]
    with pytest.raises(NoGenes, match=r"no gene has the biotype tRNA; use --biotype with one of protein_coding_gene"):
        selected(path, "tRNA")


def test_only_other_biotypes_are_refused_with_a_list(rows):
    path = rows("""
        c1 x pseudogene 1 500 + ID=A
    """)
    with pytest.raises(NoGenes, match=r"no gene has the biotype protein_coding; use --biotype with one of pseudogene"):
        selected(path)


def test_types_of_transcripts_are_the_biotypes_of_genes_that_state_none(rows):
    # As in FlyBase and MAKER. There, a pseudogene is a child of its gene.
    path = rows("""
        ##gff-version 3
        2L FlyBase gene 1 500 + ID=FBgn1;Name=a
        2L FlyBase mRNA 1 500 + ID=FBtr1;Parent=FBgn1
        2L FlyBase ncRNA 1 500 + ID=FBtr2;Parent=FBgn1
        2L FlyBase gene 1001 1072 - ID=FBgn2;Name=b
        2L FlyBase tRNA 1001 1072 - ID=FBtr3;Parent=FBgn2
        2L FlyBase gene 3001 3500 + ID=FBgn4
        2L FlyBase pseudogene 3001 3500 + ID=FBtr4;Parent=FBgn4
        2L FlyBase gene 5001 5500 + ID=FBgn5
    """)
    assert selected(path) == (["FBgn1", "FBgn5"], [("FBgn2", "tRNA"), ("FBgn4", "pseudogene")])
    assert selected(path, "pseudogene")[0] == ["FBgn4"]


def test_biotypes_of_transcripts_are_those_of_genes_that_state_none(rows):
    path = rows("""
        1 x gene 1 500 + gene_id "A";
        1 x transcript 1 500 + gene_id "A"; transcript_id "A.1"; transcript_biotype "retained_intron";
        1 x transcript 1 500 + gene_id "A"; transcript_id "A.2"; transcript_biotype "protein_coding";
        1 x gene 1001 1500 + gene_id "B";
        1 x transcript 1001 1500 + gene_id "B"; transcript_id "B.1"; transcript_biotype "snRNA";
    """)
    assert selected(path) == (["A"], [("B", "snRNA")])


@pytest.mark.parametrize("word", ["NA", "", ".", "None"])
def test_words_for_a_missing_value_are_no_biotypes(rows, word):
    path = rows(f"""
        c1 x gene 1 500 + gene_id "A"; gene_biotype "{word}"; gene_type "protein_coding";
        c1 x gene 1001 1500 + gene_id "B"; gene_biotype "{word}";
    """)
    assert selected(path) == (["A"], [("B", "none")])


def test_a_requested_biotype_that_no_gene_has_is_reported(rows, caplog):
    path = rows("""
        c1 x gene 1 500 + gene_id "A"; gene_biotype "protein_coding";
        c1 x gene 1001 1500 + gene_id "B"; gene_biotype "lncRNA";
    """)
    assert selected(path, "mRNA", "lincRNA", "none")[0] == ["A"]
    assert [record.getMessage() for record in caplog.records] == [
        "no gene has the biotype lincRNA; the file has lncRNA, protein_coding"
    ]


def test_the_error_without_genes_of_a_biotype_names_the_file(rows):
    path = rows("""
        c1 x gene 1 500 + gene_id "A"; gene_biotype "lncRNA";
    """)
    with pytest.raises(NoGenes, match=r"a\.gtf: no gene has the biotype tRNA"):
        select_genes(read_genes(path), ["tRNA"], path)


@pytest.mark.parametrize("kind", ["Gene", "GENE"])
def test_the_type_gene_may_be_in_upper_case(rows, kind):
    path = rows(f"""
        c1 x {kind} 1 500 + gene_id "A";
        c1 x transcript 1 500 + gene_id "A"; transcript_id "A.1";
        c1 x Pseudogene 1001 1500 + gene_id "B";
    """)
    assert selected(path) == (["A"], [("B", "Pseudogene")])
