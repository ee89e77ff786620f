import gzip

import pyfaidx
import pytest

from kanseq.errors import MalformedLine, TruncatedFile
from kanseq.genome import fasta
from kanseq.genome.fasta import only_bases, read_contigs, read_headers, reverse_complement

TEXT = b">1 dna:chromosome\nACgt\nnnRY\n>2\r\nAC\r\n\r\nGT\r\n>3 x > y\nA C\n"
CONTIGS = [("1", b"ACGTNNRY"), ("2", b"ACGT"), ("3", b"AC")]


@pytest.mark.parametrize("block", [1, 2, 3, 5, 7, 1 << 20])
def test_contigs_do_not_depend_on_the_block_size(tmp_path, monkeypatch, block):
    monkeypatch.setattr(fasta, "BLOCK", block)
    path = tmp_path / "genome.fa"
    path.write_bytes(TEXT)
    assert [tuple(contig) for contig in read_contigs(path)] == CONTIGS
    assert list(read_headers(path)) == ["1 dna:chromosome", "2", "3 x > y"]


def test_plain_gzip_and_bgzip_give_the_same_contigs_and_no_index_is_written(tmp_path):
    import pysam

    plain, zipped, blocked = (tmp_path / name for name in ("a.fa", "a.fa.gz", "b.fa.gz"))
    plain.write_bytes(TEXT)
    zipped.write_bytes(gzip.compress(TEXT))
    pysam.tabix_compress(str(plain), str(blocked))
    before = sorted(tmp_path.iterdir())
    assert [list(read_contigs(path)) for path in (plain, zipped, blocked)] == [CONTIGS] * 3
    assert sorted(tmp_path.iterdir()) == before


def test_a_contig_may_be_one_long_line_without_a_final_newline(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_bytes(b">1\n" + b"ACGT" * 700_000 + b"\n>2\nAAC")
    assert [(name, len(sequence)) for name, sequence in read_contigs(path)] == [("1", 2_800_000), ("2", 3)]


def test_letters_equal_those_of_pyfaidx(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_bytes(b">1\nACGTTGCA\nNNRYACGT\n>2\nTTG\n")
    expected = {name: str(record).encode() for name, record in pyfaidx.Fasta(str(path)).items()}
    assert dict(read_contigs(path)) == expected


def test_reverse_complement_handles_iupac_codes_and_lower_case():
    assert reverse_complement(b"AACGtRKN") == b"NMYACGTT"
    assert reverse_complement(b"BDHVSW-") == b"-WSBDHV"


def test_only_bases_turns_everything_else_into_n():
    assert only_bases(b"acgtRYUX-.N") == b"ACGTNNNNNNN"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "the file has no sequences"),
        (b"\n1\tx\tgene\n", ":2: text before the first '>'; the genome comes first, then the annotation"),
        (b"ACGT\n", ":1: text before the first '>'; provide a FASTA file"),
        (b">1\nAC\n>1\nGT\n", "two contigs are named '1'"),
        (b">1\nAC\n> \nGT\n", "contig number 2 has no name"),
        (b">1\nAC\n>2\n>3\nA\n", "contig '2' has no letters"),
        (b">p\nMKLV\n", "contig 'p' has the letter 'L', which is not a nucleotide code; is this a protein FASTA?"),
    ],
)
def test_an_invalid_genome_is_refused(tmp_path, text, message):
    path = tmp_path / "genome.fa"
    path.write_bytes(text)
    with pytest.raises(MalformedLine) as error:
        list(read_contigs(path))
    assert message in str(error.value)


def test_a_truncated_gzip_is_refused(tmp_path):
    path = tmp_path / "genome.fa.gz"
    path.write_bytes(gzip.compress(b">1\n" + b"ACGTTGCA" * 5000)[:-20])
    with pytest.raises(TruncatedFile, match="ends too early"):
        list(read_contigs(path))


def test_a_bgzip_file_cut_between_two_blocks_is_refused(tmp_path):
    import pysam

    plain, path = tmp_path / "a.fa", tmp_path / "a.fa.gz"
    plain.write_bytes(b">1\n" + b"ACGTTGCA\n" * 20_000)
    pysam.tabix_compress(str(plain), str(path))
    content = path.read_bytes()
    second = content.index(b"\x1f\x8b\x08\x04", 1)
    path.write_bytes(content[:second])
    assert gzip.decompress(content[:second])
    with pytest.raises(TruncatedFile, match="ends too early"):
        list(read_contigs(path))
