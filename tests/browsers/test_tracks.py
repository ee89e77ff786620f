import gzip
from collections import namedtuple
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pandas as pd
import pyBigWig
import pysam
import pytest

from kanseq.browsers.bed_rows import gene_file_names
from kanseq.browsers.piece_track import PieceTrack
from kanseq.browsers.tracks import check_track_names, combine_pieces, track_files, write_tracks
from kanseq.errors import BadOption, NotWritable
from kanseq.geometry import Geometry

ENDINGS = {"bed": "bed.gz", "bedgraph": "bedgraph.gz", "bigwig": "bw"}
GEOMETRY = Geometry(upstream=8, downstream=8, pad=8)


def make_track(genes, values, contigs=None):
    """A track of genes (id, chrom, strand, tss, tts); all columns read A, those masked N."""
    rows = [
        (name, chrom, strand, *GEOMETRY.tss_window(tss, strand), *GEOMETRY.tts_window(tts, strand))
        for name, chrom, strand, tss, tts in genes
    ]
    names = ["id", "chrom", "strand", "tss_start", "tss_end", "tts_start", "tts_end"]
    codes = np.zeros((len(genes), GEOMETRY.columns), dtype=np.uint8)
    codes[:, :4] = [0, 1, 2, 3]
    for start, end in ((8, 11), (29, 32)):
        codes[:, start:end] = 4
    contigs = contigs or {"2": 500, "10": 800}
    values = np.array(values, dtype=np.float32)
    return PieceTrack(pd.DataFrame(rows, columns=names), GEOMETRY, contigs, values, lambda rows: codes[rows])


@pytest.fixture
def track():
    genes = [("b", "2", "+", 100, 300), ("a", "2", "-", 307, 100), ("c", "10", "+", 50, 60)]
    return make_track(genes, [[1, 2, -3, 0], [0.5, -0.25, 4, 5], [1, 1, 1, -2]])


def read_gz(path):
    return [line.split("\t") for line in gzip.open(path, "rt").read().splitlines()]


def test_bed_rows_equal_values_computed_by_hand(track, tmp_path):
    assert write_tracks(track, bed=tmp_path / "a.bed.gz") == 12
    rows = read_gz(tmp_path / "a.bed.gz")
    # '10' sorts before '2'; the windows of gene c overlap, and both rows are kept
    assert [row[:4] for row in rows[:4]] == [
        ["10", "42", "50", "c|ACGTAAAA"],
        ["10", "50", "58", "c|NNNAAAAA"],
        ["10", "53", "61", "c|AAAAANNN"],
        ["10", "61", "69", "c|AAAAAAAA"],
    ]
    assert all(len(row) == 9 and row[1] == row[6] and row[2] == row[7] for row in rows)
    first_of_b = next(row for row in rows if row[3] == "b|ACGTAAAA")
    # the 99th percentile of the 12 magnitudes is 4.89, between 4 and 5
    assert first_of_b[4:] == [f"{1000 / 4.89:.0f}", "+", "92", "100", "202,0,32"]
    by_name = {row[3]: row for row in rows}
    assert by_name["b|AAAAANNN"][4:9:4] == [f"{3000 / 4.89:.0f}", "5,113,176"]
    assert by_name["b|AAAAAAAA"][4:9:4] == ["0", "0,0,0"]
    assert by_name["a|ACGTAAAA"][:3] == ["2", "308", "316"]
    assert by_name["a|ACGTAAAA"][5] == "-"
    assert max(int(row[4]) for row in rows) == 1000


def test_bed_is_sorted_and_ties_are_broken_by_name(tmp_path):
    genes = [("z", "2", "+", 100, 300), ("y", "2", "+", 100, 300)]
    write_tracks(make_track(genes, np.ones((2, 4))), bed=tmp_path / "a.bed")
    rows = [line.split("\t") for line in (tmp_path / "a.bed").read_text().splitlines()]
    assert [row[3][0] for row in rows[:4]] == ["y", "z", "y", "z"]
    places = [(row[0], int(row[1]), int(row[2])) for row in rows]
    assert places == sorted(places)


def test_top_keeps_the_rows_of_the_largest_pieces_of_each_gene_unchanged(track, tmp_path):
    write_tracks(track, bed=tmp_path / "all.bed")
    assert write_tracks(track, bed=tmp_path / "a.bed", top=2) == 6
    rows = (tmp_path / "a.bed").read_text().splitlines()
    everything = (tmp_path / "all.bed").read_text().splitlines()
    assert [row for row in everything if row in rows] == rows
    kept = sorted((row.split("\t")[3], row.split("\t")[8]) for row in rows)
    # b: 2 and -3; a: 4 and 5; c: -2 and the first of three equal ones
    red, blue = "202,0,32", "5,113,176"
    assert kept == [
        ("a|AAAAAAAA", red),
        ("a|AAAAANNN", red),
        ("b|AAAAANNN", blue),
        ("b|NNNAAAAA", red),
        ("c|AAAAAAAA", blue),
        ("c|ACGTAAAA", red),
    ]


def test_ties_between_pieces_are_broken_by_the_direction_of_transcription(tmp_path):
    genes = [("plus", "2", "+", 100, 300), ("minus", "10", "-", 307, 100)]
    write_tracks(make_track(genes, [[2, -2, 2, -2], [1, -3, 3, 0]]), bed=tmp_path / "a.bed", top=1)
    rows = [line.split("\t") for line in (tmp_path / "a.bed").read_text().splitlines()]
    assert [(row[1], row[3]) for row in rows] == [("300", "minus|NNNAAAAA"), ("92", "plus|ACGTAAAA")]


def test_top_may_exceed_the_number_of_pieces_and_does_not_affect_values_per_base(track, tmp_path):
    for name, top in (("x", None), ("y", 1), ("z", 99)):
        (tmp_path / name).mkdir()
        write_tracks(track, **{kind: tmp_path / name / f"a.{end}" for kind, end in ENDINGS.items()}, top=top)
    content = {name: {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "xyz"}
    assert content["x"] == content["z"]
    assert {name for name, data in content["x"].items() if content["y"][name] != data} == {"a.bed.gz", "a.bed.gz.tbi"}


def test_top_less_than_one_is_refused(track, tmp_path):
    with pytest.raises(BadOption, match=r"the 0 largest.*at least 1"):
        write_tracks(track, bed=tmp_path / "a.bed", top=0)


@pytest.mark.parametrize("top", [None, 3])
def test_each_gene_has_its_bed_rows_in_a_separate_file(track, tmp_path, top):
    write_tracks(track, bed=tmp_path / "a.bed", per_gene=tmp_path / "genes", top=top)
    rows = (tmp_path / "a.bed").read_text().splitlines()
    assert sorted(path.name for path in (tmp_path / "genes").iterdir()) == ["a.bed", "b.bed", "c.bed"]
    for gene in "abc":
        own = (tmp_path / "genes" / f"{gene}.bed").read_text().splitlines()
        assert own == [row for row in rows if row.split("\t")[3].startswith(f"{gene}|")]
        assert len(own) == (top or 4)


def test_rows_per_gene_are_correct_for_more_genes_than_one_chunk(tmp_path):
    genes = [(f"g{i}", "2" if i % 3 else "10", "+-"[i % 2], 100 + i % 7, 300) for i in range(1100)]
    values = np.arange(4400).reshape(1100, 4) / 4400
    write_tracks(make_track(genes, values), bed=tmp_path / "a.bed", per_gene=tmp_path / "genes")
    rows = {}
    for line in (tmp_path / "a.bed").read_text().splitlines(keepends=True):
        rows.setdefault(line.split("\t")[3].split("|")[0], []).append(line)
    assert len(rows) == 1100
    for gene, lines in rows.items():
        assert (tmp_path / "genes" / f"{gene}.bed").read_text() == "".join(lines)


def test_a_gene_past_the_end_of_its_contig_gets_an_empty_file(tmp_path):
    genes = [("out", "2", "+", 900, 950), ("in", "2", "+", 100, 300)]
    write_tracks(make_track(genes, np.ones((2, 4))), per_gene=tmp_path / "genes")
    assert (tmp_path / "genes" / "out.bed").read_text() == ""
    assert (tmp_path / "genes" / "in.bed").read_text().count("\n") == 4


def test_files_of_genes_are_replaced_and_other_files_in_the_folder_are_kept(track, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "a.bed").write_text("old")
    write_tracks(track, per_gene=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bed", "b.bed", "c.bed", "mine.txt"]
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert "a|ACGTAAAA" in (tmp_path / "a.bed").read_text()


def test_file_names_are_safe_unique_and_independent_of_gene_order():
    assert gene_file_names(["AT1G01010", "gene:AT1/2", "x y", "x_y", "x_y_2", "é"]) == [
        "AT1G01010.bed",
        "gene_AT1_2.bed",
        "x_y_3.bed",
        "x_y.bed",
        "x_y_2.bed",
        "_.bed",
    ]
    assert gene_file_names(["x_y_2", "x_y", "x y"]) == ["x_y_2.bed", "x_y.bed", "x_y_3.bed"]
    # some file systems ignore letter case
    assert gene_file_names(["abC", "abc"]) == ["abC.bed", "abc_2.bed"]
    assert len(gene_file_names(["g" * 400])[0]) < 255


def test_files_per_gene_appear_when_the_stack_closes(track, tmp_path):
    with ExitStack() as stack:
        write_tracks(track, per_gene=tmp_path / "genes", stack=stack)
        assert list((tmp_path / "genes").glob("*.bed")) == []
    assert len(list((tmp_path / "genes").iterdir())) == 3


def test_a_failure_leaves_neither_files_per_gene_nor_a_new_folder(track, tmp_path):
    broken = replace(track, codes=lambda rows: np.zeros((0, 0)))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "mine.txt").write_text("mine")
    for folder in ("new", "old"):
        with pytest.raises(IndexError):
            write_tracks(broken, per_gene=tmp_path / folder)
    assert [path.name for path in tmp_path.rglob("*")] == ["old", "mine.txt"]


def test_an_invalid_folder_for_genes_is_refused(track, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable, match="this is a file, but a folder is required"):
        write_tracks(track, per_gene=tmp_path / "file")
    with pytest.raises(NotWritable, match="does not exist; create it: mkdir -p"):
        write_tracks(track, per_gene=tmp_path / "no" / "genes")


def test_tabix_reads_the_bed(track, tmp_path):
    write_tracks(track, bed=tmp_path / "a.bed.gz", bedgraph=tmp_path / "a.bedgraph.gz")
    with pysam.TabixFile(str(tmp_path / "a.bed.gz")) as bed:
        assert sorted(bed.contigs) == ["10", "2"]
        assert [row.split("\t")[3] for row in bed.fetch("10", 57, 61)] == ["c|NNNAAAAA", "c|AAAAANNN"]
    with pysam.TabixFile(str(tmp_path / "a.bedgraph.gz")) as graph:
        assert list(graph.fetch("10", 57, 61)) == ["10\t42\t61\t1"]


def test_contigs_too_long_for_tbi_get_csi(tmp_path):
    track = make_track([("a", "1", "+", 600_000_000, 600_000_500)], np.ones((1, 4)), {"1": 700_000_000})
    write_tracks(track, bed=tmp_path / "a.bed.gz")
    assert not (tmp_path / "a.bed.gz.tbi").exists()
    with pysam.TabixFile(str(tmp_path / "a.bed.gz"), index=str(tmp_path / "a.bed.gz.csi")) as bed:
        assert len(list(bed.fetch("1", 600_000_000, 600_000_008))) == 1


def test_bigwig_has_contigs_in_order_and_the_mean_of_overlapping_pieces(track, tmp_path):
    write_tracks(track, bigwig=tmp_path / "a.bw")
    with pyBigWig.open(str(tmp_path / "a.bw")) as bigwig:
        assert list(bigwig.chroms().items()) == [("2", 500), ("10", 800)]
        # on [92, 100) b has 1 and a 5, on [100, 108) b has 2 and a 4
        assert bigwig.intervals("2", 90, 110) == ((92, 108, 3.0),)
        assert bigwig.intervals("10") == ((42, 61, 1.0), (61, 69, -2.0))
        assert bigwig.intervals("10", 100, 200) is None


def test_strand_specific_tracks_are_pairs_of_files(track, tmp_path):
    write_tracks(track, bigwig=tmp_path / "a.bw", bedgraph=tmp_path / "a.bedGraph.gz", strand_specific=True)
    names = ["a.minus.bedGraph.gz", "a.minus.bedGraph.gz.tbi", "a.minus.bw"]
    names += ["a.plus.bedGraph.gz", "a.plus.bedGraph.gz.tbi", "a.plus.bw"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert [path.name for path in track_files(None, "a.bedGraph.gz", "a.bw", {"2": 5}, True)] == [
        "a.plus.bedGraph.gz",
        "a.plus.bedGraph.gz.tbi",
        "a.minus.bedGraph.gz",
        "a.minus.bedGraph.gz.tbi",
        "a.plus.bw",
        "a.minus.bw",
    ]
    with pyBigWig.open(str(tmp_path / "a.minus.bw")) as bigwig:
        assert bigwig.intervals("10") is None
        assert bigwig.intervals("2", 90, 110) == ((92, 100, 5.0), (100, 108, 4.0))


def test_one_strand_without_genes_gives_an_empty_track(tmp_path):
    track = make_track([("a", "2", "+", 100, 300)], np.ones((1, 4)))
    write_tracks(track, bigwig=tmp_path / "a.bw", bedgraph=tmp_path / "a.bedgraph.gz", strand_specific=True)
    with pyBigWig.open(str(tmp_path / "a.minus.bw")) as bigwig:
        assert bigwig.chroms() == {"2": 500, "10": 800}
    assert read_gz(tmp_path / "a.minus.bedgraph.gz") == []


@pytest.mark.parametrize(
    ("combine", "expected"),
    [
        ("mean", [(0, 4, 1.0), (4, 8, -1.0), (8, 12, -3.0), (20, 24, 2.0)]),
        ("sum", [(0, 4, 1.0), (4, 8, -2.0), (8, 12, -3.0), (20, 24, 2.0)]),
        ("max-abs", [(0, 4, 1.0), (4, 12, -3.0), (20, 24, 2.0)]),
    ],
)
def test_overlaps_are_combined_as_stated(combine, expected):
    steps = combine_pieces(np.array([4, 0, 20]), np.array([12, 8, 24]), np.array([-3, 1, 2], dtype=np.float32), combine)
    assert list(zip(*(array.tolist() for array in steps), strict=True)) == expected


def test_the_positive_value_of_two_equal_magnitudes_is_shown():
    spans = np.array([0, 0]), np.array([8, 8])
    assert combine_pieces(*spans, np.array([2, -2], dtype=np.float32), "max-abs").value.tolist() == [2]
    assert combine_pieces(*spans, np.array([-2, 2], dtype=np.float32), "max-abs").value.tolist() == [2]


@pytest.mark.parametrize("combine", ["mean", "sum", "max-abs"])
def test_combination_equals_a_loop_over_bases(combine):
    rng = np.random.default_rng(1)
    start = rng.integers(0, 300, 200)
    end = start + rng.integers(1, 9, 200)
    values = rng.integers(-4, 5, 200).astype(np.float32)
    over = {}
    for a, b, value in zip(start, end, values, strict=True):
        for base in range(a, b):
            over.setdefault(base, []).append(float(value))
    pick = {
        "mean": lambda v: np.float32(sum(v) / len(v)),
        "sum": sum,
        "max-abs": lambda v: max(v, key=lambda x: (abs(x), x)),
    }
    steps = combine_pieces(start, end, values, combine)
    found = {base: value for a, b, value in zip(*steps, strict=True) for base in range(a, b)}
    assert found == {base: pick[combine](held) for base, held in over.items()}
    assert (steps.start[1:] >= steps.end[:-1]).all()
    touching = steps.start[1:] == steps.end[:-1]
    assert (steps.value[1:] != steps.value[:-1])[touching].all()


def test_no_pieces_give_no_steps():
    none = np.zeros(0, dtype=np.int64)
    assert len(combine_pieces(none, none, np.zeros(0, dtype=np.float32), "mean").start) == 0


def test_output_is_reproducible_bytewise(track, tmp_path):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        tracks = {kind: tmp_path / name / f"a.{end}" for kind, end in ENDINGS.items()}
        write_tracks(track, **tracks, per_gene=tmp_path / name)
    for path in sorted((tmp_path / "x").iterdir()):
        assert path.read_bytes() == (tmp_path / "y" / path.name).read_bytes(), path.name
    assert len(list((tmp_path / "x").iterdir())) == 8


def test_all_zero_values_have_score_zero(tmp_path):
    write_tracks(make_track([("a", "2", "+", 100, 300)], np.zeros((1, 4))), bed=tmp_path / "a.bed")
    assert {line.split("\t")[4] for line in (tmp_path / "a.bed").read_text().splitlines()} == {"0"}


@pytest.mark.parametrize(
    ("paths", "ending"),
    [(("a.txt", None, None), ".bed or .bed.gz"), ((None, "a.bed", None), ".bedgraph"), ((None, None, "a.bed"), ".bw")],
)
def test_a_wrong_extension_is_refused(paths, ending):
    with pytest.raises(BadOption, match=ending):
        check_track_names(*paths)


def test_an_unknown_combination_is_refused(track, tmp_path):
    with pytest.raises(BadOption, match=r"'median'.*mean, sum, max-abs"):
        write_tracks(track, bigwig=tmp_path / "a.bw", combine="median")


def test_a_missing_folder_is_refused_and_a_failure_leaves_no_files(track, tmp_path):
    with pytest.raises(NotWritable, match="does not exist"):
        write_tracks(track, bed=tmp_path / "no" / "a.bed.gz")
    whole = replace(track, codes=lambda rows: np.zeros((0, 0)))
    with pytest.raises(IndexError):
        write_tracks(whole, bigwig=tmp_path / "a.bw", bed=tmp_path / "a.bed.gz")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_raises_a_one_line_error_and_leaves_no_files(track, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(2**30, 2**30, 0))
    with pytest.raises(NotWritable, match=r"a\.bw: cannot write; the disk is probably full") as failure:
        write_tracks(track, bed=tmp_path / "a.bed", bigwig=tmp_path / "a.bw")
    assert "\n" not in str(failure.value)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_of_the_compressor_raises_a_one_line_error_and_leaves_no_files(track, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise OSError("building of index failed")

    monkeypatch.setattr(pysam, "tabix_index", fail)
    with pytest.raises(NotWritable, match=r"a\.bed\.gz: cannot write"):
        write_tracks(track, bed=tmp_path / "a.bed.gz")
    assert list(tmp_path.iterdir()) == []
