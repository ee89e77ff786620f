"""Scripts with the names of the programs replace them; no test needs the real ones."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest

from kanseq.errors import BadOption, SearchFailed
from kanseq.homologs import aligners
from kanseq.homologs.aligners import ALIGNERS, align, version_of

# Logs its arguments, and writes two hits to the output of the program.
PLAYED = """#!{python}
import os, sys
with open({log!r}, "a") as log:
    log.write(os.path.basename(sys.argv[0]) + " " + " ".join(sys.argv[1:]) + "\\n")
words = sys.argv[1:]
if words[0] in ("version", "-version"):
    print({version!r})
    sys.exit()
hits = "0\\t0\\t100\\t1\\t5\\t1e-9\\t60.5\\n0\\t1\\t80.0\\t2\\t5\\t2e-5\\t51\\n"
for flag in ("--out", "-out"):
    if flag in words and words[0] != "makedb" and "-in" not in words:
        open(words[words.index(flag) + 1], "w").write(hits)
if words[0] == "easy-search":
    open(words[3], "w").write(hits)
"""


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Return a function that puts programs on an otherwise empty PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name, text=PLAYED, version="name version 1.2.3"):
        path = folder / name
        path.write_text(text.format(python=sys.executable, log=str(tmp_path / "log"), version=version))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return make


def test_all_programs_run_the_same_search(play, tmp_path, monkeypatch):
    for name in ("diamond", "mmseqs", "blastp", "makeblastdb"):
        play(name)
    monkeypatch.setattr(aligners.tempfile, "TemporaryDirectory", fixed(tmp_path / "search"))
    for tool in ALIGNERS:
        hits = align([b"MKWVT", b"MKWVA"], tool, evalue=1e-3, threads=3)
        assert hits.to_numpy().tolist() == [[0, 0, 0, 5, 1e-9, 60.5, 100], [0, 1, 1, 5, 2e-5, 51, 80]]
        assert list(hits.columns) == ["query", "subject", "start", "end", "evalue", "bits", "identity"]
    commands = (tmp_path / "log").read_text().replace(str(tmp_path / "search"), "HERE").splitlines()
    columns = "qseqid sseqid pident qstart qend evalue bitscore"
    assert commands == [
        "diamond makedb --in HERE/proteins.faa --db HERE/proteins.dmnd --threads 3",
        "diamond blastp --query HERE/proteins.faa --db HERE/proteins.dmnd --out HERE/hits.tsv "
        f"--outfmt 6 {columns} --evalue 0.001 --max-target-seqs 0 --very-sensitive --threads 3 --tmpdir HERE",
        "mmseqs easy-search HERE/proteins.faa HERE/proteins.faa HERE/hits.tsv HERE/steps --format-output "
        "query,target,pident,qstart,qend,evalue,bits -e 0.001 --max-seqs 300 -s 7.5 --threads 3",
        "makeblastdb -in HERE/proteins.faa -dbtype prot -out HERE/proteins",
        f"blastp -query HERE/proteins.faa -db HERE/proteins -out HERE/hits.tsv -outfmt 6 {columns} "
        "-evalue 0.001 -max_target_seqs 500 -num_threads 3",
    ]
    assert (tmp_path / "search/proteins.faa").read_text() == ">0\nMKWVT\n>1\nMKWVA\n"


def fixed(folder):
    """Return a temporary folder of a known name that is not removed."""

    class Folder:
        def __init__(self, **_):
            folder.mkdir(exist_ok=True)

        def __enter__(self):
            return str(folder)

        def __exit__(self, *_):
            pass

    return Folder


@pytest.mark.parametrize(
    ("tool", "program", "text", "version"),
    [
        ("diamond", "diamond", "diamond version 2.1.3", "2.1.3"),
        ("mmseqs", "mmseqs", "14-7e284+ds-1+b2", "14-7e284+ds-1+b2"),
        ("blast", "blastp", "blastp: 2.12.0+\n Package: blast 2.12.0, build Feb 17 2022", "2.12.0+"),
    ],
)
def test_versions_are_read_from_the_output_of_each_program(play, tool, program, text, version):
    play(program, version=text)
    assert version_of(tool) == version


def test_a_failing_program_is_reported_in_one_line_and_leaves_no_files(play, tmp_path, monkeypatch):
    play("diamond", "#!{python}\nimport sys\nsys.stderr.write('Opening\\nError: no space left\\n\\n')\nsys.exit(7)\n")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(aligners.tempfile, "tempdir", str(tmp_path / "tmp"))
    with pytest.raises(SearchFailed, match=r"^diamond: 'diamond' ended with exit code 7: Error: no space left; use"):
        align([b"MKV"], "diamond", evalue=1e-3, threads=1)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_killed_program_is_reported_with_its_signal(play):
    play("mmseqs", "#!{python}\nimport os\nos.kill(os.getpid(), 9)\n")
    with pytest.raises(SearchFailed, match="'mmseqs' ended with signal 9: it printed nothing"):
        align([b"MKV"], "mmseqs", evalue=1e-3, threads=1)


def test_a_program_that_cannot_be_run_is_reported(play, tmp_path):
    play("diamond", "#!/no/such/interpreter\n")
    with pytest.raises(SearchFailed, match="'diamond' cannot be run"):
        version_of("diamond")


def test_a_missing_program_is_reported_with_its_package(play):
    play("blastp")
    assert not ALIGNERS["blast"].installed()
    with pytest.raises(BadOption, match="--tool blast: the program 'makeblastdb' is not on the PATH; install it"):
        align([b"MKV"], "blast", evalue=1e-3, threads=1)
    with pytest.raises(BadOption, match="bioconda mmseqs2"):
        align([b"MKV"], "mmseqs", evalue=1e-3, threads=1)


def test_an_interrupt_leaves_no_program_running(play, tmp_path):
    # Like MMseqs2, the program starts another one and waits for it.
    text = "#!{python}\nimport subprocess, sys\n"
    text += "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    play("mmseqs", text + f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\nchild.wait()\n")

    def interrupt():
        while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    # Shells start background processes with this signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            align([b"MKV"], "mmseqs", evalue=1e-3, threads=1)
    finally:
        signal.signal(signal.SIGINT, before)
    thread.join()
    pid = int((tmp_path / "child").read_text())
    for _ in range(500):
        state = subprocess.run(["/bin/ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
        if not state.stdout.strip() or state.stdout.strip().startswith("Z"):
            break
        time.sleep(0.01)
    else:
        pytest.fail("the program's child is still running")


def test_a_program_that_succeeds_without_output_is_an_error(play):
    play("mmseqs", "#!{python}\n")
    with pytest.raises(SearchFailed, match="mmseqs: it wrote no table of hits; use another --tool"):
        align([b"MKV"], "mmseqs", evalue=1e-3, threads=1)
