"""Random access, compared with the streaming reader."""

import gzip
import os
import shutil

import numpy as np
import pysam
import pytest

from kanseq.errors import BadOption, ContigMismatch, MalformedLine, MissingFile, NotWritable, TruncatedFile
from kanseq.genome import random_access
from kanseq.genome.fasta import read_contigs
from kanseq.genome.random_access import IndexedFasta


@pytest.fixture
def plain(tmp_path):
    random = np.random.default_rng(1)
    (tmp_path / "genome").mkdir()
    path = tmp_path / "genome" / "genome.fa"
    with open(path, "w") as handle:
        for name, length in (("1 first", 1234), ("Mt", 60), ("c.3", 7)):
            letters = "".join(random.choice(list("ACGTNacgtnRy"), size=length))
            handle.write(f">{name}\n")
            handle.writelines(letters[at : at + 60] + "\n" for at in range(0, length, 60))
    return path


@pytest.fixture(params=["plain", "bgzip"])
def path(request, plain):
    if request.param == "plain":
        return plain
    pysam.tabix_compress(str(plain), str(plain) + ".gz")
    return plain.with_name("genome.fa.gz")


def test_letters_equal_those_of_the_streaming_reader(path):
    contigs = {contig.name: contig.sequence for contig in read_contigs(path)}
    for _ in ("the index is made", "the index is there"):
        with IndexedFasta(path) as genome:
            assert genome.lengths == {"1": 1234, "Mt": 60, "c.3": 7}
            for name, start, end in (("1", 0, 1234), ("1", 59, 61), ("1", 1233, 1234), ("Mt", 0, 60), ("c.3", 3, 3)):
                assert genome.letters(name, start, end) == contigs[name][start:end]
        assert path.with_name(path.name + ".fai").exists()


def test_an_interval_past_an_end_is_refused_or_padded(path):
    contig = next(read_contigs(path)).sequence
    with IndexedFasta(path) as genome:
        for start, end in ((-1, 5), (1230, 1235), (1300, 1301), (5, 4)):
            with pytest.raises(BadOption, match=rf"1:{start}-{end} is not within the contig's 1234 bases"):
                genome.letters("1", start, end)
        assert genome.letters("1", -2, 3, pad=True) == b"NN" + contig[:3]
        assert genome.letters("1", 1232, 1236, pad=True) == contig[1232:] + b"NN"
        assert genome.letters("1", -5, -2, pad=True) == b"NNN"
        assert genome.letters("1", 1300, 1302, pad=True) == b"NN"
        with pytest.raises(ContigMismatch, match="there is no contig 'chr1'"):
            genome.letters("chr1", 0, 1)


@pytest.mark.parametrize("name", ["old.fa", "old.fa.gz"])
def test_carriage_returns_as_line_ends_are_refused(tmp_path, name):
    plain = tmp_path / "plain.fa"
    plain.write_bytes(b">1 x\rACGT\rAC\r")
    if name.endswith("gz"):
        pysam.tabix_compress(str(plain), str(tmp_path / name))
    else:
        plain.rename(tmp_path / name)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(MalformedLine, match=r"the lines end in carriage returns only"):
        IndexedFasta(tmp_path / name)
    assert sorted(tmp_path.iterdir()) == before


def test_another_format_is_refused_by_its_name(tmp_path):
    (tmp_path / "g.fa").write_bytes(b"<html><body>Not found</body></html>")
    with pytest.raises(MalformedLine, match="this is a web page, and not a FASTA file"):
        IndexedFasta(tmp_path / "g.fa")


def test_an_outdated_index_is_created_again(plain):
    IndexedFasta(plain).close()
    plain.write_text(">1\nACGT\n")
    os.utime(plain.with_name("genome.fa.fai"), (0, 0))
    with IndexedFasta(plain) as genome:
        assert (genome.lengths, genome.letters("1", 1, 3)) == ({"1": 4}, b"CG")


def test_the_index_is_in_a_temporary_folder_if_the_genome_folder_is_not_writable(path, monkeypatch):
    def raise_not_writable(target):
        raise NotWritable("cannot write", where=target)

    monkeypatch.setattr(random_access, "whole_file", raise_not_writable)
    contig = next(read_contigs(path)).sequence
    before = set(path.parent.iterdir())
    with IndexedFasta(path) as genome:
        assert genome.letters("1", 10, 20) == contig[10:20]
    assert set(path.parent.iterdir()) == before


def test_files_without_random_access_are_refused(plain, tmp_path):
    gzipped = tmp_path / "genome.fa.gz"
    gzipped.write_bytes(gzip.compress(plain.read_bytes()))
    with pytest.raises(BadOption, match="plain gzip has no random access; unpack it, or compress it with bgzip"):
        IndexedFasta(gzipped)
    plain.write_text(">1\nACGT\nAC\nACGT\n")
    with pytest.raises(MalformedLine, match="no index can be created"):
        IndexedFasta(plain)
    with pytest.raises(MissingFile):
        IndexedFasta(tmp_path / "none.fa")


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"nonsense\n",
        b"\xff\xfe",
        b"1\t1234\t9\t60\t61\nMt\t60\t1268\t60\t61\n",
        b"1\t1234\t9\t60\t61\nMt\t60\t1268\t60\t61\nc.3\t8\t1334\t7\t8\n",
        b"1\t1234\t9\t50\t51\nMt\t60\t1268\t60\t61\nc.3\t7\t1334\t7\t8\n",
        b"Mt\t1234\t9\t60\t61\n1\t60\t1268\t60\t61\nc.3\t7\t1334\t7\t8\n",
    ],
    ids=["empty", "nonsense", "not text", "a contig less", "a letter more", "other lines", "other names"],
)
def test_an_invalid_index_is_neither_used_nor_changed(path, index, caplog):
    contigs = {contig.name: contig.sequence for contig in read_contigs(path)}
    IndexedFasta(path).close()
    fai = path.with_name(path.name + ".fai")
    fai.write_bytes(index)
    with IndexedFasta(path) as genome:
        assert {name: genome.letters(name, 0, length) for name, length in genome.lengths.items()} == contigs
    assert fai.read_bytes() == index
    assert [record.getMessage().partition(" is ")[0] for record in caplog.records] == [str(fai)]


def test_the_index_of_another_file_is_not_used(path, tmp_path, caplog):
    contig = next(read_contigs(path)).sequence
    other = tmp_path / "other.fa"
    other.write_text(">1 a longer title\n" + "ACGTACGTAC\n" * 40)
    if path.suffix == ".gz":
        pysam.tabix_compress(str(other), str(other) + ".gz")
        other = tmp_path / "other.fa.gz"
    IndexedFasta(other).close()
    for suffix in (".fai", ".gzi") if path.suffix == ".gz" else (".fai",):
        shutil.copy(str(other) + suffix, str(path) + suffix)
    with IndexedFasta(path) as genome:
        assert genome.letters("1", 0, 1234) == contig
    assert len(caplog.records) == 1


def test_an_index_is_used_for_any_ending_of_the_file(plain, caplog):
    for content in (b">1\nACGT\nAC", b">1\r\nACGT\r\nAC\r\n", b">1 x\nACGT\nAC\n\n>2\nA\n", b">1\nACGTAC\n>2\n"):
        plain.write_bytes(content)
        plain.with_name("genome.fa.fai").unlink(missing_ok=True)
        for _ in range(2):
            with IndexedFasta(plain) as genome:
                assert genome.letters("1", 0, 6) == b"ACGTAC"
    assert caplog.records == []


def test_a_file_truncated_after_opening_is_an_error(plain):
    with IndexedFasta(plain) as genome:
        with open(plain, "r+b") as handle:
            handle.truncate(100)
        with pytest.raises(TruncatedFile, match=r"genome\.fa: 1:60-1234 cannot be read"):
            genome.letters("1", 60, 1234)
