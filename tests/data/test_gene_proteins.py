import gzip

import pandas as pd
import pytest

from kanseq.data.gene_proteins import GeneNames, read_proteins
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption, UnknownGene
from kanseq.genome.coding import read_coding
from kanseq.geometry import Geometry

GFF3 = """1	s	gene	1	30	.	+	.	ID=gene-A;locus_tag=A
1	s	mRNA	1	30	.	+	.	ID=rna-1;Parent=gene-A
1	s	CDS	1	9	.	+	0	ID=cds-P1;Parent=rna-1;protein_id=P1
1	s	mRNA	1	30	.	+	.	ID=rna-2;Parent=gene-A
1	s	CDS	1	12	.	+	0	ID=cds-P2;Parent=rna-2;protein_id=P2
1	s	gene	13	30	.	+	.	ID=gene-Z;locus_tag=Z
1	s	CDS	13	18	.	+	0	ID=cds-P9;Parent=gene-Z;protein_id=P9
"""


def genes(*keys):
    rows = [key if isinstance(key, tuple) else (".", key) for key in keys]
    table = pd.DataFrame({"species": [row[0] for row in rows], "id": [row[1] for row in rows]})
    return SequenceSet(table, Geometry.plain(8))


def written(folder, text, name="p.faa"):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize(
    "header",
    [
        "A",
        "P1 pep chromosome:TAIR10:1:1:30:1 gene:A transcript:A.1",
        "A.1 gene=A",
        "P1 locus=A ID=P1",
        "lcl|NC_1_prot_P1 [gene=abc] [locus_tag=A] [protein_id=P1]",
    ],
)
def test_headers_that_name_their_gene(tmp_path, header):
    found = read_proteins(GeneNames(genes("B", "A")), proteins=[(None, written(tmp_path, f">{header}\nMK\nV*\n"))])
    assert (found.rows.tolist(), found.letters, found.read, found.of_others) == ([1], [b"MKV"], 1, 0)


def test_the_annotation_tells_whose_a_protein_is_and_the_longest_is_taken(tmp_path):
    names = GeneNames(genes("A", "B"))
    names.learn(None, read_coding(written(tmp_path, GFF3, "a.gff3.gz")))
    path = written(tmp_path, ">P1 something\nMKVW\n>P2\nMKVWWW\n>P9\nMMMMMMMM\n>B\nMKV\n", "p.faa.gz")
    found = read_proteins(names, proteins=[(None, path)])
    assert (found.rows.tolist(), found.letters) == ([0, 1], [b"MKVWWW", b"MKV"])
    assert (found.read, found.of_others) == (4, 1)


def test_a_table_goes_before_the_annotation_and_the_header(tmp_path):
    names = GeneNames(genes("A", "B"), {"P1": "B"})
    names.learn(None, read_coding(written(tmp_path, GFF3, "a.gff3")))
    assert names.row("P1", "P1 gene:A") == 1
    assert names.row("P2") == 0


def test_of_equal_proteins_the_first_name_is_taken_in_any_order_of_the_file(tmp_path):
    for text in (">x2 gene:A\nMKV\n>x1 gene:A\nMKW\n", ">x1 gene:A\nMKW\n>x2 gene:A\nMKV\n"):
        assert read_proteins(GeneNames(genes("A")), proteins=[(None, written(tmp_path, text))]).letters == [b"MKW"]


def test_versions_are_compared_only_when_asked(tmp_path):
    path = written(tmp_path, ">A.2 something\nMKV\n")
    with pytest.raises(UnknownGene, match=r"it has A.2, and the set A; say whose .*--strip-version compares without"):
        read_proteins(GeneNames(genes("A")), proteins=[(None, path)])
    assert read_proteins(GeneNames(genes("A"), strip_version=True), proteins=[(None, path)]).letters == [b"MKV"]
    assert GeneNames(genes("A.2", "A"), strip_version=True).row("A.2") == 0


def test_two_species_may_share_a_name_if_each_file_says_whose_it_is(tmp_path):
    names = GeneNames(genes(("x", "A"), ("y", "A"), ("y", "B")))
    path = written(tmp_path, ">A\nMKV\n")
    assert read_proteins(names, proteins=[("y", path)]).rows.tolist() == [1]
    with pytest.raises(UnknownGene, match=r"'A' in several species \(x, y\); say whose a file is: SPECIES=FILE"):
        read_proteins(names, proteins=[(None, path)])
    assert read_proteins(names, proteins=[(None, written(tmp_path, ">B\nMKV\n"))]).rows.tolist() == [2]


def test_letters_that_are_none_of_the_twenty_become_x(tmp_path):
    found = read_proteins(GeneNames(genes("A")), proteins=[(None, written(tmp_path, ">A\nmk*Uo-v\n"))])
    assert found.letters == [b"MKXXXXV"]


def test_transcripts_are_translated_in_their_longest_frame(tmp_path):
    path = written(tmp_path, ">t gene:A\nTAATTAATTAACATGAATAATCTAAATAATTAATTAATTAA\n", "t.fa")
    assert read_proteins(GeneNames(genes("A")), transcripts=[(None, path)]).letters == [b"MNNLNN"]


def test_the_longest_coding_sequence_of_a_gene_is_translated(tmp_path):
    names = GeneNames(genes("A", "B"))
    annotation = written(tmp_path, GFF3, "a.gff3")
    genome = written(tmp_path, ">1\nATGTGAAAATAACCCCCCCCCCCCCCCCCC\n", "g.fa")
    found = read_proteins(
        names,
        genomes=[(None, genome)],
        codings={None: read_coding(annotation)},
        annotations={None: annotation},
    )
    # ATG TGA AAA TAA: a stop within, which is searched as X.
    assert (found.rows.tolist(), found.letters) == ([0], [b"MXK"])
    assert (found.read, found.of_others, found.stops) == (3, 1, 1)


def test_an_annotation_of_other_genes_costs_one_line(tmp_path):
    annotation = written(tmp_path, GFF3, "a.gff3")
    with pytest.raises(UnknownGene, match=r"none of its coding genes is in the set: it has A, Z, and the set B"):
        read_proteins(
            GeneNames(genes("B")),
            genomes=[(None, "g.fa")],
            codings={None: read_coding(annotation)},
            annotations={None: annotation},
        )


def test_proteins_and_nucleotides_are_not_mistaken_for_each_other(tmp_path):
    path = written(tmp_path, ">A one\n" + "ACGT" * 30 + "\n")
    with pytest.raises(BadOption, match="'A' is made of nucleotides, and proteins are wanted; give transcripts with"):
        read_proteins(GeneNames(genes("A")), proteins=[(None, path)])
    path = written(tmp_path, ">A one\nMKVLE\n")
    with pytest.raises(BadOption, match="'A' holds letters of no nucleotide; give proteins with --proteins"):
        read_proteins(GeneNames(genes("A")), transcripts=[(None, path)])
