"""Files whose genes have rows: their other rows make no genes."""

import pytest

from kanseq.genome.annotation.genes import read_genes

ENSEMBL = """
    ##gff-version 3
    1 . chromosome 1 9000 . ID=chromosome:1;Alias=CP1
    1 . biological_region 5 90 . external_name=x;logic_name=trf
    1 ens gene 101 900 + ID=gene:AT1;biotype=protein_coding;gene_id=AT1
    1 ens mRNA 101 900 + ID=transcript:AT1.1;Parent=gene:AT1;transcript_id=AT1.1
    1 ens five_prime_UTR 101 150 + Parent=transcript:AT1.1
    1 ens exon 101 900 + Parent=transcript:AT1.1;Name=AT1.1.exon1
    1 ens CDS 151 800 + ID=CDS:AT1.1;Parent=transcript:AT1.1
    1 ens ncRNA_gene 2001 2100 - ID=gene:AT2;biotype=snoRNA;gene_id=AT2
    1 ens snoRNA 2001 2100 - ID=transcript:AT2.1;Parent=gene:AT2
    1 ens exon 2001 2100 - Parent=transcript:AT2.1
"""
REFSEQ = """
    ##gff-version 3
    NC_1 RefSeq region 1 9000 + ID=NC_1:1..9000;gbkey=Src
    NC_1 RefSeq gene 101 900 + ID=gene-L1;gene=L1;gene_biotype=miRNA
    NC_1 RefSeq primary_transcript 101 900 + ID=rna-NR_1;Parent=gene-L1;gene=L1
    NC_1 RefSeq exon 101 900 + ID=exon-NR_1-1;Parent=rna-NR_1;gene=L1
    NC_1 RefSeq miRNA 201 220 + ID=rna-L1;Parent=rna-NR_1;gene=L1
    NC_1 RefSeq exon 201 220 + ID=exon-L1-1;Parent=rna-L1;gene=L1
    NC_1 RefSeq gene 2001 2300 + ID=gene-IGHV1;gene=IGHV1;gene_biotype=V_segment
    NC_1 RefSeq V_gene_segment 2001 2300 + ID=id-IGHV1;Parent=gene-IGHV1
    NC_1 RefSeq exon 2001 2300 + ID=id-IGHV1-1;Parent=id-IGHV1
    NC_1 RefSeq CDS 2001 2300 + ID=cds-IGHV1;Parent=id-IGHV1
    NC_1 RefSeq gene 3001 3090 + ID=gene-trnA;locus_tag=trnA;gene_biotype=tRNA
    NC_1 RefSeq tRNA 3001 3090 + ID=rna-trnA;locus_tag=trnA
    NC_1 RefSeq exon 3001 3090 + ID=exon-trnA-1;Parent=rna-trnA
    NC_1 RefSeq gene 4001 4300 + ID=gene-psb;gene_biotype=protein_coding
    NC_1 RefSeq CDS 4001 4300 + ID=cds-psb;Parent=gene-psb
    NC_1 RefSeq cDNA_match 1 900 + ID=aln1;Target=NM_1 1 900 +
    NC_1 RefSeq mobile_genetic_element 5001 5900 + ID=id-NC_1:5001..5900
"""
REFSEQ_GTF = """
    NC_1 RefSeq gene 101 900 + gene_id "b0001"; transcript_id ""; gene "thrL";
    NC_1 RefSeq CDS 101 900 + gene_id "b0001"; transcript_id "unknown_transcript_1"; gene "thrL";
    NC_1 RefSeq CDS 2001 2300 + gene_id ""; transcript_id "unknown_transcript_1"; note "x";
"""
ARAPORT = """
    ##gff-version 3
    Chr1 Araport11 gene 101 900 + ID=AT1G1;locus_type=protein_coding
    Chr1 Araport11 mRNA 101 900 + ID=AT1G1.1;Parent=AT1G1
    Chr1 Araport11 exon 101 900 + ID=AT1G1:exon:1;Parent=AT1G1.1
    Chr1 Araport11 protein 151 800 + ID=AT1G1.1-Protein;Derives_from=AT1G1.1
    Chr1 Araport11 pseudogene 1001 1900 + ID=AT1G2
    Chr1 Araport11 pseudogenic_transcript 1001 1900 + ID=AT1G2.1;Parent=AT1G2
    Chr1 Araport11 pseudogenic_exon 1001 1900 + ID=AT1G2:exon:1;Parent=AT1G2.1
    Chr1 Araport11 transposable_element_gene 3001 3900 + ID=AT1G3
    Chr1 Araport11 mRNA 3001 3900 + ID=AT1G3.1;Parent=AT1G3
    Chr1 Araport11 exon 3001 3900 + Parent=AT1G3.1
    Chr1 Araport11 transposable_element 3001 3900 + ID=AT1TE1
    Chr1 Araport11 transposon_fragment 3001 3900 + ID=AT1TE1.1;Parent=AT1TE1
"""
WORMBASE = """
    ##gff-version 3
    I WormBase gene 101 900 + ID=Gene:WBGene1;Name=WBGene1;biotype=protein_coding
    I WormBase mRNA 101 900 + ID=Transcript:Y1.1;Parent=Gene:WBGene1
    I WormBase CDS 101 900 + ID=CDS:Y1;Parent=Transcript:Y1.1
    I jigsaw CDS 2001 2500 + ID=CDS:JIGSAW_1.1
    I twinscan CDS 3001 3500 + ID=CDS:twin_1
    I BLAT_EST_BEST expressed_sequence_match 101 500 + ID=yk1;Target=yk1 1 400
    I dust repeat_region 601 700 + ID=r1
"""
SGD = """
    ##gff-version 3
    chrI SGD gene 101 900 + ID=YAL1W;Name=YAL1W
    chrI SGD CDS 101 900 + Parent=YAL1W_mRNA;Name=YAL1W_CDS
    chrI SGD mRNA 101 900 + ID=YAL1W_mRNA;Parent=YAL1W
    chrI SGD blocked_reading_frame 2001 2900 + ID=YAR2W
    chrI SGD CDS 2001 2900 + Parent=YAR2W;Name=YAR2W_CDS
    chrI SGD tRNA_gene 4001 4072 + ID=tA1
    chrI SGD noncoding_exon 4001 4072 + Parent=tA1
"""
AGAT = """
    c1 x gene 1 500 + gene_id "G"; ID "G";
    c1 x mRNA 1 500 + gene_id "G"; transcript_id "G.1"; ID "G.1"; Parent "G";
    c1 x exon 1 500 + gene_id "G"; transcript_id "G.1"; ID "agat-exon-1"; Parent "G.1";
"""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (ENSEMBL, ["AT1", "AT2"]),
        (REFSEQ, ["L1", "IGHV1", "trnA", "psb"]),
        (REFSEQ_GTF, ["b0001"]),
        (ARAPORT, ["AT1G1", "AT1G2", "AT1G3"]),
        (WORMBASE, ["WBGene1"]),
        (SGD, ["YAL1W", "YAR2W", "tA1"]),
        (AGAT, ["G"]),
    ],
    ids=["Ensembl", "RefSeq", "RefSeq GTF", "Araport11", "WormBase", "SGD", "AGAT"],
)
def test_no_other_row_makes_a_gene(rows, text, names):
    assert [gene.id for gene in read_genes(rows(text))] == names


def test_rows_in_any_order_find_their_gene(rows):
    lines = [line for line in REFSEQ.splitlines() if line.strip()]
    path = rows("\n".join([lines[0], *reversed(lines[1:])]))
    assert [gene.id for gene in read_genes(path)] == ["psb", "trnA", "IGHV1", "L1"]


def test_transcripts_do_not_change_the_ends_of_a_gene_row(rows):
    path = rows("""
        c1 x gene 101 900 + gene_id "A";
        c1 x transcript 51 1200 + gene_id "A"; transcript_id "A.1";
    """)
    assert [gene[:4] for gene in read_genes(path)] == [("A", "c1", 100, 900)]


def test_gff3_genes_without_a_row_stand_between_those_with_one(rows):
    path = rows("""
        ##gff-version 3
        c1 CAT transcript 1 500 + ID=T1;Parent=G1;gene_biotype=protein_coding
        c1 CAT exon 1 500 + Parent=T1
        c1 CAT gene 2001 2500 + ID=G2;gene_biotype=protein_coding
        c1 CAT transcript 2001 2500 + ID=T2;Parent=G2
        c1 CAT transcript 4001 4500 + ID=T3;Parent=G3;gene_biotype=lncRNA
    """)
    found = [(gene.id, gene.biotype) for gene in read_genes(path)]
    assert found == [("G1", "protein_coding"), ("G2", "protein_coding"), ("G3", "lncRNA")]


def test_a_transcript_that_names_no_gene_belongs_to_the_row_that_encloses_it(rows):
    path = rows("""
        ##gff-version 3
        c1 maker gene 101 900 + ID=A
        c1 maker mRNA 101 900 + ID=A-1
        c1 maker exon 101 900 + ID=A-1:exon:1
        c1 maker mRNA 301 900 + ID=A-2
        c1 tRNAscan tRNA 401 472 + ID=t1
    """)
    assert [gene.id for gene in read_genes(path)] == ["A", "t1"]


def test_augustus_gff_names_genes_without_keys_and_transcripts_with_id(rows):
    path = rows("""
        4 AUGUSTUS gene 101 900 + g2
        4 AUGUSTUS transcript 101 900 + ID=g2.t1
        4 AUGUSTUS exon 101 900 + Parent=g2.t1
        4 AUGUSTUS CDS 201 800 + ID=g2.t1.cds;Parent=g2.t1
    """)
    assert [gene.id for gene in read_genes(path)] == ["g2"]


def test_an_encoded_comma_in_a_name_does_not_separate_parents(rows):
    path = rows("""
        ##gff-version 3
        c1 x gene 1 90 + ID=tRNA-Gly(GCC)%2C3
        c1 x tRNA 1 90 + ID=t%2c3;Parent=tRNA-Gly(GCC)%2c3
        c1 x exon 1 90 + Parent=t%2C3
        c1 x gene 201 900 + ID=A
        c1 x mRNA 201 900 + ID=A-1;Parent=A
        c1 x mRNA 201 900 + ID=A-2;Parent=A
        c1 x exon 201 900 + Parent=A-1,A-2
    """)
    assert [gene.id for gene in read_genes(path)] == ["tRNA-Gly(GCC),3", "A"]
