import gzip
import lzma
import subprocess

import pytest

from kanseq.errors import MalformedLine
from kanseq.genome.fasta import read_contigs, read_entries


def refusal(path, content):
    """Return the message of the error for a FASTA file with this content, without its folder."""
    path.write_bytes(content)
    with pytest.raises(MalformedLine) as error:
        list(read_contigs(path))
    return str(error.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b">1 x\nACGT\nAC*T\n" + b"ACGT\n" * 8,
            "g.fa:3: contig '1' has the letter '*', which is not a nucleotide code; replace it with N, or remove this "
            "contig (letters that are no codes: 1; A, C, G or T: 97.5 % of 40)",
        ),
        (
            b">1\nACGT\n>2\n" + b"ACGT\n" * 5 + b"a??tacgt\n",
            "g.fa:9: contig '2' has the letter '?', which is not a nucleotide code; replace them with N, or remove "
            "this contig (letters that are no codes: 2; A, C, G or T: 92.85 % of 28)",
        ),
        (
            b">1\nACGT\nACGT>2 dna:chromosome\nACGT\n",
            "g.fa:3: '>' within a line of contig '1'; two files were joined without a line break: insert one before "
            "'>'",
        ),
        (b">1\nACGT\n >2\nACGT\n", "g.fa:3: '>' within a line of contig '1'; remove the spaces before '>'"),
        (
            b">1\nACGT\n\xef\xbb\xbf>2\nACGT\n",
            "g.fa:3: a byte order mark within contig '1'; files were joined: remove the byte order mark (U+FEFF) in "
            "this line",
        ),
        (
            b">1\n        1 acgtacgtac gtacgtacgt\n       21 acgt\n",
            "g.fa:2: contig '1' has the letter '1', which is not a nucleotide code; the lines are numbered, as in "
            "GenBank files: remove the numbers (letters that are no codes: 3; A, C, G or T: 88.88 % of 27)",
        ),
        (
            b">1\n; by me\n" + b"ACGT\n" * 9,
            "g.fa:2: contig '1' has the letter ';', which is not a nucleotide code; remove comments (letters that are "
            "no codes: 2; A, C, G or T: 87.8 % of 41)",
        ),
        (
            b">p\nMKLVFAE\n",
            "g.fa:2: contig 'p' has the letter 'L', which is not a nucleotide code; is this a protein FASTA? (letters "
            "that are no codes: 3; A, C, G or T: 14.28 % of 7)",
        ),
        (
            b">1\nAC\n\n>2\n>3\nA\n",
            "g.fa:4: contig '2' has no letters; is the file complete? if it is, remove this header",
        ),
        (b">1\nAC\n>2\nA\n>1 again\nGT\n", "g.fa:5: two contigs are named '1' (the first one in line 1); rename"),
        (b">1\nAC\n>\nGT\n", "g.fa:3: contig number 2 has no name after its '>'"),
        (b"; old\n\nhello\n>1\nAC\n", "g.fa:3: text before the first '>'; provide a FASTA file"),
        (b"1\t4\t3\t60\t61\n", "g.fa:1: text before the first '>'; this is an index (.fai): provide the FASTA file"),
        (b"ACGT\n", "g.fa:1: text before the first '>'; provide a FASTA file: a line with '>' and a name is missing"),
        (b"@read1\nACGT\n+\nIIII\n", "g.fa: this is a FASTQ file, and not a FASTA file; it contains reads"),
        (b"<!DOCTYPE html>\n", "g.fa: this is a web page, and not a FASTA file; the download failed or saved a page"),
        (
            lzma.compress(b">1\nACGT\n"),
            "g.fa: this is a file compressed with xz, and not a FASTA file; unpack it: xz -dc",
        ),
    ],
)
def test_the_message_has_the_line_the_counts_and_the_fix(tmp_path, content, message):
    assert refusal(tmp_path / "g.fa", content).startswith(message)


def test_a_share_below_one_is_not_rounded_up(tmp_path):
    assert "A, C, G or T: 99.99 % of 400,001)" in refusal(tmp_path / "g.fa", b">1\n*" + b"ACGT" * 100_000)


def test_lines_are_named_in_compressed_files_too(tmp_path):
    assert refusal(tmp_path / "g.fa.gz", gzip.compress(b">1\nACGT\nACGT!\n")).startswith("g.fa.gz:3: contig '1'")


@pytest.mark.parametrize("name", ["g.fa", "it's old.fa.gz"])
def test_carriage_returns_as_line_ends_are_named_with_a_command_that_converts_them(tmp_path, name):
    content = b">1 x\rACGT\rAC\r>2\rGGT\r"
    message = refusal(tmp_path / name, gzip.compress(content) if name.endswith("gz") else content)
    assert "the lines end in carriage returns only" in message
    subprocess.run(["bash", "-c", message.partition("convert the line ends: ")[2]], check=True, cwd=tmp_path)
    (new,) = tmp_path.glob("*.new.fa")
    assert [tuple(contig) for contig in read_contigs(new)] == [("1", b"ACGTAC"), ("2", b"GGT")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b">1\nACGT\n>2 x\rACGT\nACG\n", "g.fa:3: carriage returns within the header of contig '2'; convert the line"),
        (b">1\nACGT\r>2\rACGT\n", "g.fa:2: '>' within a line of contig '1'; some lines end in carriage returns only; "),
    ],
)
def test_single_carriage_returns_lose_no_letters(tmp_path, content, message):
    assert refusal(tmp_path / "g.fa", content).startswith(message)


def test_comments_and_blank_lines_before_the_first_header_are_skipped(tmp_path):
    path = tmp_path / "g.fa"
    path.write_bytes(b"\xef\xbb\xbf; from the lab\r\n\r\n;2024\r\n>1 x\r\nAC\r\nGT\r\n")
    assert [tuple(contig) for contig in read_contigs(path)] == [("1", b"ACGT")]
    assert list(read_entries(path)) == [("1 x", b"ACGT")]


def test_letters_of_unwanted_contigs_are_not_checked(tmp_path):
    path = tmp_path / "g.fa"
    path.write_bytes(b">1\nAC*T\n>2\n>3 third\nACGT\n")
    headers = {}
    contigs = [tuple(contig) for contig in read_contigs(path, wanted=lambda name: name == "3", headers=headers)]
    assert contigs == [("1", b"AC*T"), ("2", b""), ("3", b"ACGT")]
    assert headers == {"1": "1", "2": "2", "3": "3 third"}


@pytest.mark.parametrize(
    ("wanted", "message"), [("1", "g.fa:2: contig '1'"), ("2", "g.fa:3: contig '2' has no letters")]
)
def test_letters_of_wanted_contigs_are_checked(tmp_path, wanted, message):
    path = tmp_path / "g.fa"
    path.write_bytes(b">1\nAC*T\n>2\n>3 third\nACGT\n")
    with pytest.raises(MalformedLine, match=message):
        list(read_contigs(path, wanted=lambda name: name == wanted))


def test_gap_letters_are_reported_with_the_line_of_the_first(tmp_path, caplog):
    path = tmp_path / "g.fa"
    path.write_bytes(b">1\nACGT\n>2\nACGT\nAC-T\n>3\nA..T\n")
    with caplog.at_level("WARNING"):
        assert [contig.sequence for contig in read_contigs(path)] == [b"ACGT", b"ACGTAC-T", b"A..T"]
    assert caplog.messages == [f"{path}:5: contig '2' has a gap letter ('-' or '.'); 3 in 2 contigs are read as N"]
