import bz2
import io
import lzma
import shutil
import subprocess
import tarfile
import zipfile

import pytest

from kanseq.io.file_kinds import kind_of


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("g.fa", ">1\nACGT\n")
    return buffer.getvalue()


def tarred():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("g.fa"), io.BytesIO())
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (zipped(), "a zip archive"),
        (tarred(), "a tar archive"),
        (b"\x43\x27\x41\x1a\0\0\0\0", "a 2bit file"),
        (b"\n<!DOCTYPE html>\n<html>", "a web page"),
        (b"<HTML><head>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer, without the content of the file"),
        (b"LOCUS       NC_000932  154478 bp", "a GenBank file"),
        (b"ID   X56734; SV 1; linear;", "an EMBL file"),
        (b"@SRR1.1 1 length=4\nACGT\n+\nIIII\n", "a FASTQ file"),
        (b"@HD\tVN:1.6", "a SAM file"),
        ("\ufeff>1\nACGT".encode("utf-16-le"), "text in UTF-16"),
        (b'{"error": "not found"}', "a JSON file"),
    ],
)
def test_other_formats_are_recognised(content, name):
    assert kind_of(content).name == name


@pytest.mark.parametrize("content", [b"", b">1\nACGT\n", b"; comment\n>1\n", b"1\ts\tgene\t1\t9\n", b"gene,tpm\n"])
def test_sequences_and_tables_are_not_mistaken_for_other_formats(content):
    assert kind_of(content) is None


@pytest.mark.parametrize(
    ("pack", "name", "new"),
    [
        (lzma.compress, "it's.fa.xz", "it's.new.fa"),
        (bz2.compress, "g.bz2", "g.new.fa"),
        (bz2.compress, "without_ending", "without_ending.new.fa"),
    ],
)
def test_the_command_of_the_hint_unpacks_the_file(tmp_path, pack, name, new):
    packed = pack(b">1\nACGT\n")
    (tmp_path / name).write_bytes(packed)
    command = kind_of(packed).hint(tmp_path / name).removeprefix("unpack it: ")
    if shutil.which(command.split()[0]) is None:
        pytest.skip("the program is not installed")
    subprocess.run(["bash", "-c", command], check=True)
    assert (tmp_path / new).read_bytes() == b">1\nACGT\n"


def test_the_hint_names_a_file_that_does_not_exist(tmp_path):
    (tmp_path / "g.new.fa").write_text("precious")
    assert kind_of(b"BZh9").hint(tmp_path / "g.fa.bz2").endswith(f"> {tmp_path}/g.new-2.fa")
