"""Outputs are complete or absent; inputs are read with any compression."""

import gzip
import os
import subprocess
import threading
from pathlib import Path

import pytest

from kanseq.errors import BadOption, MissingFile, NotWritable, TruncatedFile
from kanseq.io.files import (
    check_input,
    check_output,
    fingerprint,
    free_name,
    open_bytes,
    open_text,
    whole_file,
    whole_text,
)


def test_a_failing_block_leaves_no_new_files_and_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "table.tsv"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), whole_text(target) as handle:
        handle.write(str(1 // 0))
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_temporary_name_keeps_the_suffix(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.bed.gz") as temporary:
        assert temporary.name.endswith("a.bed.gz")
        temporary.write_bytes(b"1")
    assert (tmp_path / "a.bed.gz").read_bytes() == b"1"


def test_gzip_text_has_the_same_bytes_under_any_name(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        with whole_text(tmp_path / name) as handle:
            handle.write("text\n")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"text\n"


def test_a_missing_folder_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(NotWritable, match=r"the folder '.*nowhere' does not exist; create it: mkdir -p"):
        check_output(tmp_path / "nowhere" / "genes.parquet")


def test_the_command_that_creates_a_folder_is_safe_in_a_shell(tmp_path: Path) -> None:
    with pytest.raises(NotWritable) as error:
        check_output(tmp_path / "it's $HOME" / "genes.parquet")
    subprocess.run(["bash", "-c", error.value.hint.removeprefix("create it: ")], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["it's $HOME"]


def test_a_free_name_gets_a_number_only_if_the_file_exists(tmp_path: Path) -> None:
    assert free_name(tmp_path / "a.tsv") == tmp_path / "a.tsv"
    (tmp_path / "a.tsv").touch()
    (tmp_path / "a-2.tsv").symlink_to(tmp_path / "missing")
    assert free_name(tmp_path / "a.tsv") == tmp_path / "a-3.tsv"


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "genes.parquet").touch()
    with pytest.raises(NotWritable, match=r"genes\.parquet' is a file, but a folder is required"):
        check_output(tmp_path / "genes.parquet" / "x")


def test_two_outputs_with_the_same_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotWritable, match="two outputs have the same name"):
        check_output(tmp_path / "a", tmp_path / "a")


def test_a_full_disk_raises_not_writable_and_leaves_no_files(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(NotWritable, match="No space left on device"), whole_file(tmp_path / "a"):
        full.write_bytes(b"1" * 100_000)
    assert list(tmp_path.iterdir()) == []


def test_truncated_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"line\n" * 100_000)[:-200])
    with pytest.raises(TruncatedFile, match=r"a\.gz: the compressed file ends too early"), open_text(path) as handle:
        handle.read()


def test_gzip_is_detected_by_content_not_by_name(tmp_path: Path) -> None:
    (tmp_path / "plain.gz").write_bytes(b"text\n")
    (tmp_path / "zipped").write_bytes(gzip.compress(b"text\n"))
    for name in ("plain.gz", "zipped"):
        with open_text(tmp_path / name) as handle:
            assert handle.read() == "text\n"


def test_missing_inputs_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="no such file"):
        fingerprint(tmp_path / "absent")
    with pytest.raises(MissingFile, match="this is a folder"):
        fingerprint(tmp_path)


def test_fingerprint_does_not_contain_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc")
    assert fingerprint(tmp_path / "a.txt") == {
        "name": "a.txt",
        "bytes": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_inputs_that_are_read_once_may_be_pipes(tmp_path: Path, pack) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[pack(b"gene1\ngene2\n")])
    writer.start()
    with open_text(tmp_path / "pipe") as handle:
        assert handle.read() == "gene1\ngene2\n"
    writer.join()


def test_pipes_and_devices_are_neither_read_nor_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(MissingFile, match="this is a pipe or a device"):
        check_input(pipe)
    with pytest.raises(MissingFile, match="this is a pipe or a device"), open_text("/dev/zero"):
        pass
    with pytest.raises(NotWritable, match="this is a device or a pipe"):
        check_output("/dev/null")


def test_an_input_is_recognised_under_any_path(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "a.txt")
    (tmp_path / "sub").mkdir()
    for name in ("link", "sub/../a.txt"):
        with pytest.raises(BadOption, match="this output would overwrite an input"):
            check_output(tmp_path / name, inputs=[None, tmp_path / "a.txt"])
    with pytest.raises(NotWritable, match="two outputs have the same name"):
        check_output(tmp_path / "b", tmp_path / "sub/../b")


def test_standard_output_accepts_only_one_text_output() -> None:
    with pytest.raises(BadOption, match="this output is not text"):
        check_output(binary="-")
    with pytest.raises(BadOption, match="two outputs cannot both go to standard output"):
        check_output("-", "-")
    check_output("-", None)


def test_an_error_without_a_number_is_reported_as_not_writable(tmp_path: Path) -> None:
    with pytest.raises(NotWritable, match=r"a: cannot write \(BGZFile write failed\)"), whole_file(tmp_path / "a"):
        raise OSError("BGZFile write failed")


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    for name, content in (("plain", b"\xef\xbb\xbf>1"), ("zipped", gzip.compress(b"\xef\xbb\xbf>1"))):
        (tmp_path / name).write_bytes(content)
        with open_bytes(tmp_path / name) as handle:
            assert handle.read() == b">1"
