import pytest

from kanseq.errors import ContigMismatch, MalformedLine
from kanseq.genome.fasta import Contig
from kanseq.genome.intervals import cut_intervals, read_bed

CONTIGS = [Contig("1", b"AACCGGTTNR"), Contig("2", b"ACGT")]


def test_intervals_are_read_in_the_direction_of_their_strand(tmp_path):
    path = tmp_path / "a.bed"
    path.write_text("track name=x\n#c\n2\t0\t4\n1\t1\t5\tp\t0\t-\n1 0 10 q 0 .\n")
    intervals = list(read_bed(path))
    assert [(one.place, one.name) for one in intervals] == [("2:0-4(+)", ""), ("1:1-5(-)", "p"), ("1:0-10(+)", "q")]
    assert cut_intervals(CONTIGS, intervals) == ["ACGT", "CGGT", "AACCGGTTNN"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1\t5", ":1: too few columns (2)"),
        ("1\tx\t5", ":1: the start 'x' is not a whole number"),
        ("1\t5\t5", ":1: the start 5 is not before the end 5"),
        ("1\t5\t11", ":1: the end 11 is past contig '1', which has 10 bases"),
    ],
)
def test_a_malformed_line_is_named_by_its_number(tmp_path, line, message):
    path = tmp_path / "a.bed"
    path.write_text(line + "\n")
    with pytest.raises(MalformedLine) as error:
        cut_intervals(CONTIGS, list(read_bed(path)))
    assert message in str(error.value)


def test_a_contig_that_the_genome_lacks_is_an_error(tmp_path):
    path = tmp_path / "a.bed"
    path.write_text("1\t0\t4\nchr2\t0\t4\n")
    with pytest.raises(ContigMismatch, match=":2: 'chr2' is not in the genome, which has 1, 2"):
        cut_intervals(CONTIGS, list(read_bed(path)))
