import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanseq.errors import EditMismatch
from kanseq.genome.annotation.genes import Gene
from kanseq.genome.fasta import Contig
from kanseq.genome.random_access import IndexedFasta
from kanseq.genome.windows import cut_genes
from kanseq.geometry import Geometry, Place
from kanseq.sequences.code_edits import all_replacements, all_substitutions, replaced, substituted
from kanseq.sequences.edits import Edit, deletion, edited_windows, insertion, substituted_windows, substitution
from kanseq.sequences.stored import CODES

GEOMETRY = Geometry(upstream=4, downstream=3, pad=2)
#         0         1         2
#         0123456789012345678901234
CONTIG = "AACCGGTTACGTACCATGCAGTTCA"
PLUS = Place("1", "+", 8, 16)
"""Its windows are [4, 11), GGTTACG, and [14, 21), CATGCAG."""
MINUS = Place("1", "-", 16, 8)
"""Its windows are the reverse complements of the same intervals, [14, 21) first."""


class Genome:
    def __init__(self, contig):
        self.contig, self.lengths = contig, {"1": len(contig)}

    def letters(self, chrom, start, end):
        assert chrom == "1"
        assert 0 <= start <= end <= len(self.contig)
        return self.contig[start:end].encode()


def edited(place, *edits, geometry=GEOMETRY, contig=CONTIG):
    return edited_windows(place, geometry, Genome(contig), edits)


def sequence(place, *edits):
    found = edited(place, *edits)
    assert not found.moves_site
    return found.sequence


@pytest.mark.parametrize(
    ("place", "expected"),
    [(PLUS, "GGTTACGNNCATGCAG"), (MINUS, "CTGCATGNNCGTAACC"), (Place("1", "+", 2, 22), "NNAACCGNNGTTCANN")],
)
def test_windows_without_edits_are_those_of_the_genome(place, expected):
    assert sequence(place) == expected


@pytest.mark.parametrize(
    ("edit", "plus", "minus"),
    [
        # A base upstream of the TSS of + and downstream of the TTS of -, and its complement.
        (substitution("1", 7, "T", "A"), "GGTAACGNNCATGCAG", "CTGCATGNNCGTTACC"),
        # The base of the site itself, on either strand.
        (substitution("1", 8, "A", "G"), "GGTTGCGNNCATGCAG", "CTGCATGNNCGCAACC"),
        (substitution("1", 15, "AT", "CC"), "GGTTACGNNCCCGCAG", "CTGCGGGNNCGTAACC"),
        # An insertion pushes bases out of the far end of the window, and the site stays.
        (insertion("1", 6, "CA"), "CATTACGNNCATGCAG", "CTGCATGNNCGTAATG"),
        # Before the base of the site: outside the transcript.
        (insertion("1", 8, "C"), "GTTCACGNNCATGCAG", "CTGCATGNNCGTGAAC"),
        # After it: inside.
        (insertion("1", 9, "T"), "GGTTATCNNCATGCAG", "CTGCATGNNGATAACC"),
        # Around the TTS of + and the TSS of -.
        (insertion("1", 16, "GG"), "GGTTACGNNGGTGCAG", "CTGCACCNNCGTAACC"),
        (insertion("1", 17, "TT"), "GGTTACGNNCATTTGC", "GCAAATGNNCGTAACC"),
        # A deletion moves bases from the genome into the window.
        (deletion("1", 6, "TT"), "CCGGACGNNCATGCAG", "CTGCATGNNCGTCCGG"),
        (deletion("1", 9, "C"), "GGTTAGTNNCATGCAG", "CTGCATGNNACTAACC"),
        (deletion("1", 18, "CA"), "GGTTACGNNCATGGTT", "AACCATGNNCGTAACC"),
        # A deletion across the border of a window.
        (deletion("1", 2, "CCGG"), "AATTACGNNCATGCAG", "CTGCATGNNCGTAATT"),
        (deletion("1", 9, "CGTACC"), "GGTTAATNNAATGCAG", "CTGCATTNNATTAACC"),
        # An insertion that fills the entire flank, and one outside both windows.
        (insertion("1", 8, "CCCCCC"), "CCCCACGNNCATGCAG", "CTGCATGNNCGTGGGG"),
        (insertion("1", 12, "GGGG"), "GGTTACGNNCATGCAG", "CTGCATGNNCGTAACC"),
    ],
)
def test_the_site_stays_in_its_column(edit, plus, minus):
    assert (sequence(PLUS, edit), sequence(MINUS, edit)) == (plus, minus)


def test_edits_of_a_haplotype_are_applied_together():
    edits = insertion("1", 8, "G"), deletion("1", 5, "G"), substitution("1", 8, "A", "C"), deletion("1", 17, "G")
    assert sequence(PLUS, *edits) == "GTTGCCGNNCATCAGT"


def test_an_edit_changes_both_windows_of_a_short_gene():
    short = Place("1", "+", 8, 10)
    assert sequence(short) == "GGTTACGNNACGTACC"
    assert sequence(short, substitution("1", 9, "C", "A")) == "GGTTAAGNNAAGTACC"
    assert sequence(short, insertion("1", 9, "T")) == "GGTTATCNNTCGTACC"


def test_bases_past_the_contigs_ends_are_unknown():
    place = Place("1", "+", 2, 22)
    assert sequence(place, deletion("1", 0, "A")) == "NNNACCGNNGTTCANN"
    assert sequence(place, insertion("1", 25, "GGG")) == "NNAACCGNNGTTCAGG"


@pytest.mark.parametrize(
    ("edit", "plus", "minus"),
    [
        # The first base of the transcript on + is removed, the last one on -.
        (deletion("1", 8, "A"), "GGTTCGTNNCATGCAG", "CTGCATGNNACGAACC"),
        (deletion("1", 6, "TTAC"), "CCGGGTANNCATGCAG", "CTGCATGNNTACCCGG"),
        # The inserted bases lie outside the transcript.
        (Edit("1", 8, "A", "GT"), "TTGTCGTNNCATGCAG", "CTGCATGNNACGACAA"),
        (deletion("1", 16, "TG"), "GGTTACGNNCCACAGT", "ACTGTGGNNCGTAACC"),
    ],
)
def test_the_next_base_of_the_transcript_replaces_a_removed_site(edit, plus, minus):
    assert edited(PLUS, edit) == (plus, True)
    assert edited(MINUS, edit) == (minus, True)


def test_alleles_may_share_bases_and_be_in_lower_case():
    assert sequence(PLUS, Edit("1", 7, "T", "TC")) == sequence(PLUS, insertion("1", 8, "C"))
    assert sequence(PLUS, Edit("1", 5, "gtt", "g")) == sequence(PLUS, deletion("1", 6, "TT"))
    assert sequence(PLUS, Edit("1", 8, "A", "A")) == sequence(PLUS)
    # Both keep base 8, so they do not overlap.
    assert sequence(PLUS, Edit("1", 7, "TA", "GA"), Edit("1", 8, "AC", "A")) == "GGTGAGTNNCATGCAG"


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([substitution("1", 8, "C", "G")], "1:9: the edit 1:9:C>G expects C, but the genome has A"),
        ([deletion("1", 23, "CAT")], "1:24:CAT>-: the contig has 25 bases"),
        ([Edit("1", 8, "A", "<DEL>")], "1:9:A><DEL>: '<' is not a base"),
        ([substitution("2", 8, "A", "G")], "2:9:A>G: the gene lies on contig '1'"),
        ([deletion("1", 8, "AC"), substitution("1", 9, "C", "G")], "1:10:C>G: it overlaps the edit 1:9:AC>-"),
        ([insertion("1", 8, "A"), insertion("1", 8, "C")], "1:9:->C: it overlaps the edit 1:9:->A"),
        ([deletion("1", 7, CONTIG[7:18])], "the edits remove the entire transcript at 1:9-17"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused(edits, message):
    with pytest.raises(EditMismatch) as error:
        edited(PLUS, *edits)
    assert str(error.value).startswith(message)


def test_substitutions_need_no_genome():
    for place in (PLUS, MINUS, Place("1", "+", 8, 10)):
        codes = edited(place).codes
        for edit in (substitution("1", 9, "C", "T"), substitution("1", 14, "CAT", "GGG"), Edit("1", 12, "a", "g")):
            found = substituted_windows(codes, place, GEOMETRY, [edit])
            assert found.tolist() == edited(place, edit).codes.tolist()
    assert edited(PLUS).codes.tolist() == CODES[list(b"GGTTACGNNCATGCAG")].tolist()
    with pytest.raises(EditMismatch, match="only substitutions can be made without a genome"):
        substituted_windows(codes, PLUS, GEOMETRY, [insertion("1", 8, "C")])
    with pytest.raises(EditMismatch, match=r"^1:16: the edit 1:15:CG>AA expects G, but the genome has A;"):
        substituted_windows(edited(MINUS).codes, MINUS, GEOMETRY, [Edit("1", 14, "CG", "AA")])


def test_the_genome_may_be_an_indexed_file(tmp_path):
    (tmp_path / "genome.fa").write_text(f">1\n{CONTIG[:13]}\n{CONTIG[13:]}\n")
    with IndexedFasta(tmp_path / "genome.fa") as genome:
        found = edited_windows(PLUS, GEOMETRY, genome, [insertion("1", 6, "CA")])
        with pytest.raises(EditMismatch, match="the genome has no contig '2'"):
            edited_windows(PLUS._replace(chrom="2"), GEOMETRY, genome, [])
    assert found == ("CATTACGNNCATGCAG", False)


def slowly(contig, place, geometry, edits):
    """Edit the entire contig as bases with their old positions, then cut around the sites (slow reference)."""
    bases = list(zip(contig, range(len(contig)), strict=True))
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        kept = range(edit.start, edit.end) if len(edit.ref) == len(edit.alt) else [None] * len(edit.alt)
        bases[edit.start : edit.end] = list(zip(edit.alt, kept, strict=True))
    inside = range(min(place.tss, place.tts), max(place.tss, place.tts) + 1)
    at = [index for index, (_, old) in enumerate(bases) if old in inside]
    if not at:
        return None
    if place.strand == "-":
        at = [len(bases) - 1 - index for index in at][::-1]
        bases = [(letter.translate(str.maketrans("ACGT", "TGCA")), old) for letter, old in bases[::-1]]

    def cut(start, end):
        return "".join(bases[index][0] if 0 <= index < len(bases) else "N" for index in range(start, end))

    tss, tts = at[0], at[-1]
    first = cut(tss - geometry.upstream, tss + geometry.downstream)
    second = cut(tts - geometry.downstream + 1, tts + geometry.upstream + 1)
    moved = (bases[tss][1], bases[tts][1]) != (place.tss, place.tts)
    return first + "N" * geometry.pad + second, moved


@st.composite
def cases(draw):
    word = st.text("ACGT", min_size=1, max_size=4)
    contig = draw(st.text("ACGT", min_size=12, max_size=30))
    edits, at = [], 0
    while (at := at + draw(st.integers(0, 6))) < len(contig):
        kind = draw(st.sampled_from("sid"))
        ref = "" if kind == "i" else contig[at : at + (1 if kind == "s" else draw(st.integers(1, 5)))]
        alt = draw(word) if kind == "i" else "" if kind == "d" else draw(st.sampled_from("ACGT"))
        edits.append(Edit("1", at, ref, alt))
        at += max(1, len(ref))
    ends = sorted(draw(st.tuples(*[st.integers(0, len(contig) - 1)] * 2)))
    strand = draw(st.sampled_from("+-"))
    tss, tts = ends if strand == "+" else ends[::-1]
    sizes = draw(st.tuples(st.integers(0, 7), st.integers(0, 5)).filter(any))
    return contig, Place("1", strand, tss, tts), Geometry(*sizes, pad=1), draw(st.permutations(edits))


@settings(max_examples=100, deadline=None)
@given(cases())
def test_windows_equal_those_cut_from_the_entire_edited_contig(case):
    contig, place, geometry, edits = case
    expected = slowly(contig, place, geometry, edits)
    if expected is None:
        with pytest.raises(EditMismatch, match="the entire transcript"):
            edited(place, *edits, geometry=geometry, contig=contig)
    else:
        assert edited(place, *edits, geometry=geometry, contig=contig) == expected


@pytest.mark.parametrize("strand", "+-")
def test_windows_without_edits_equal_those_of_padded_extraction(strand):
    contig = "acgtnRYTTGACCA"
    gene = Gene("g", "1", 3, 9, strand, None, 1, "gene")
    (cut,), _ = cut_genes(Contig("1", contig.encode()), [gene], Geometry(5, 3, 2), edge="pad")
    place = Place("1", strand, cut.windows.tss, cut.windows.tts)
    assert edited(place, geometry=Geometry(5, 3, 2), contig=contig).sequence == cut.windows.sequence


def test_codes_are_edited_in_copies():
    codes = np.array([0, 1, 4, 3], dtype=np.uint8)
    assert substituted(codes, np.array([0, 3]), np.array([2, 1])).tolist() == [[2, 1, 4, 3], [0, 1, 4, 1]]
    other = np.array([3, 3, 3, 3], dtype=np.uint8)
    assert replaced(codes, other, np.array([0, 2, 3]), 2).tolist() == [[3, 3, 4, 3], [0, 1, 3, 3], [0, 1, 4, 3]]
    assert codes.tolist() == [0, 1, 4, 3]


def test_every_substitution_is_yielded_once_and_unknown_bases_stay():
    codes = np.tile(np.array([0, 4, 2], dtype=np.uint8), 50)
    batches = list(all_substitutions(codes))
    assert [len(edited) for _, _, edited in batches] == [256, 44]
    found = {
        (int(base), int(column)) for bases, columns, _ in batches for base, column in zip(bases, columns, strict=True)
    }
    assert found == {(base, column) for column in range(150) for base in range(4) if codes[column] not in (4, base)}
    for bases, columns, edited in batches:
        assert (edited[np.arange(len(edited)), columns] == bases).all()
        assert ((edited != codes).sum(axis=1) == 1).all()


def test_identical_ranges_are_skipped():
    codes = np.zeros(10, dtype=np.uint8)
    other = np.array([0, 0, 0, 0, 1, 0, 0, 0, 0, 2], dtype=np.uint8)
    ((ranges, edited),) = all_replacements(codes, other, 4)
    assert ranges.tolist() == [1, 2]
    assert edited.tolist() == [[0, 0, 0, 0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0, 2]]
