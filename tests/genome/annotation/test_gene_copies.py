"""One name at several places, of which only some have a row of the gene, and genes of which only some rows exist."""

import pytest

from kanseq.errors import NoGenes
from kanseq.genome.annotation.genes import read_genes, select_genes


def selected(path, *biotypes):
    """Return id, contig, start and end of the selected genes, and id, reason and detail of the excluded ones."""
    kept, excluded = select_genes(read_genes(path), biotypes)
    return [gene[:4] for gene in kept], [item[:3] for item in excluded]


def test_parts_of_a_trans_spliced_gene_on_the_other_strand_are_excluded(rows):
    path = rows("""
        Mt x exon 8001 8100 + gene_id "nad1"; transcript_id "nad1.1";
        Mt x gene 1001 3000 - gene_id "nad1"; gene_biotype "protein_coding";
        Mt x transcript 1001 3000 - gene_id "nad1"; transcript_id "nad1.1";
        Mt x exon 1001 1500 - gene_id "nad1"; transcript_id "nad1.1";
        Mt x exon 2001 2100 + gene_id "nad1"; transcript_id "nad1.1";
    """)
    detail = "line 1 (Mt:2001-8100(+), without a gene row); the row of the gene is line 2"
    assert selected(path) == ([("nad1", "Mt", 1000, 3000)], [("nad1", "duplicate_id", detail)])


@pytest.mark.parametrize(
    "copy",
    ['CDS 7001 7300 - gene_id "g4"; transcript_id "g4.t1";', 'transcript 401 1100 - gene_id "g4"; transcript_id "x";'],
    ids=["of the same transcript", "that overlaps the row"],
)
def test_copies_on_the_other_strand_of_a_gene_row_are_excluded(rows, copy):
    path = rows(f"""
        c1 AUGUSTUS gene 201 800 + g4
        c1 AUGUSTUS transcript 201 800 + g4.t1
        c1 AUGUSTUS CDS 201 800 + transcript_id "g4.t1"; gene_id "g4";
        c1 other {copy}
    """)
    kept, excluded = selected(path)
    assert kept == [("g4", "c1", 200, 800)]
    assert [item[:2] for item in excluded] == [("g4", "duplicate_id")]


def test_a_copy_on_another_contig_is_a_gene_even_of_the_same_transcript(rows):
    path = rows("""
        c1 AUGUSTUS gene 201 800 + g4
        c1 AUGUSTUS transcript 201 800 + g4.t1
        c1 AUGUSTUS CDS 201 800 + transcript_id "g4.t1"; gene_id "g4";
        c2 GeneMark.hmm3 transcript 501 700 + transcript_id "g4.t1"; gene_id "g4";
        c2 GeneMark.hmm3 CDS 501 700 + transcript_id "g4.t1"; gene_id "g4";
    """)
    assert selected(path) == ([("g4", "c1", 200, 800), ("g4", "c2", 500, 700)], [])


def test_a_gene_with_the_symbol_of_another_is_a_gene(rows):
    path = rows("""
        ##gff-version 3
        Pt x gene 101 900 + ID=gene-Cp7;locus_tag=Cp7;gene=ycf2
        Pt x CDS 101 900 + ID=cds-7;Parent=gene-Cp7;locus_tag=Cp7;gene=ycf2
        Pt x CDS 5001 5900 + ID=cds-8;locus_tag=Cp8;gene=ycf2
        Pt x CDS 7001 7900 + locus_tag=Cp9;gene=ycf2
    """)
    assert [gene[:3] for gene in read_genes(path)] == [("Cp7", "Pt", 100), ("Cp8", "Pt", 5000), ("Cp9", "Pt", 7000)]


def test_rows_that_name_only_a_symbol_belong_to_the_gene_row_with_the_symbol(rows):
    path = rows("""
        ##gff-version 3
        Pt x gene 101 900 + ID=gene-Cp7;locus_tag=Cp7;gene=ycf2
        Pt x CDS 201 600 + ID=cds-7;gene=ycf2
    """)
    assert [gene.id for gene in read_genes(path)] == ["Cp7"]


FLYBASE_GTF = """
    3R FlyBase pseudogene 4001 4600 - gene_id "FBgn8"; gene_symbol "CR8"; transcript_id "FBtr8"; transcript_symbol "a";
    3R FlyBase exon 4001 4600 - gene_id "FBgn8"; gene_symbol "CR8"; transcript_id "FBtr8"; transcript_symbol "a";
    3R FlyBase gene 4001 4600 - gene_id "FBgn8"; gene_symbol "CR8";
    3R FlyBase gene 6001 6900 + gene_id "FBgn9"; gene_symbol "n";
    3R FlyBase mRNA 6001 6900 + gene_id "FBgn9"; gene_symbol "n"; transcript_id "FBtr9"; transcript_symbol "n-RA";
"""
FLYBASE_GFF = """
    ##gff-version 3
    3R FlyBase gene 4001 4600 - ID=FBgn8;Name=CR8
    3R FlyBase pseudogene 4001 4600 - ID=FBtr8;Name=a;Parent=FBgn8
    3R FlyBase exon 4001 4600 - Name=CR8:1;Parent=FBtr8;parent_type=pseudogene
    3R FlyBase gene 6001 6900 + ID=FBgn9;Name=n
    3R FlyBase mRNA 6001 6900 + ID=FBtr9;Name=n-RA;Parent=FBgn9
"""


@pytest.mark.parametrize("text", [FLYBASE_GTF, FLYBASE_GFF], ids=["GTF", "GFF3"])
def test_a_pseudogene_of_flybase_is_a_transcript_of_its_gene(rows, text):
    path = rows(text)
    assert selected(path) == ([("FBgn9", "3R", 6000, 6900)], [("FBgn8", "biotype", "pseudogene")])
    assert selected(path, "pseudogene")[0] == [("FBgn8", "3R", 4000, 4600)]


def test_a_pseudogene_that_names_a_transcript_but_no_other_row_is_a_gene(rows):
    path = rows("""
        c1 x gene 101 900 + gene_id "A";
        c1 x pseudogene 2001 2900 + gene_id "P"; transcript_id "P.1";
        c1 x pseudogene 4001 4900 + ID=Q;Parent=region7
    """)
    assert [gene.id for gene in read_genes(path)] == ["A", "P", "Q"]


def test_predictions_of_gemoma_are_transcripts(rows):
    path = rows("""
        ##gff-version 3
        c1 GeMoMa gene 101 900 + ID=gene_1
        c1 GeMoMa prediction 101 900 + ID=X7_R0;ref-gene=X7;Parent=gene_1
        c1 GeMoMa CDS 101 900 + Parent=X7_R0
        c1 GeMoMa prediction 3001 3900 - ID=X8_R0;ref-gene=X8;tie=NA
        c1 GeMoMa CDS 3001 3900 - Parent=X8_R0
    """)
    assert selected(path) == ([("gene_1", "c1", 100, 900), ("X8_R0", "c1", 3000, 3900)], [])


def test_other_features_with_coding_sequences_are_excluded_by_their_type(rows):
    path = rows("""
        ##gff-version 3
        chrI SGD gene 101 900 + ID=YAL7W
        chrI SGD CDS 101 900 + Parent=YAL7W
        chrI SGD blocked_reading_frame 2001 2900 + ID=YAR9W
        chrI SGD CDS 2001 2900 + Parent=YAR9W
    """)
    assert selected(path) == ([("YAL7W", "chrI", 100, 900)], [("YAR9W", "biotype", "blocked_reading_frame")])


def test_a_gene_of_which_there_are_only_codons_or_utrs_is_excluded(rows):
    path = rows("""
        c1 x exon 101 900 + gene_id "A"; transcript_id "A.1";
        c1 x start_codon 3001 3003 + gene_id "B"; transcript_id "B.1";
        c1 x stop_codon 3601 3603 + gene_id "B"; transcript_id "B.1";
    """)
    detail = "line 2: only rows of UTRs or codons"
    assert selected(path) == ([("A", "c1", 100, 900)], [("B", "no_exons", detail)])


def test_a_file_of_codons_has_no_genes(rows):
    path = rows("""
        c1 x start_codon 3001 3003 + gene_id "B"; transcript_id "B.1";
    """)
    with pytest.raises(NoGenes, match="no gene rows; its row types are start_codon"):
        read_genes(path)


def test_transcripts_may_name_no_gene(rows):
    path = rows("""
        c1 x gene 101 900 + gene_id "A";
        c1 x transcript 101 900 + gene_id "A"; transcript_id "A.1";
        c1 x exon 101 400 + transcript_id "A.1";
        c1 x exon 801 900 + transcript_id "A.1";
        c1 x transcript 3001 3900 - transcript_id "T5";
        c1 x exon 3001 3900 - transcript_id "T5";
        c1 x exon 5001 5300 + gene_id ""; transcript_id "T6";
        c1 x exon 5501 5600 + gene_id ""; transcript_id "T6";
    """)
    assert [gene[:4] for gene in read_genes(path)] == [
        ("A", "c1", 100, 900),
        ("T5", "c1", 3000, 3900),
        ("T6", "c1", 5000, 5600),
    ]


@pytest.mark.parametrize("kinds", [("transcript", "exon"), ("exon", "CDS")])
def test_a_file_may_name_only_transcripts(rows, kinds):
    path = rows("".join(f'c1 x {kind} 1 500 + transcript_id "T{n}";\n' for n in (1, 2) for kind in kinds))
    assert [gene[:4] for gene in read_genes(path)] == [("T1", "c1", 0, 500), ("T2", "c1", 0, 500)]


def test_exons_that_name_only_a_transcript_belong_to_the_gene_of_its_row(rows):
    path = rows("""
        ##gff-version 3
        c1 x gene 101 900 + ID=A
        c1 x mRNA 101 900 + ID=A-1;Parent=A
        c1 x exon 201 400 + ID=e1;transcript_id=A-1
    """)
    assert [gene.id for gene in read_genes(path)] == ["A"]


@pytest.mark.parametrize(("row", "others"), [("T7.3", "T7"), ("T7", "T7.3")])
def test_a_version_in_the_row_of_a_gene_or_of_its_transcripts_makes_no_other_gene(rows, row, others):
    path = rows(f"""
        c1 x gene 101 900 + gene_id "{row}";
        c1 x transcript 201 900 + gene_id "{others}"; transcript_id "t1";
        c1 x exon 201 900 + gene_id "{others}"; transcript_id "t1";
    """)
    assert [gene.id for gene in read_genes(path)] == [row]


def test_numbers_after_a_word_are_no_versions(rows):
    path = rows("""
        c1 x gene 101 900 + gene_id "STRG.1";
        c1 x exon 5001 5900 + gene_id "STRG.2"; transcript_id "STRG.2.1";
        c1 x exon 8001 8900 + gene_id "STRG"; transcript_id "a";
    """)
    assert [gene.id for gene in read_genes(path)] == ["STRG.1", "STRG.2", "STRG"]


def test_many_copies_of_one_name_are_separated(rows):
    path = rows(
        "".join(f'c1 rmsk exon {at} {at + 99} + gene_id "L1"; transcript_id "L1_{at}";\n' for at in (9001, 1, 301))
    )
    assert [gene[:4] for gene in read_genes(path)] == [("L1", "c1", 9000, 9100), ("L1", "c1", 0, 400)]
