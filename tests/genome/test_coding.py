import pytest

from kanseq.errors import BadOption, ContigMismatch, MalformedLine, NoGenes, Remedy
from kanseq.genome.coding import read_coding, translate_coding
from kanseq.genome.translation import CODON_TABLES, longest_frame, translate

ENSEMBL_GTF = """1	s	gene	1	30	.	+	.	gene_id "A"; gene_biotype "protein_coding";
1	s	transcript	1	30	.	+	.	gene_id "A"; transcript_id "A.1";
1	s	CDS	4	8	.	+	0	gene_id "A"; transcript_id "A.1"; protein_id "P1";
1	s	CDS	11	17	.	+	1	gene_id "A"; transcript_id "A.1"; protein_id "P1";
"""
ENSEMBL_GFF3 = """1	s	gene	1	30	.	+	.	ID=gene:A;biotype=protein_coding
1	s	mRNA	1	30	.	+	.	ID=transcript:A.1;Parent=gene:A
1	s	CDS	4	8	.	+	0	ID=CDS:P1;Parent=transcript:A.1;protein_id=P1
1	s	CDS	11	17	.	+	1	ID=CDS:P1;Parent=transcript:A.1;protein_id=P1
"""
REFSEQ_GTF = """1	s	gene	1	30	.	+	.	gene_id "A"; transcript_id ""; gene "abc1"; locus_tag "A";
1	s	CDS	4	8	.	+	0	gene_id "A"; transcript_id "A.1"; gene "abc1"; locus_tag "A"; protein_id "P1";
1	s	CDS	11	17	.	+	1	gene_id "A"; transcript_id "A.1"; gene "abc1"; locus_tag "A"; protein_id "P1";
"""
REFSEQ_GFF3 = """1	s	gene	1	30	.	+	.	ID=gene-A;Name=abc1;gene=abc1;locus_tag=A
1	s	mRNA	1	30	.	+	.	ID=rna-A.1;Parent=gene-A;gene=abc1
1	s	CDS	4	8	.	+	0	ID=cds-P1;Parent=rna-A.1;gene=abc1;locus_tag=A;protein_id=P1
1	s	CDS	11	17	.	+	1	ID=cds-P1;Parent=rna-A.1;gene=abc1;locus_tag=A;protein_id=P1
"""
STYLES = {
    "ensembl.gtf": ENSEMBL_GTF,
    "ensembl.gff3": ENSEMBL_GFF3,
    "refseq.gtf": REFSEQ_GTF,
    "refseq.gff3": REFSEQ_GFF3,
}

# Positions 4 to 8 and 11 to 17 are ATGAA and ATTTTAA: the codons ATG AAA TTT TAA.
GENOME = ">1 text\nCCCATGAACCATTTTAACCCCCCCCCCCCC\n"


def written(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("style", STYLES)
def test_names_of_gene_and_protein_are_read_from_every_format(tmp_path, style):
    (coding,) = read_coding(written(tmp_path, style, STYLES[style]))
    assert coding.genes[0] == "A"
    assert {"P1", "A.1"} <= set(coding.names)
    assert coding.parts == ((3, 8, 0), (10, 17, 1))
    assert coding.bases == 12


@pytest.mark.parametrize("style", STYLES)
def test_codons_span_introns_and_the_last_stop_is_removed(tmp_path, style):
    annotation, genome = written(tmp_path, style, STYLES[style]), written(tmp_path, "g.fa", GENOME)
    proteins = translate_coding(genome, annotation, dict(enumerate(read_coding(annotation))))
    assert proteins == {0: (b"MKF", 0)}


def test_the_minus_strand_is_reverse_complemented(tmp_path):
    # The reverse complement of ATG AAA TTT TAA, split into the same two parts: TTAAA and ATTTCAT.
    annotation = written(
        tmp_path,
        "a.gtf",
        '1\ts\tgene\t1\t30\t.\t-\t.\tgene_id "A";\n'
        '1\ts\tCDS\t4\t8\t.\t-\t2\tgene_id "A"; transcript_id "A.1";\n'
        '1\ts\tCDS\t11\t17\t.\t-\t0\tgene_id "A"; transcript_id "A.1";\n',
    )
    genome = written(tmp_path, "g.fa", ">1\nCCCTTAAACCATTTCATCCCCCCCCCCCCC\n")
    (coding,) = read_coding(annotation)
    assert coding.parts == ((10, 17, 0), (3, 8, 2))
    assert translate_coding(genome, annotation, {7: coding}) == {7: (b"MKF", 0)}


@pytest.mark.parametrize(
    ("phases", "protein"),
    [
        # The parts are CCATGAA and CCATTTTAA. Starting one base later, they are CAT GAA CCA TTT TAA.
        (("1", "."), b"HEPF"),
        # Starting two bases later, ATG AA; the second part starts a new codon, CCA.
        (("2", "0"), b"MPF"),
    ],
)
def test_phases_are_respected(tmp_path, phases, protein):
    annotation = written(
        tmp_path,
        "a.gtf",
        '1\ts\tgene\t1\t30\t.\t+\t.\tgene_id "A";\n'
        f'1\ts\tCDS\t2\t8\t.\t+\t{phases[0]}\tgene_id "A"; transcript_id "A.1";\n'
        f'1\ts\tCDS\t9\t17\t.\t+\t{phases[1]}\tgene_id "A"; transcript_id "A.1";\n',
    )
    genome = written(tmp_path, "g.fa", GENOME)
    assert translate_coding(genome, annotation, {0: read_coding(annotation)[0]})[0].letters == protein


def test_internal_stops_are_counted_and_unknown_bases_become_x(tmp_path):
    annotation = written(
        tmp_path, "a.gff3", "1\ts\tgene\t1\t15\t.\t+\t.\tID=A\n1\ts\tCDS\t1\t15\t.\t+\t0\tID=c;Parent=A\n"
    )
    genome = written(tmp_path, "g.fa", ">1\nATGTGAANAGGGTAG\n")
    (coding,) = read_coding(annotation)
    assert coding.genes == ("A",)
    assert translate_coding(genome, annotation, {0: coding}) == {0: (b"M*XG", 1)}
    # The Euplotes code translates TGA to cysteine; the row's transl_table takes precedence over the option.
    assert translate_coding(genome, annotation, {0: coding}, table=10) == {0: (b"MCXG", 0)}
    assert translate_coding(genome, annotation, {0: coding._replace(table=4)}, table=10) == {0: (b"MWXG", 0)}


def test_the_genetic_code_of_a_row_is_read(tmp_path):
    text = "1\ts\tgene\t1\t15\t.\t+\t.\tID=A\n1\ts\tCDS\t1\t15\t.\t+\t0\tID=c;Parent=A;transl_table=2\n"
    assert read_coding(written(tmp_path, "a.gff3", text))[0].table == 2


@pytest.mark.parametrize(
    ("table", "codons", "letters"),
    [
        (1, b"TTTTCATATTGTCTTCCTCATCGTATTACTAATAGTGTTGCTGATGGT", b"FSYCLPHRITNSVADG"),
        (1, b"TTATTGATGATATAATAGTGATGGAAACAGAGA", b"LLMI***WKQR"),
        (2, b"AGAAGGATATGA", b"**MW"),
        (3, b"ATACTTCTCCTACTGTGA", b"MTTTTW"),
        (6, b"TAATAGTGA", b"QQ*"),
        (12, b"CTGCTA", b"SL"),
        (16, b"TAGTAA", b"L*"),
        (26, b"CTG", b"A"),
    ],
)
def test_genetic_codes_translate_their_codons(table, codons, letters):
    assert translate(codons, table) == letters


def test_rna_lower_case_and_incomplete_codons_are_accepted():
    assert translate(b"augAAAtt") == b"MK"


def test_every_code_has_stops_and_methionine():
    for table in CODON_TABLES:
        every = translate("".join(a + b + c for a in "TCAG" for b in "TCAG" for c in "TCAG").encode(), table)
        assert len(every) == 64
        assert b"*" in every
        assert translate(b"ATG", table) == b"M"


@pytest.mark.parametrize(
    ("transcript", "protein"),
    [
        # The frames are *LINMNNLNN*LI, N*LT*II*IIN*L and IN*HE*SK*LIN*.
        (b"TAATTAATTAACATGAATAATCTAAATAATTAATTAATTAA", b"MNNLNN"),
        # Without a preceding stop, an open reading frame may be the end of a longer protein.
        (b"CCCCCCCCCCCC", b"PPPP"),
        (b"TAATAGTGA", b"NS"),
        (b"A", b""),
    ],
)
def test_longest_frame_returns_the_longest_open_reading_frame(transcript, protein):
    assert longest_frame(transcript) == protein


def test_an_annotation_of_other_contigs_is_refused_with_a_table_of_aliases(tmp_path):
    annotation = written(tmp_path, "a.gtf", ENSEMBL_GTF.replace("1\ts", "chr1\ts"))
    genome = written(tmp_path, "g.fa", GENOME)
    with pytest.raises(ContigMismatch, match=r"genome has 1, the annotation chr1; likely pairs: 'chr1' = '1'") as error:
        translate_coding(genome, annotation, {0: read_coding(annotation)[0]})
    assert error.value.remedy == Remedy("likely pairs", {"--aliases": "aliases.tsv"}, "aliases.tsv", [("chr1", "1")])
    aliases = {name: frozenset({"1", "chr1"}) for name in ("1", "chr1")}
    assert translate_coding(genome, annotation, {0: read_coding(annotation)[0]}, aliases=aliases)[0].letters == b"MKF"


def test_a_coding_sequence_past_the_end_of_its_contig_is_refused(tmp_path):
    annotation, genome = written(tmp_path, "a.gtf", ENSEMBL_GTF), written(tmp_path, "g.fa", ">1\nACGTACGT\n")
    with pytest.raises(MalformedLine, match=r"a.gtf:3: the coding sequence of 'A' ends at 17, but contig '1' has 8"):
        translate_coding(genome, annotation, {0: read_coding(annotation)[0]})


def test_a_coding_sequence_across_the_origin_of_a_circular_contig_is_left_out(tmp_path, caplog):
    annotation = written(tmp_path, "a.gtf", ENSEMBL_GTF + ENSEMBL_GTF.replace("1\ts", "Pt\ts").replace('"A"', '"P"'))
    genome = written(tmp_path, "g.fa", GENOME + "\n>Pt\nACGTACGT\n")
    proteins = translate_coding(genome, annotation, dict(enumerate(read_coding(annotation))))
    assert proteins == {0: (b"MKF", 0)}
    assert "the coding sequence of 'P' ends at 17, but contig 'Pt' has 8 bases; it is left out" in caplog.text


def test_letters_of_contigs_without_coding_sequences_are_not_checked(tmp_path):
    annotation, genome = written(tmp_path, "a.gtf", ENSEMBL_GTF), written(tmp_path, "g.fa", ">2\nAC*\n" + GENOME)
    assert translate_coding(genome, annotation, {0: read_coding(annotation)[0]}) == {0: (b"MKF", 0)}


def test_an_annotation_without_coding_sequences_is_refused(tmp_path):
    with pytest.raises(NoGenes, match="no CDS rows"):
        read_coding(written(tmp_path, "a.gtf", ENSEMBL_GTF.replace("\tCDS\t", "\texon\t")))


def test_an_unknown_genetic_code_is_refused(tmp_path):
    with pytest.raises(BadOption, match="--codon-table 7: unknown; choose one of 1, 2, 3"):
        translate_coding(written(tmp_path, "g.fa", GENOME), "a.gtf", {}, table=7)


def test_genes_without_a_row_name_their_coding_sequences(tmp_path):
    text = (
        "1\tx\tmRNA\t1\t30\t.\t+\t.\tID=T1;geneID=G\n"
        "1\tx\tCDS\t4\t9\t.\t+\t0\tParent=T1\n"
        "1\tx\tmRNA\t1\t30\t.\t+\t.\tID=T2;geneID=G\n"
        "1\tx\tCDS\t10\t15\t.\t+\t0\tParent=T2\n"
        "1\tx\tmRNA\t1001\t1030\t.\t+\t.\tID=T3\n"
        "1\tx\tCDS\t1001\t1030\t.\t+\t0\tParent=T3\n"
    )
    found = [coding.genes for coding in read_coding(written(tmp_path, "a.gff3", text))]
    assert found == [("G", "T1"), ("G", "T2"), ("T3",)]
