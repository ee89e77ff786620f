import logging
import random

import pysam
import pytest

from kanseq.errors import BadTable, ContigMismatch, MalformedLine
from kanseq.genome.fasta import Contig, read_contigs
from kanseq.genome.intervals import Interval, cut_intervals, is_interval_table, open_table, read_bed

CONTIGS = [Contig("1", b"AACCGGTTNR"), Contig("2", b"ACGT")]


def test_intervals_are_read_in_the_direction_of_their_strand(tmp_path):
    path = tmp_path / "a.bed"
    path.write_text("track name=x\n#c\n2\t0\t4\n1\t1\t5\tp\t0\t-\n1 0 10 q 0 .\n")
    intervals = list(read_bed(path))
    assert [(one.place, one.name) for one in intervals] == [("2:0-4(+)", ""), ("1:1-5(-)", "p"), ("1:0-10(+)", "q")]
    assert cut_intervals(CONTIGS, intervals) == (["ACGT", "CGGT", "AACCGGTTNN"], {"1": "1", "2": "2"})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1\t5", ":1: too few columns (2)"),
        ("1\tx\t5", ":1: the start 'x' is not a whole number"),
        ("1\t5\t5", ":1: the start 5 is not before the end 5"),
        ("1\t5\t11", ":1: the end 11 is past contig '1', which has 10 bases"),
    ],
)
def test_the_error_of_a_malformed_line_states_its_number(tmp_path, line, message):
    path = tmp_path / "a.bed"
    path.write_text(line + "\n")
    with pytest.raises(MalformedLine) as error:
        cut_intervals(CONTIGS, list(read_bed(path)))
    assert message in str(error.value)


def test_a_contig_that_is_not_in_the_genome_is_an_error(tmp_path):
    path = tmp_path / "a.bed"
    path.write_text("1\t0\t4\nchr3\t0\t4\n")
    with pytest.raises(ContigMismatch, match=":2: 'chr3' is not in the genome, which has 1, 2"):
        cut_intervals(CONTIGS, list(read_bed(path)))


def intervals_of(path):
    with open_table(path) as table:
        return [table.interval(cells, where) for where, cells in table.rows]


def forward(chrom, start, end):
    return Interval(chrom, start, end, "", "+", "x:1")


@pytest.mark.parametrize("contig", ["region", "chrom", "chromosome"])
def test_only_rows_on_the_minus_strand_are_reverse_complemented(tmp_path, contig):
    path = tmp_path / "a.csv"
    path.write_text(f"id,{contig},start,end,strand\n7,1,1,5,-\n8,1,1,5,+\n9,1,1,5,\n10,1,1,5,.\n11,2,0,4,NA\n")
    assert is_interval_table(path)
    cut = cut_intervals(CONTIGS, intervals_of(path))
    assert cut.sequences == ["CGGT", "ACCG", "ACCG", "ACCG", "ACGT"]


def test_strands_may_be_numbers_and_unknown_ones_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("chrom,start,end,strand\n1,1,5,-1\n1,1,5,1\n")
    with open_table(path) as table:
        assert [table.interval(cells, where).strand for where, cells in table.rows] == ["-", "+"]
    path.write_text("chrom,start,end,strand\n1,1,5,minus\n")
    with open_table(path) as table, pytest.raises(MalformedLine, match=r"t.csv:2: the strand 'minus' is unknown"):
        [table.interval(cells, where) for where, cells in table.rows]


def test_a_table_needs_no_strand_and_may_be_tab_separated(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("end\tstart\tchrom\n5\t1\t1\n")
    assert [(one.place, one.where) for one in intervals_of(path)] == [("1:1-5(+)", f"{path}:2")]


def test_a_file_without_interval_columns_is_not_an_interval_table(tmp_path):
    for text in ("1\t0\t4\n", "\n1\t0\t4\n", "sequence,label\nAC,1\n", "chrom,start\n1,2\n", ""):
        path = tmp_path / "a.bed"
        path.write_text(text)
        assert not is_interval_table(path)


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        ("1,5,5,+", MalformedLine, ":3: the start 5 is not before the end 5"),
        ("1,6,5,+", MalformedLine, ":3: the start 6 is not before the end 5"),
        ("1,-1,5,+", MalformedLine, ":3: the start '-1' is not a whole number"),
        ("1,1.0,5,+", MalformedLine, ":3: the start '1.0' is not a whole number"),
        ("1,1,11,+", MalformedLine, ":3: the end 11 is past contig '1', which has 10 bases"),
        ("1,1,11,-", MalformedLine, ":3: the end 11 is past contig '1', which has 10 bases"),
        (",1,5,+", BadTable, ":3: the contig is empty"),
        ("1,1,5", BadTable, ":3: 3 cells, but the header has 4"),
    ],
)
def test_the_error_of_an_invalid_row_states_its_line(tmp_path, row, error, message):
    path = tmp_path / "a.csv"
    path.write_text(f"region,start,end,strand\n1,0,10,+\n{row}\n")
    with pytest.raises(error) as caught:
        cut_intervals(CONTIGS, intervals_of(path))
    assert str(caught.value).startswith(f"{path}{message}")


@pytest.mark.parametrize(
    ("requested", "there"),
    [
        ("chr2L", "2L"),
        ("2L", "chr2L"),
        ("chrM", "MT"),
        ("MT", "chrM"),
        ("chrM", "Mito"),
        ("chrM", "mitochondrion_genome"),
        ("ENST00000371014", "ENST00000371014.5"),
    ],
)
def test_a_contig_with_another_spelling_is_used_and_logged(caplog, requested, there):
    caplog.set_level(logging.INFO, "kanseq")
    contigs = [Contig("chrX", b"TTTT"), Contig(there, b"ACGT")]
    assert cut_intervals(contigs, [forward(requested, 0, 3), forward(requested, 1, 3)]) == (
        ["ACG", "CG"],
        {requested: there},
    )
    assert [record.getMessage() for record in caplog.records] == [
        f"contigs have other names in the genome: '{requested}' is '{there}'"
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_the_exact_contig_name_takes_precedence_over_other_spellings(caplog, order):
    caplog.set_level(logging.INFO, "kanseq")
    # The other contig is too short, which must not matter.
    contigs = [Contig("2", b"AC"), Contig("chr2", b"TTTT")][::order]
    assert cut_intervals(contigs, [forward("chr2", 0, 4)]) == (["TTTT"], {"chr2": "chr2"})
    assert not caplog.records


def test_an_ambiguous_contig_is_refused():
    contigs = [Contig("MT", b"ACGT"), Contig("Mito", b"ACGT")]
    with pytest.raises(ContigMismatch, match="x:1: 'chrM' is not in the genome, which has MT, Mito; use the genome's"):
        cut_intervals(contigs, [forward("chrM", 0, 4)])


def test_an_interval_past_the_end_of_a_contig_with_another_spelling_is_refused():
    with pytest.raises(MalformedLine, match="x:1: the end 5 is past contig '2', which has 4 bases"):
        cut_intervals(CONTIGS, [forward("chr2", 0, 5)])


def test_intervals_are_widened_around_their_centre_and_are_empty_past_an_end():
    assert [forward("1", 3, end).widened(6)[1:3] for end in (5, 6, 9, 10)] == [
        (1, 7),
        (2, 8),
        (3, 9),
        (3, 10),
    ]
    intervals = [forward("1", 3, 6), forward("1", 3, 6)._replace(strand="-"), forward("1", 1, 3), forward("1", 8, 9)]
    # 2 to 8; the same on the minus strand; -1 to 5; 6 to 12 of a contig of 10 bases.
    assert cut_intervals(CONTIGS, intervals, width=6).sequences == ["CCGGTT", "AACCGG", "", ""]
    # -2 to 3; the contig is shorter than the width.
    assert cut_intervals(CONTIGS, [forward("2", 0, 1)], width=5).sequences == [""]
    with pytest.raises(MalformedLine, match="the end 11 is past contig '1'"):
        cut_intervals(CONTIGS, [forward("1", 8, 11)], width=6)


def test_letters_equal_those_of_pysam(tmp_path):
    random.seed(3)
    lengths = {"a": 500, "b": 83}
    path = tmp_path / "g.fa"
    path.write_text("".join(f">{name}\n{''.join(random.choices('ACGT', k=size))}\n" for name, size in lengths.items()))
    intervals = []
    for name, size in lengths.items():
        ends = [(0, 1), (size - 1, size), (0, size), *(sorted(random.sample(range(size + 1), 2)) for _ in range(100))]
        intervals += [Interval(name, *pair, "", random.choice("+-"), "x:1") for pair in ends]
    with pysam.FastaFile(str(path)) as genome:
        fetched = [genome.fetch(one.chrom, one.start, one.end) for one in intervals]
    pairs = {"A": "T", "C": "G", "G": "C", "T": "A"}
    expected = [
        "".join(pairs[base] for base in reversed(letters)) if one.strand == "-" else letters
        for one, letters in zip(intervals, fetched, strict=True)
    ]
    assert cut_intervals(read_contigs(path), intervals).sequences == expected
