import pytest

from kanseq.genome.annotation.genes import Gene
from kanseq.genome.fasta import Contig
from kanseq.genome.windows import cut_genes
from kanseq.geometry import Geometry

#                         0         1         2
#                         0123456789012345678901234
CONTIG = Contig("c", b"AACCGGTTACGTACGTTGCATGCAA")
GEOMETRY = Geometry(upstream=3, downstream=2, pad=2)


def gene(start, end, strand, name="g", line=1):
    return Gene(name, "c", start, end, strand, None, line, name)


def test_windows_of_a_gene_on_the_plus_strand_surround_its_first_and_last_base():
    (cut,), excluded = cut_genes(CONTIG, [gene(4, 20, "+")], GEOMETRY)
    # TSS window [1, 6), TTS window [18, 23)
    assert cut.windows == ("g", "c", "+", 4, 19, 1, 6, 18, 23, "ACCGG" + "NN" + "CATGC")
    assert cut.windows.sequence[3] == "G"  # column `upstream` is the first transcribed base: position 4
    assert excluded == []


def test_a_gene_on_the_minus_strand_is_reverse_complemented():
    (cut,), _ = cut_genes(CONTIG, [gene(4, 20, "-")], GEOMETRY)
    # TSS 19: [18, 23) = CATGC, reverse complement GCATG; TTS 4: [1, 6) = ACCGG, reverse complement CCGGT
    assert cut.windows == ("g", "c", "-", 19, 4, 18, 23, 1, 6, "GCATG" + "NN" + "CCGGT")


def test_windows_of_a_short_gene_overlap():
    (cut,), _ = cut_genes(CONTIG, [gene(10, 11, "+")], GEOMETRY)
    assert cut.windows[3:9] == (10, 10, 7, 12, 9, 14)


@pytest.mark.parametrize(("start", "end", "columns"), [(2, 20, 1), (4, 23, 1), (0, 25, 6)])
def test_genes_at_contig_ends_are_dropped_with_the_number_of_missing_columns(start, end, columns):
    cuts, (item,) = cut_genes(CONTIG, [gene(start, end, "+")], GEOMETRY)
    assert cuts == []
    assert (item.reason, item.detail) == ("edge", f"c:{start}-{end}(+): {columns} columns past the contig's ends")


def test_the_last_window_that_fits_is_kept():
    cuts, excluded = cut_genes(CONTIG, [gene(3, 22, "+")], GEOMETRY)
    assert (len(cuts), excluded) == (1, [])


def test_padding_keeps_the_site_in_its_column():
    (plus, minus), _ = cut_genes(CONTIG, [gene(0, 25, "+", line=1), gene(0, 25, "-", line=2)], GEOMETRY, edge="pad")
    assert plus.windows.sequence == "NNNAA" + "NN" + "AANNN"
    assert plus.windows[5:9] == (-3, 2, 23, 28)
    assert minus.windows.sequence == "NNNTT" + "NN" + "TTNNN"


def test_only_letters_of_the_genome_count_as_missing():
    contig = Contig("c", b"AARNACGTACGTACGTACGTACGTA")
    (cut,), _ = cut_genes(contig, [gene(4, 20, "+")], GEOMETRY, max_n=0.2)
    assert cut.windows.sequence == "ANNAC" + "NN" + "GTACG"
    _, (item,) = cut_genes(contig, [gene(4, 20, "+")], GEOMETRY, max_n=0.19)
    assert (item.reason, item.detail) == ("too_many_n", "2 of 10 letters are not A, C, G or T")
    padded, _ = cut_genes(CONTIG, [gene(0, 25, "+")], GEOMETRY, edge="pad", max_n=0)
    assert len(padded) == 1


def test_genes_are_ordered_by_start():
    genes = [gene(8, 20, "+", "b"), gene(4, 20, "+", "z"), gene(4, 20, "-", "a")]
    cuts, _ = cut_genes(CONTIG, genes, GEOMETRY)
    assert [cut.gene.id for cut in cuts] == ["a", "z", "b"]
