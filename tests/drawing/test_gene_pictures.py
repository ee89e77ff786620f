import gzip
import re

import numpy as np
import pytest

from kanseq.drawing.gene_pictures import Feature, Place, _boxes, _windows, draw_gene, features_of
from kanseq.drawing.style import LETTER_COLOURS
from kanseq.errors import BadOption, NoGenes, UnknownGene
from kanseq.geometry import Geometry

SMALL = Geometry(upstream=40, downstream=24, pad=8)
"""Columns 0-63 around the TSS in column 40, 64-71 padding, 72-135 around the TTS in column 95."""

GTF = """\
2\ts\tgene\t101\t400\t.\t-\t.\tgene_id "A"; gene_name "abc"; gene_biotype "protein_coding";
2\ts\ttranscript\t101\t400\t.\t-\t.\tgene_id "A"; transcript_id "A.1";
2\ts\texon\t301\t400\t.\t-\t.\tgene_id "A"; transcript_id "A.1";
2\ts\tCDS\t301\t350\t.\t-\t0\tgene_id "A"; transcript_id "A.1";
2\ts\texon\t101\t200\t.\t-\t.\tgene_id "A"; transcript_id "A.1";
2\ts\texon\t301\t400\t.\t-\t.\tgene_id "A"; transcript_id "A.2";
2\ts\tgene\t150\t180\t.\t-\t.\tgene_id "B"; gene_name "xyz"; gene_biotype "protein_coding";
2\ts\texon\t150\t180\t.\t-\t.\tgene_id "B"; transcript_id "B.1";
3\ts\texon\t101\t200\t.\t-\t.\tgene_id "A"; transcript_id "A.9";
"""
GFF3 = """\
##gff-version 3
2\ts\tCDS\t301\t350\t.\t-\t0\tID=CDS:p;Parent=transcript:A.1
2\ts\texon\t301\t400\t.\t-\t.\tParent=transcript:A.1,transcript:A.2
2\ts\texon\t101\t200\t.\t-\t.\tParent=transcript:A.1
2\ts\texon\t150\t180\t.\t-\t.\tParent=transcript:B.1
2\ts\tmRNA\t101\t400\t.\t-\t.\tID=transcript:A.1;Parent=gene:A
2\ts\tmRNA\t101\t400\t.\t-\t.\tID=transcript:A.2;Parent=gene:A
2\ts\tmRNA\t150\t180\t.\t-\t.\tID=transcript:B.1;Parent=gene:B
2\ts\tgene\t101\t400\t.\t-\t.\tID=gene:A;biotype=protein_coding
2\ts\tgene\t150\t180\t.\t-\t.\tID=gene:B;biotype=protein_coding
2\ts\tgene\t500\t600\t.\t+\t.\tID=gene:C;biotype=protein_coding
2\ts\tCDS\t510\t590\t.\t+\t0\tID=CDS:c;Parent=gene:C
2\ts\tgene\t700\t800\t.\t+\t.\tID=gene:D;biotype=protein_coding
"""
OF_A = [Feature("exon", 100, 200), Feature("CDS", 300, 350), Feature("exon", 300, 400)]


@pytest.mark.parametrize("text", [GTF, GFF3])
@pytest.mark.parametrize("packed", [False, True])
def test_exons_of_all_transcripts_are_read_in_any_order_without_duplicates(tmp_path, text, packed):
    path = tmp_path / "annotation"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert features_of(path, "A") == OF_A
    assert features_of(path, "B") == [Feature("exon", 149, 180)]


def test_coding_parts_may_belong_to_the_gene_itself_or_be_missing(tmp_path):
    (tmp_path / "a.gff3").write_text(GFF3)
    assert features_of(tmp_path / "a.gff3", "C") == [Feature("CDS", 509, 590)]
    assert features_of(tmp_path / "a.gff3", "D") == []


def test_genes_may_be_named_by_another_attribute(tmp_path):
    (tmp_path / "a.gtf").write_text(GTF)
    assert features_of(tmp_path / "a.gtf", "abc", "gene_name") == OF_A


def test_errors_name_the_unknown_gene_and_the_file(tmp_path):
    (tmp_path / "a.gtf").write_text(GTF)
    with pytest.raises(UnknownGene, match=r"a\.gtf: there is no gene 'Z'; it has A, B"):
        features_of(tmp_path / "a.gtf", "Z")
    (tmp_path / "b.gtf").write_text("")
    with pytest.raises(NoGenes):
        features_of(tmp_path / "b.gtf", "A")


@pytest.mark.parametrize(("strand", "tss", "tts"), [("+", 300, 420), ("-", 420, 300), ("+", 300, 310), ("-", 310, 300)])
def test_each_base_of_an_exon_is_drawn_in_its_column(strand, tss, tts):
    rng = np.random.default_rng(tss + tts)
    starts = rng.integers(250, 480, 12)
    features = [Feature("exon", start, start + size) for start, size in zip(starts.tolist(), range(1, 13), strict=True)]
    place = Place("2", strand, tss, tts)
    boxes = _boxes(_windows(SMALL, place), place, features)
    drawn = sorted(column for box in boxes if box.feature == "exon" for column in range(box.start, box.end))
    expected = []
    for (first, last), shift in ((SMALL.tss_window(tss, strand), 0), (SMALL.tts_window(tts, strand), 72)):
        for feature in features:
            inside = [base for base in range(feature.start, feature.end) if first <= base < last]
            expected += [shift + (base - first if strand == "+" else last - 1 - base) for base in inside]
    assert drawn == sorted(expected)


def draw(path, geometry=SMALL, values=(), letters="", **options):
    """Draw a sequence of C without attributions, except some letters at ``values``."""
    codes = np.ones(geometry.columns, dtype=np.uint8)
    attributions = np.zeros(geometry.columns, dtype=np.float32)
    for (column, value), letter in zip(values, letters, strict=True):
        attributions[column], codes[column] = value, "ACGTN".index(letter)
    draw_gene(path, name="gene", codes=codes, attributions=attributions, geometry=geometry, **options)
    return path


def spelled(path):
    """Return the texts of a figure, which matplotlib writes as comments."""
    return re.findall("<!-- (.*) -->", path.read_text())


def pixels(path, letter):
    """Return the rows and columns of the pixels that have a letter's colour."""
    from PIL import Image

    colour = [int(LETTER_COLOURS[letter][at : at + 2], 16) for at in (1, 3, 5)]
    return np.nonzero((np.asarray(Image.open(path).convert("RGB")) == colour).all(axis=2))


def test_letters_are_upright_or_upside_down_or_hidden_where_masked(tmp_path):
    # Column 41 is masked, and column 100 is N.
    values = [(10, 2.0), (20, -1.0), (41, 9.0), (100, 9.0)]
    path = draw(tmp_path / "a.png", values=values, letters="ATGN", columns=range(0, 60))
    up, down = pixels(path, "A"), pixels(path, "T")
    assert len(up[0]) > 100
    assert len(down[0]) > 50
    # The line is between them.
    assert up[0].max() < down[0].min()
    assert up[1].max() < down[1].min()
    assert len(pixels(path, "G")[0]) == 0


def test_rows_begin_with_their_distance_from_the_site_and_genome_position(tmp_path):
    # Minus strand: column 0 is 40 bases before the TSS, base 370 (0-based); column 135 is 40 after the TTS, base 260.
    path = draw(tmp_path / "a.svg", place=Place("chr2", "-", 330, 300), facts={"logit": -1.23456, "fold": "2-b"})
    words = spelled(path)
    assert "chr2:301–331 (−)   ·   logit −1.235   ·   fold 2-b" in words
    assert words.count("TSS −40") == words.count("TTS −23") == 1
    assert {"371", "331", "324", "301", "261"} <= set(words)
    assert words[words.index("TSS −40") + 1] == "371"
    assert words[words.index("TTS −23") + 1] == "324"


def test_only_the_requested_columns_are_drawn_in_rows(tmp_path):
    words = spelled(draw(tmp_path / "a.svg", Geometry(), columns=slice(2000, 2300), place=Place("1", "+", 9999, 19999)))
    rows = [word for word in words if re.match("T[ST]S .", word)]
    assert rows == ["TTS −19", "TTS +101", "TTS +221"]
    # Padding has no genome position.
    words = spelled(draw(tmp_path / "a.svg", columns=range(66, 80), place=Place("1", "+", 99, 199)))
    assert "TSS +26" in words
    assert "126" not in words


@pytest.mark.parametrize(
    ("geometry", "options"),
    [
        (SMALL, {"columns": range(0, 200)}),
        (SMALL, {"columns": range(20, 20)}),
        (SMALL, {"columns": range(0, 20, 2)}),
        (SMALL, {"columns": slice(500, 600)}),
        (Geometry.plain(100_000), {}),
    ],
)
def test_missing_columns_and_too_many_columns_are_refused(tmp_path, geometry, options):
    with pytest.raises(BadOption, match="columns"):
        draw(tmp_path / "a.png", geometry, **options)
    assert list(tmp_path.iterdir()) == []


def test_the_same_gene_gives_the_same_picture(tmp_path):
    place, features = Place("2", "+", 300, 330), [Feature("exon", 300, 331), Feature("CDS", 310, 320)]
    options = {"values": [(10, 2.0)], "letters": "A", "place": place, "features": features}
    first = draw(tmp_path / "a.png", **options).read_bytes()
    assert draw(tmp_path / "b.png", **options).read_bytes() == first
    assert draw(tmp_path / "c.png", **{**options, "features": features[:1]}).read_bytes() != first


def test_plain_sequences_and_odd_names_can_be_drawn(tmp_path):
    codes = np.full(30, 4, dtype=np.uint8)
    geometry, path = Geometry.plain(30), tmp_path / "a.svg"
    draw_gene(path, name="$a_1$", codes=codes, attributions=np.zeros(30, np.float32), geometry=geometry)
    words = spelled(path)
    assert "$a_1$" in words
    assert {"0", "20"} <= set(words)
    assert "TSS" not in words
