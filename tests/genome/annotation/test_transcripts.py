import pytest

from kanseq.errors import BadOption
from kanseq.genome.annotation.genes import read_genes
from kanseq.genome.annotation.transcripts import choose_transcripts

GTF = """1	s	gene	100	900	.	+	.	gene_id "A";
1	s	transcript	100	500	.	+	.	gene_id "A"; transcript_id "A.1"; tag "basic"; tag "Ensembl_canonical";
1	s	CDS	200	229	.	+	0	gene_id "A"; transcript_id "A.1";
1	s	transcript	300	900	.	+	.	gene_id "A"; transcript_id "A.2"; tag "basic";
1	s	CDS	400	420	.	+	0	gene_id "A"; transcript_id "A.2";
1	s	CDS	500	520	.	+	0	gene_id "A"; transcript_id "A.2";
1	s	gene	2000	2900	.	-	.	gene_id "B";
1	s	transcript	2000	2900	.	-	.	gene_id "B"; transcript_id "B.1";
"""

GFF3 = """##gff-version 3
1	s	gene	100	900	.	+	.	ID=gene-A
1	s	mRNA	100	500	.	+	.	ID=rna-1;Parent=gene-A;tag=basic,Ensembl_canonical
1	s	CDS	200	229	.	+	0	ID=c1;Parent=rna-1
1	s	mRNA	300	900	.	+	.	ID=rna-2;Parent=gene-A
1	s	CDS	400	420	.	+	0	ID=c2;Parent=rna-2
1	s	CDS	500	520	.	+	0	ID=c2;Parent=rna-2
1	s	gene	2000	2900	.	-	.	ID=gene-B
1	s	lnc_RNA	2000	2900	.	-	.	ID=rna-3;Parent=gene-B
"""


@pytest.mark.parametrize("text", [GTF, GFF3])
@pytest.mark.parametrize(
    ("how", "place", "reason"), [("canonical", (99, 500), "no_canonical"), ("longest-cds", (299, 900), "no_cds")]
)
def test_genes_take_the_ends_of_the_chosen_transcript(tmp_path, text, how, place, reason):
    path = tmp_path / "a.txt"
    path.write_text(text)
    kept, excluded = choose_transcripts(path, read_genes(path), how)
    assert [(gene.id, gene.start, gene.end) for gene in kept] == [("A", *place)]
    assert [(item.id, item.reason) for item in excluded] == [("B", reason)]


def test_transcripts_with_the_same_name_on_two_contigs_are_separate(tmp_path):
    # GENCODE lists the genes of the pseudoautosomal regions on both X and Y.
    path = tmp_path / "a.gtf"
    path.write_text(GTF + GTF.replace("1\ts", "Y\ts").replace("\t300\t900", "\t350\t950"))
    kept, _ = choose_transcripts(path, read_genes(path), "longest-cds")
    assert [(gene.contig, gene.start, gene.end) for gene in kept] == [("1", 299, 900), ("Y", 349, 950)]


def test_ties_of_coding_length_are_broken_by_name(tmp_path):
    path = tmp_path / "a.gtf"
    path.write_text(
        '1\ts\tgene\t1\t900\t.\t+\t.\tgene_id "A";\n'
        '1\ts\tCDS\t400\t429\t.\t+\t0\tgene_id "A"; transcript_id "A.2";\n'
        '1\ts\tCDS\t200\t229\t.\t+\t0\tgene_id "A"; transcript_id "A.1";\n'
    )
    (gene,), _ = choose_transcripts(path, read_genes(path), "longest-cds")
    assert (gene.start, gene.end) == (199, 229)


def test_the_parent_of_a_coding_sequence_may_be_its_gene(tmp_path):
    path = tmp_path / "a.gff3"
    path.write_text("Pt\ts\tgene\t11\t40\t.\t+\t.\tID=gene-P\nPt\ts\tCDS\t11\t40\t.\t+\t0\tID=c;Parent=gene-P\n")
    (gene,), _ = choose_transcripts(path, read_genes(path), "longest-cds")
    assert (gene.start, gene.end) == (10, 40)


def test_canonical_without_tags_is_an_error(tmp_path):
    path = tmp_path / "a.gtf"
    path.write_text(GTF.replace("Ensembl_canonical", "other"))
    with pytest.raises(BadOption, match="no transcript of these genes is tagged canonical; use --tss gene or"):
        choose_transcripts(path, read_genes(path), "canonical")


def test_an_unknown_choice_is_refused_with_a_list_of_choices(tmp_path):
    with pytest.raises(BadOption, match="choose one of gene, canonical, longest-cds"):
        choose_transcripts(tmp_path / "a.gtf", [], "first")


def test_a_gene_without_a_row_takes_the_ends_of_its_longest_coding_sequence(tmp_path):
    path = tmp_path / "a.gtf"
    path.write_text(
        "1\tAUGUSTUS\ttranscript\t100\t900\t.\t+\t.\tg1.t1\n"
        '1\tAUGUSTUS\tCDS\t200\t229\t.\t+\t0\ttranscript_id "g1.t1"; gene_id "g1";\n'
        "1\tAUGUSTUS\ttranscript\t150\t950\t.\t+\t.\tg1.t2\n"
        '1\tAUGUSTUS\tCDS\t200\t289\t.\t+\t0\ttranscript_id "g1.t2"; gene_id "g1";\n'
    )
    (gene,), _ = choose_transcripts(path, read_genes(path), "longest-cds")
    assert (gene.id, gene.start, gene.end) == ("g1", 149, 950)


def test_a_gff3_gene_without_a_row_takes_the_ends_of_its_transcript(tmp_path):
    path = tmp_path / "a.gff3"
    path.write_text(
        "1\tx\tmRNA\t100\t900\t.\t+\t.\tID=T1\n"
        "1\tx\tCDS\t200\t229\t.\t+\t0\tParent=T1\n"
        "1\tx\tmRNA\t2000\t2900\t.\t-\t.\tID=T2;Parent=G\n"
        "1\tx\tmRNA\t2100\t3000\t.\t-\t.\tID=T3;Parent=G\n"
        "1\tx\tCDS\t2200\t2229\t.\t-\t0\tParent=T3\n"
    )
    kept, _ = choose_transcripts(path, read_genes(path), "longest-cds")
    assert [(gene.id, gene.start, gene.end) for gene in kept] == [("T1", 99, 900), ("G", 2099, 3000)]


def test_each_copy_of_a_gene_has_its_own_transcripts(tmp_path):
    path = tmp_path / "a.gtf"
    row = '1\trefGene\t{}\t{}\t{}\t.\t+\t.\tgene_id "D"; transcript_id "{}";\n'
    path.write_text(
        row.format("exon", 100, 900, "N1")
        + row.format("CDS", 200, 229, "N1")
        + row.format("exon", 5000, 5900, "N2")
        + row.format("CDS", 5200, 5800, "N2")
    )
    kept, _ = choose_transcripts(path, read_genes(path), "longest-cds")
    assert [(gene.start, gene.end) for gene in kept] == [(99, 900), (4999, 5900)]


def test_genes_named_by_transcript_have_one_transcript_each(tmp_path):
    path = tmp_path / "a.gtf"
    row = '1\ts\t{}\t{}\t{}\t.\t+\t.\tgene_id "A"; transcript_id "{}";\n'
    path.write_text(
        row.format("exon", 100, 900, "A.1")
        + row.format("CDS", 200, 500, "A.1")
        + row.format("exon", 300, 1000, "A.2")
        + row.format("CDS", 400, 429, "A.2")
    )
    kept, _ = choose_transcripts(path, read_genes(path, "transcript_id"), "longest-cds")
    assert [(gene.id, gene.start, gene.end) for gene in kept] == [("A.1", 99, 900), ("A.2", 299, 1000)]


def test_of_two_genes_with_the_same_name_each_takes_the_transcript_at_its_place(tmp_path):
    path = tmp_path / "a.gtf"
    path.write_text(
        '1\ts\tgene\t100\t900\t.\t+\t.\tgene_id "A";\n'
        '1\ts\tCDS\t200\t229\t.\t+\t0\tgene_id "A"; transcript_id "A.1";\n'
        '1\ts\tgene\t5000\t5900\t.\t+\t.\tgene_id "A";\n'
        '1\ts\tCDS\t5200\t5300\t.\t+\t0\tgene_id "A"; transcript_id "A.2";\n'
    )
    kept, _ = choose_transcripts(path, read_genes(path), "longest-cds")
    assert [(gene.start, gene.end) for gene in kept] == [(199, 229), (5199, 5300)]


def test_ends_of_a_bare_transcript_belong_to_the_gene_row(tmp_path):
    path = tmp_path / "a.gtf"
    path.write_text(
        "1\tAUGUSTUS\tgene\t100\t1900\t.\t+\t.\tg1\n"
        "1\tAUGUSTUS\ttranscript\t100\t900\t.\t+\t.\tg1.t1\n"
        '1\tAUGUSTUS\tCDS\t200\t229\t.\t+\t0\ttranscript_id "g1.t1"; gene_id "g1";\n'
    )
    (gene,), _ = choose_transcripts(path, read_genes(path), "longest-cds")
    assert (gene.start, gene.end) == (99, 900)
