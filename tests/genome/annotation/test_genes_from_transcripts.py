"""Genes without rows of their own, in the files of gene finders, assemblers and genome browsers."""

import logging

import pytest

from kanseq.errors import BadOption
from kanseq.genome.annotation.genes import read_genes


def places(path, id_key=None):
    """Return name, contig, start, end and strand of all genes."""
    return [gene[:5] for gene in read_genes(path, id_key)]


def test_bare_names_of_augustus_name_gene_and_transcript(rows):
    path = rows("""
        c1 AUGUSTUS gene 101 900 + g5
        c1 AUGUSTUS transcript 101 900 + g5.t1
        c1 AUGUSTUS CDS 101 400 + transcript_id "g5.t1"; gene_id "g5";
        c1 AUGUSTUS intron 401 600 + transcript_id "g5.t1"; gene_id "g5";
        c1 AUGUSTUS CDS 601 900 + transcript_id "g5.t1"; gene_id "g5";
    """)
    assert places(path) == [("g5", "c1", 100, 900, "+")]


def test_braker_transcripts_without_gene_rows_are_not_genes_of_their_own(rows):
    path = rows("""
        c1 AUGUSTUS transcript 1001 2000 - jg3.t1
        c1 AUGUSTUS CDS 1101 2000 - transcript_id "jg3.t1"; gene_id "jg3";
        c1 AUGUSTUS transcript 1201 2100 - jg3.t2
        c1 AUGUSTUS CDS 1201 2100 - transcript_id "jg3.t2"; gene_id "jg3";
    """)
    assert places(path) == [("jg3", "c1", 1000, 2100, "-")]


def test_bare_transcripts_without_other_rows_name_their_gene(rows):
    path = rows("""
        c1 AUGUSTUS transcript 1 500 + g1.t1
        c1 AUGUSTUS transcript 101 600 + g1.t2
    """)
    assert places(path) == [("g1", "c1", 0, 600, "+")]


def test_braker_adds_genes_of_genemark_without_gene_rows(rows, caplog):
    path = rows("""
        c1 AUGUSTUS gene 1 500 - g1
        c1 AUGUSTUS transcript 1 500 - g1.t1
        c1 AUGUSTUS CDS 1 500 - transcript_id "g1.t1"; gene_id "g1";
        c1 GeneMark.hmm3 CDS 2001 2300 + gene_id "41_g"; transcript_id "41_t";
        c1 GeneMark.hmm3 exon 2001 2303 + gene_id "41_g"; transcript_id "41_t";
        c1 GeneMark.hmm3 stop_codon 2301 2303 + gene_id "41_g"; transcript_id "41_t";
        c2 GeneMark.hmm3 CDS 11 400 + gene_id "42_g"; transcript_id "42_t";
    """)
    with caplog.at_level(logging.INFO, "kanseq"):
        found = places(path)
    assert found == [("g1", "c1", 0, 500, "-"), ("41_g", "c1", 2000, 2303, "+"), ("42_g", "c2", 10, 400, "+")]
    assert "a.gtf: 2 genes without a gene row were assembled from transcripts" in caplog.text


def test_names_of_tsebra_may_contain_semicolons(rows):
    path = rows("""
        c1 AUGUSTUS gene 1 500 + g_1
        c1 AUGUSTUS transcript 1 500 + anno1;g7.t1
        c1 AUGUSTUS CDS 1 500 + transcript_id "anno1;g7.t1"; gene_id "g_1";
        c1 AUGUSTUS transcript 1001 1500 + anno2;jg9.t1
        c1 AUGUSTUS CDS 1001 1500 + transcript_id "anno2;jg9.t1"; gene_id "g_2";
    """)
    assert places(path) == [("g_1", "c1", 0, 500, "+"), ("g_2", "c1", 1000, 1500, "+")]


def test_genemark_es_codons_outside_coding_sequences_extend_a_gene(rows):
    path = rows("""
        c1 GeneMark.hmm start_codon 101 103 + gene_id "1_g"; transcript_id "1_t";
        c1 GeneMark.hmm CDS 101 400 + gene_id "1_g"; transcript_id "1_t";
        c1 GeneMark.hmm stop_codon 401 403 + gene_id "1_g"; transcript_id "1_t";
    """)
    assert places(path) == [("1_g", "c1", 100, 403, "+")]


def test_stringtie_genes_join_transcripts_that_overlap_in_a_chain(rows):
    path = rows("""
        # stringtie --merge
        c1 StringTie transcript 1 300 + gene_id "MSTRG.1"; transcript_id "MSTRG.1.1";
        c1 StringTie exon 1 300 + gene_id "MSTRG.1"; transcript_id "MSTRG.1.1"; exon_number "1";
        c1 StringTie transcript 801 1200 + gene_id "MSTRG.1"; transcript_id "MSTRG.1.2";
        c1 StringTie transcript 201 900 + gene_id "MSTRG.1"; transcript_id "MSTRG.1.3";
        c1 StringTie transcript 401 500 . gene_id "MSTRG.2"; transcript_id "MSTRG.2.1";
    """)
    assert places(path) == [("MSTRG.1", "c1", 0, 1200, "+"), ("MSTRG.2", "c1", 400, 500, ".")]


def test_transcripts_of_a_gene_a_few_bases_apart_are_one_gene(rows):
    path = rows("""
        c1 LTR exon 1 200 + gene_id "TE1" transcript_id "TE1.1"; class_id "x";
        c1 LTR exon 401 600 + gene_id "TE1" transcript_id "TE1.2"; class_id "x";
    """)
    assert places(path) == [("TE1", "c1", 0, 600, "+")]


def test_copies_of_a_name_far_apart_on_other_strands_and_contigs_are_separate_genes(rows):
    path = rows("""
        chr1 refGene transcript 1001 1100 + gene_id "MIR7"; transcript_id "NR_1"; gene_name "MIR7";
        chr1 refGene exon 1001 1100 + gene_id "MIR7"; transcript_id "NR_1"; gene_name "MIR7";
        chr1 refGene transcript 9001 9100 + gene_id "MIR7"; transcript_id "NR_1_2"; gene_name "MIR7";
        chr1 refGene exon 9001 9100 + gene_id "MIR7"; transcript_id "NR_1_2"; gene_name "MIR7";
        chr1 refGene exon 1001 1100 - gene_id "MIR7"; transcript_id "NR_1_3"; gene_name "MIR7";
        chr2 refGene exon 501 600 + gene_id "MIR7"; transcript_id "NR_1_4"; gene_name "MIR7";
    """)
    assert places(path) == [
        ("MIR7", "chr1", 1000, 1100, "+"),
        ("MIR7", "chr1", 9000, 9100, "+"),
        ("MIR7", "chr1", 1000, 1100, "-"),
        ("MIR7", "chr2", 500, 600, "+"),
    ]


def test_copies_of_a_transcript_with_the_same_name_are_separate_genes(rows):
    path = rows("""
        chr1 refGene transcript 1001 1600 + gene_id "D4"; transcript_id "NM_4";
        chr1 refGene exon 1001 1100 + gene_id "D4"; transcript_id "NM_4";
        chr1 refGene exon 1501 1600 + gene_id "D4"; transcript_id "NM_4";
        chr1 refGene transcript 8001 8600 + gene_id "D4"; transcript_id "NM_4";
        chr1 refGene exon 8001 8100 + gene_id "D4"; transcript_id "NM_4";
        chr1 refGene exon 8501 8600 + gene_id "D4"; transcript_id "NM_4";
    """)
    genes = read_genes(path)
    assert [gene[:5] for gene in genes] == [("D4", "chr1", 1000, 1600, "+"), ("D4", "chr1", 8000, 8600, "+")]
    assert [gene.line for gene in genes] == [1, 4]


def test_exons_far_apart_of_one_transcript_are_one_gene(rows):
    path = rows("""
        chr1 knownGene exon 1 100 + gene_id "uc1"; transcript_id "uc1";
        chr1 knownGene exon 90001 90100 + gene_id "uc1"; transcript_id "uc1";
    """)
    assert places(path) == [("uc1", "chr1", 0, 90100, "+")]


def test_a_gff3_without_gene_rows_takes_genes_from_parents(rows):
    path = rows("""
        ##gff-version 3
        c1 maker mRNA 1 500 + ID=gene:B-mRNA-1;Parent=gene:B;Name=B-mRNA-1
        c1 maker exon 1 500 + ID=e1;Parent=gene:B-mRNA-1
        c1 maker mRNA 101 700 + ID=gene:B-mRNA-2;Parent=gene:B;Name=B-mRNA-2
        c1 maker exon 101 700 + ID=e2;Parent=gene:B-mRNA-2
    """)
    assert places(path) == [("B", "c1", 0, 700, "+")]


def test_a_transcript_without_a_gene_is_a_gene(rows):
    path = rows("""
        ##gff-version 3
        c1 x gene 1 500 + ID=A
        c1 x mRNA 1 500 + ID=A.1;Parent=A
        c1 x exon 1 500 + Parent=A.1
        c1 x mRNA 2001 2500 - ID=T9;Name=nine
        c1 x exon 2001 2500 - Parent=T9
        c1 x exon 2601 2700 - Parent=T9
    """)
    assert places(path) == [("A", "c1", 0, 500, "+"), ("T9", "c1", 2000, 2700, "-")]


def test_exons_may_name_only_a_transcript(rows):
    path = rows("""
        ##gff-version 3
        c1 x exon 1 100 + ID=e1;Parent=transcript:T1
        c1 x exon 401 500 + ID=e2;Parent=transcript:T1,transcript:T2
        c1 x CDS 3001 3300 + ID=p;Parent=transcript:T3
    """)
    assert places(path) == [("T1", "c1", 0, 500, "+"), ("T2", "c1", 400, 500, "+"), ("T3", "c1", 3000, 3300, "+")]


def test_gffread_names_genes_in_an_attribute_of_transcripts(rows):
    path = rows("""
        ##gff-version 3
        c1 StringTie transcript 1 900 + ID=S.1.1;geneID=S.1;gene_name=abc
        c1 StringTie exon 1 900 + Parent=S.1.1
        c1 StringTie transcript 501 1500 + ID=S.1.2;geneID=S.1;gene_name=abc
        c1 StringTie exon 501 1500 + Parent=S.1.2
    """)
    assert places(path) == [("S.1", "c1", 0, 1500, "+")]


def test_rap_db_names_loci_in_an_attribute_of_transcripts(rows):
    path = rows("""
        ##gff-version 3
        chr01 irgsp1_rep mRNA 1 900 + ID=Os01t0100100-01;Name=Os01t0100100-01;Locus_id=Os01g0100100
        chr01 irgsp1_rep exon 1 900 + Parent=Os01t0100100-01
    """)
    assert places(path) == [("Os01g0100100", "chr01", 0, 900, "+")]


def test_a_child_of_a_transcript_belongs_to_the_gene_of_the_transcript(rows):
    path = rows("""
        ##gff-version 3
        c1 miRBase miRNA_primary_transcript 1 120 + ID=MI1;Name=ath-MIR1
        c1 miRBase miRNA 11 31 + ID=MIMAT1;Name=ath-miR1;Derives_from=MI1
    """)
    assert places(path) == [("MI1", "c1", 0, 120, "+")]


def test_prokka_files_without_genes_use_the_locus_tags_of_coding_sequences(rows):
    path = rows("""
        ##gff-version 3
        s1 Prodigal:2.6 CDS 1 300 + ID=PK_00001;locus_tag=PK_00001;product=x
        s1 Prodigal:2.6 CDS 401 700 - ID=PK_00002;locus_tag=PK_00002;product=y
        s1 Aragorn:1.2 tRNA 801 880 + ID=PK_00003;locus_tag=PK_00003;product=tRNA-Ala
    """)
    assert [gene.id for gene in read_genes(path)] == ["PK_00001", "PK_00002", "PK_00003"]


def test_id_groups_transcripts_by_the_attribute(rows):
    path = rows("""
        c1 x transcript 1 500 + gene_id "A"; transcript_id "A.1"; gene_name "n1"
        c1 x exon 1 500 + gene_id "A"; transcript_id "A.1";
        c1 x transcript 301 900 + gene_id "A"; transcript_id "A.2"; gene_name "n1"
        c1 x transcript 801 1500 + gene_id "B"; transcript_id "B.1"; gene_name "n1"
    """)
    assert places(path, "gene_name") == [("n1", "c1", 0, 1500, "+")]
    assert places(path, "transcript_id") == [
        ("A.1", "c1", 0, 500, "+"),
        ("A.2", "c1", 300, 900, "+"),
        ("B.1", "c1", 800, 1500, "+"),
    ]


def test_transcripts_without_the_attribute_of_id_join_the_others_of_their_gene(rows):
    path = rows("""
        c1 StringTie transcript 1 500 + gene_id "M.1"; transcript_id "M.1.1"; ref_gene_id "G1"
        c1 StringTie transcript 401 900 + gene_id "M.1"; transcript_id "M.1.2";
        c1 StringTie transcript 3001 3900 + gene_id "M.2"; transcript_id "M.2.1";
    """)
    assert places(path, "ref_gene_id") == [("G1", "c1", 0, 900, "+"), (".", "c1", 3000, 3900, "+")]
    with pytest.raises(BadOption, match="no gene has the attribute 'symbol' of --id; choose one of gene_id"):
        read_genes(path, "symbol")


def test_id_id_is_the_id_of_the_gene_not_of_its_transcripts(rows):
    path = rows("""
        ##gff-version 3
        c1 x mRNA 1 500 + ID=A.1;Parent=A
        c1 x mRNA 301 900 + ID=A.2;Parent=A
        c1 x mRNA 3001 3900 + ID=B.1
    """)
    assert places(path, "ID") == [("A", "c1", 0, 900, "+"), ("B.1", "c1", 3000, 3900, "+")]


def test_coding_sequences_of_genbank_and_prodigal_without_any_name_of_a_gene_are_genes(rows):
    path = rows("""
        ##gff-version 3
        Mt tpg tRNA 1 70 + ID=rna-Mt:1..70;gbkey=tRNA;product=tRNA-Ile
        Mt tpg exon 1 70 + ID=exon-Mt:1..70-1;Parent=rna-Mt:1..70
        Mt tpg CDS 101 400 + ID=cds-DBA1.1;Name=DBA1.1;protein_id=DBA1.1
        Mt Prodigal_v2.6.3 CDS 501 800 - ID=1_2;partial=00
    """)
    assert [gene.id for gene in read_genes(path)] == ["Mt:1..70", "DBA1.1", "1_2"]


def test_exons_that_name_nothing_make_no_genes(rows):
    path = rows("""
        ##gff-version 3
        c1 x mRNA 1 500 + ID=T1
        c1 x exon 1 200 + ID=T1:exon:1
        c1 x CDS 1 200 + ID=T1:cds
    """)
    assert places(path) == [("T1", "c1", 0, 500, "+")]


def test_prefixes_of_transcripts_are_no_part_of_the_names_of_genes(rows):
    path = rows("""
        ##gff-version 3
        c1 x mRNA 1 500 + ID=mRNA:T1
        c1 x exon 1 500 + Parent=mRNA:T1
        c1 x mRNA 2001 2500 + ID=Transcript:T2
    """)
    assert [gene.id for gene in read_genes(path)] == ["T1", "T2"]
    assert [gene.id for gene in read_genes(path, "ID")] == ["T1", "T2"]
