import gzip

import pandas as pd
import pytest

from kanseq.errors import BadOption, UnknownGene
from kanseq.genome.coding import read_coding
from kanseq.geometry import Geometry
from kanseq.homologs.gene_names import GeneNames
from kanseq.homologs.gene_proteins import read_proteins
from kanseq.sequences.sequence_set import SequenceSet

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
def test_headers_name_the_gene_of_a_protein(tmp_path, header):
    found = read_proteins(GeneNames(genes("B", "A")), proteins=[(None, written(tmp_path, f">{header}\nMK\nV*\n"))])
    assert (found.rows.tolist(), found.letters, found.read, found.of_others) == ([1], [b"MKV"], 1, 0)


def test_the_annotation_names_the_gene_of_a_protein_and_the_longest_protein_is_used(tmp_path):
    names = GeneNames(genes("A", "B"))
    names.learn(None, read_coding(written(tmp_path, GFF3, "a.gff3.gz")))
    path = written(tmp_path, ">P1 something\nMKVW\n>P2\nMKVWWW\n>P9\nMMMMMMMM\n>B\nMKV\n", "p.faa.gz")
    found = read_proteins(names, proteins=[(None, path)])
    assert (found.rows.tolist(), found.letters) == ([0, 1], [b"MKVWWW", b"MKV"])
    assert (found.read, found.of_others) == (4, 1)


def test_a_table_takes_precedence_over_annotation_and_header(tmp_path):
    names = GeneNames(genes("A", "B"), {"P1": "B"})
    names.learn(None, read_coding(written(tmp_path, GFF3, "a.gff3")))
    assert names.rows(["P1", "P2"], ["P1 gene:A", "P2"]) == [1, 0]


def test_the_first_name_of_equally_long_proteins_is_used_in_any_file_order(tmp_path):
    for text in (">x2 gene:A\nMKV\n>x1 gene:A\nMKW\n", ">x1 gene:A\nMKW\n>x2 gene:A\nMKV\n"):
        assert read_proteins(GeneNames(genes("A")), proteins=[(None, written(tmp_path, text))]).letters == [b"MKW"]


def test_the_version_of_a_protein_is_ignored_if_the_set_has_the_gene_without_it(tmp_path):
    path = written(tmp_path, ">A.2 something\nMKV\n")
    assert read_proteins(GeneNames(genes("A")), proteins=[(None, path)]).letters == [b"MKV"]
    assert GeneNames(genes("A.2", "A")).rows(["A.2", "A"]) == [0, 1]


def test_two_species_may_share_a_name_if_each_file_has_its_species(tmp_path):
    names = GeneNames(genes(("x", "A"), ("y", "A"), ("y", "B")))
    path = written(tmp_path, ">A\nMKV\n")
    assert read_proteins(names, proteins=[("y", path)]).rows.tolist() == [1]
    with pytest.raises(UnknownGene, match=r"'A' in several species \(x, y\); specify the species of the file"):
        read_proteins(names, proteins=[(None, path)])
    assert read_proteins(names, proteins=[(None, written(tmp_path, ">B\nMKV\n"))]).rows.tolist() == [2]


def test_letters_other_than_the_twenty_amino_acids_become_x(tmp_path):
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
    # ATG TGA AAA TAA: an internal stop, which is searched as X.
    assert (found.rows.tolist(), found.letters) == ([0], [b"MXK"])
    assert (found.read, found.of_others, found.stops) == (3, 1, 1)


def test_an_annotation_of_other_genes_is_refused(tmp_path):
    annotation = written(tmp_path, GFF3, "a.gff3")
    with pytest.raises(UnknownGene, match=r"none of its coding genes is in the set: it has A, Z, and the set has B"):
        read_proteins(
            GeneNames(genes("B")),
            genomes=[(None, "g.fa")],
            codings={None: read_coding(annotation)},
            annotations={None: annotation},
        )


def test_nucleotides_are_refused_as_proteins_and_proteins_as_transcripts(tmp_path):
    path = written(tmp_path, ">A one\n" + "ACGT" * 30 + "\n")
    with pytest.raises(BadOption, match="'A' consists of nucleotides, but proteins are expected; use --transcripts"):
        read_proteins(GeneNames(genes("A")), proteins=[(None, path)])
    path = written(tmp_path, ">A one\nMKVLE\n")
    with pytest.raises(BadOption, match="'A' has letters that are not nucleotides; use --proteins"):
        read_proteins(GeneNames(genes("A")), transcripts=[(None, path)])
