"""Sessions that cannot be written: one line states the reason, and no file is left."""

import gzip
import shutil

import pytest

from kanseq.browsers.sessions import check_browsers, write_igv_session, write_jbrowse
from kanseq.errors import BadOption, MalformedLine, MissingFile, NotWritable
from tests.browsers.session_files import FASTA, bgzip, igv, inputs, jbrowse


def test_plain_gzip_is_refused_with_the_command_that_fixes_it(files):
    with gzip.open(files / "ref" / "z $1.fa.gz", "wt") as handle:
        handle.write(FASTA)
    path = files / "ref" / "z $1.fa.gz"
    command = f"gunzip -c '{path}' | bgzip > '{files / 'ref' / 'z $1.bgzip.fa.gz'}'"
    for write, where in ((write_igv_session, files / "out" / "s.xml"), (write_jbrowse, files / "jb")):
        with pytest.raises(BadOption) as failure:
            write(where, **inputs(files, genome="z $1.fa.gz"))
        assert str(failure.value).endswith(command)
        assert "\n" not in str(failure.value)
    assert not (files / "jb").exists()
    assert list((files / "out").iterdir()) == []


def test_igv_recognises_compression_by_the_file_name(files):
    (files / "ref" / bgzip(files)).rename(files / "ref" / "b.bgz")
    shutil.copy(files / "ref" / "g.fa", files / "ref" / "plain.gz")
    with pytest.raises(BadOption, match=r"compressed, which IGV .*rename it to end in \.gz"):
        check_browsers(files / "ref" / "b.bgz", igv_session="s.xml")
    with pytest.raises(BadOption, match=r"plain, which IGV .*rename it not to end in \.gz"):
        check_browsers(files / "ref" / "plain.gz", igv_session="s.xml")
    check_browsers(files / "ref" / "b.bgz", igv_session="s.json", jbrowse=files / "jb")


def test_a_session_with_another_extension_is_refused(files):
    with pytest.raises(BadOption, match=r"must end in \.xml or \.json"):
        write_igv_session(files / "out" / "s.txt", **inputs(files))


@pytest.mark.parametrize(
    ("locus", "hint"),
    [
        ("3", "with a contig of 1, 2"),
        ("3:1-5", "with a contig of 1, 2"),
        ("1:", "with a contig of 1, 2"),
        ("1:19-30", "1 has 18 bases"),
        ("1:9-3", "counted from 1"),
        ("1:0-3", "counted from 1"),
    ],
)
def test_a_locus_that_is_not_in_the_genome_is_refused(files, locus, hint):
    with pytest.raises(BadOption, match=f"the locus '{locus}' is not in the genome; .*{hint}"):
        jbrowse(files, locus=locus)


def test_missing_files_and_unknown_tracks_are_refused(files):
    with pytest.raises(MissingFile, match=r"none\.bw: no such file"):
        jbrowse(files, "none.bw")
    with pytest.raises(MissingFile, match=r"none\.fa: no such file"):
        jbrowse(files, genome="none.fa")
    (files / "my tracks" / "a.txt").write_text("")
    with pytest.raises(
        BadOption, match=r"a\.txt: unknown extension of a browser track; the name must end in \.bw, .*\.bed\.gz"
    ):
        jbrowse(files, "a.txt")


def test_a_genome_that_cannot_be_indexed_raises_a_one_line_error_and_leaves_no_files(files, capfd):
    (files / "ref" / "g.fa").write_text(">1\nACGT\nAC\nACGT\n")
    with pytest.raises(MalformedLine, match=r"g\.fa: this FASTA cannot be indexed; .*the same length"):
        igv(files)
    assert list((files / "out").iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_an_empty_genome_and_a_damaged_index_are_refused(files):
    (files / "ref" / "g.fa").write_text("")
    with pytest.raises(MalformedLine, match=r"g\.fa"):
        igv(files)
    (files / "ref" / "g.fa").write_text(FASTA)
    (files / "ref" / "g.fa.fai").write_text("1\t18\t7\t8\t9\nnonsense\n")
    with pytest.raises(MalformedLine, match=r"g\.fa\.fai:2: this is not an index"):
        igv(files)


def test_an_empty_annotation_is_refused(files):
    (files / "ref" / "g.gtf").write_text("# nothing\n")
    with pytest.raises(MalformedLine, match="the annotation has no rows"):
        igv(files)
    with pytest.raises(MalformedLine, match="the annotation has no rows"):
        check_browsers(files / "ref" / "g.fa", annotation=files / "ref" / "g.gtf", igv_session="s.xml")


def test_an_invalid_output_folder_is_refused(files):
    (files / "jb").write_text("")
    with pytest.raises(NotWritable, match="this is a file, but a folder is required"):
        write_jbrowse(files / "jb", **inputs(files))
    with pytest.raises(NotWritable, match="does not exist"):
        write_igv_session(files / "no" / "s.xml", **inputs(files))
