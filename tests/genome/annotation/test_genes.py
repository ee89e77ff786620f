import logging

import pytest

from kanseq.errors import BadOption, NoGenes
from kanseq.genome.annotation.genes import read_genes, select_genes


@pytest.fixture
def annotation(tmp_path):
    def write(*rows, name="a.gtf"):
        path = tmp_path / name
        lines = (
            f"{c}\ts\t{kind}\t{start}\t{end}\t.\t{strand}\t.\t{rest}\n" for c, kind, start, end, strand, rest in rows
        )
        path.write_text("".join(lines))
        return path

    return write


def test_genes_are_named_by_the_first_known_attribute_without_prefix(annotation):
    path = annotation(
        ("1", "gene", 1, 9, "+", "ID=gene:A;gene_id=B"),
        ("1", "gene", 1, 9, "+", "ID=gene-C;Name=D;locus_tag=E"),
        ("1", "ncRNA_gene", 1, 9, "+", "Name=F"),
        ("1", "gene", 1, 9, "+", "Note=nothing"),
    )
    assert [gene.id for gene in read_genes(path)] == ["B", "C", "F", "."]
    assert [gene.id for gene in read_genes(path, "locus_tag")] == [".", "E", ".", "."]


def test_an_unknown_id_attribute_is_refused_with_a_list_of_attributes(annotation):
    path = annotation(("1", "gene", 1, 9, "+", "ID=A;Name=B"))
    with pytest.raises(BadOption, match="no gene has the attribute 'symbol' of --id; choose one of ID, Name"):
        read_genes(path, "symbol")


def test_gtf_and_gff3_give_the_same_gene(annotation):
    gtf = annotation(("1", "gene", 11, 20, "-", 'gene_id "A"; gene_biotype "protein_coding";'))
    (one,) = read_genes(gtf)
    gff3 = annotation(("1", "gene", 11, 20, "-", "ID=gene-A;gene_biotype=protein_coding"), name="a.txt")
    (other,) = read_genes(gff3)
    assert one[:7] == other[:7] == ("A", "1", 10, 20, "-", "protein_coding", 1)


def test_protein_coding_is_the_default_if_any_gene_has_a_biotype(annotation):
    path = annotation(
        ("1", "gene", 1, 9, "+", 'gene_id "A"; gene_type "protein_coding"'),
        ("1", "gene", 1, 9, "+", 'gene_id "B"; gene_type "lncRNA"'),
        ("1", "gene", 1, 9, "+", 'gene_id "C"'),
        ("1", "gene", 1, 9, ".", 'gene_id "D"; gene_type "protein_coding"'),
        ("1", "gene", 1, 9, "+", 'gene_type "protein_coding"'),
    )
    kept, excluded = select_genes(read_genes(path))
    assert [gene.id for gene in kept] == ["A"]
    assert [item[:3] for item in excluded] == [
        ("B", "biotype", "lncRNA"),
        ("C", "biotype", "none"),
        ("D", "no_strand", "strand '.'"),
        (".", "no_id", "line 5"),
    ]
    assert [gene.id for gene in select_genes(read_genes(path), ["lncRNA"])[0]] == ["B"]


def test_without_biotypes_rows_of_type_gene_are_kept(annotation):
    path = annotation(("1", "gene", 1, 9, "+", "ID=A"), ("1", "pseudogene", 1, 9, "+", "ID=B"))
    kept, excluded = select_genes(read_genes(path))
    assert [gene.id for gene in kept] == ["A"]
    assert [item[:3] for item in excluded] == [("B", "biotype", "pseudogene")]


def test_an_unknown_biotype_is_refused_with_a_count_of_biotypes(annotation):
    path = annotation(("1", "gene", 1, 9, "+", "ID=A;biotype=tRNA"), ("1", "gene", 1, 9, "+", "ID=B;biotype=tRNA"))
    with pytest.raises(NoGenes, match=r"no gene has the biotype miRNA; use --biotype with one of tRNA \(2\)"):
        select_genes(read_genes(path), ["miRNA"])


def test_genes_of_a_gtf_without_gene_rows_are_assembled_by_gene_id(annotation, caplog):
    path = annotation(
        ("1", "transcript", 11, 30, "-", 'gene_id "A"; transcript_id "A.1"'),
        ("1", "exon", 11, 15, "-", 'gene_id "A"; transcript_id "A.1"'),
        ("1", "transcript", 21, 40, "-", 'gene_id "A"; transcript_id "A.2"'),
        ("2", "transcript", 1, 5, "+", 'gene_id "B"; transcript_id "B.1"'),
    )
    with caplog.at_level(logging.INFO, "kanseq"):
        genes = read_genes(path)
    assert [gene[:5] for gene in genes] == [("A", "1", 10, 40, "-"), ("B", "2", 0, 5, "+")]
    assert "2 genes were assembled" in caplog.text


def test_no_gene_rows_is_an_error_that_lists_the_row_types(annotation):
    path = annotation(("1", "region", 1, 9, "+", "ID=A"), ("1", "match", 1, 9, "+", "Parent=A"))
    with pytest.raises(NoGenes, match="no gene rows; its row types are region, match; provide a GTF or"):
        read_genes(path)


def test_an_empty_annotation_is_an_error(tmp_path):
    (tmp_path / "a.gtf").write_text("#!empty\n")
    with pytest.raises(NoGenes, match="the file has no rows"):
        read_genes(tmp_path / "a.gtf")


def test_a_tab_inside_a_name_becomes_a_space(tmp_path):
    path = tmp_path / "a.gtf"
    path.write_text('1\ts\tgene\t1\t9\t.\t+\t.\tgene_id "A\tB";\n')
    assert [gene.id for gene in read_genes(path)] == ["A B"]


def test_a_gene_without_the_attribute_of_id_is_excluded_under_its_other_name(tmp_path):
    rows = [
        '1\tx\tgene\t1\t9\t.\t+\t.\tgene_id "A"; ref "R";',
        '1\tx\tgene\t21\t29\t.\t+\t.\tgene_id "B";',
    ]
    path = tmp_path / "a.gtf"
    path.write_text("\n".join(rows) + "\n")
    kept, excluded = select_genes(read_genes(path, "ref"))
    assert [gene.id for gene in kept] == ["R"]
    assert [(item.id, item.reason, item.line) for item in excluded] == [("B", "no_id", 2)]
