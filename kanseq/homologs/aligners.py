"""Search proteins against each other with DIAMOND, MMseqs2 or BLAST. In: proteins. Out: a table of hits.

No command passes through a shell, every exit code is checked, and temporary files are removed.
"""

import logging
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, SearchFailed
from kanseq.homologs.hits.hit_tables import read_hits

_COLUMNS = ["qseqid", "sseqid", "pident", "qstart", "qend", "evalue", "bitscore"]

_log = logging.getLogger(__name__)


class AlignerRun(NamedTuple):
    """The inputs, outputs and settings of a search.

    Attributes:
        fasta: file of the proteins, named by their row numbers.
        folder: a temporary folder.
        hits: path of the table of hits.
        proteins: number of proteins, which is the largest number of subjects that a query can hit.
        evalue: the largest e-value to report.
        threads: processor threads.
    """

    fasta: Path
    folder: Path
    hits: Path
    proteins: int
    evalue: float
    threads: int


class Aligner(NamedTuple):
    """A search program: its executables, the command that prints its version, and a function that returns commands.

    ``commands`` returns the commands of a search in the order in which they are run.
    """

    executables: tuple[str, ...]
    version: tuple[str, ...]
    commands: Callable[[AlignerRun], list[list[str]]]

    def installed(self) -> bool:
        """Return whether all executables are on the PATH."""
        return all(shutil.which(name) for name in self.executables)


def _diamond(search: AlignerRun) -> list[list[str]]:
    """Return the commands of a DIAMOND search, with ``--very-sensitive`` to find homologs below 40 % identity."""
    database, threads = str(search.folder / "proteins.dmnd"), str(search.threads)
    return [
        ["diamond", "makedb", "--in", str(search.fasta), "--db", database, "--threads", threads],
        [
            "diamond",
            "blastp",
            "--query",
            str(search.fasta),
            "--db",
            database,
            "--out",
            str(search.hits),
            "--outfmt",
            "6",
            *_COLUMNS,
            "--evalue",
            f"{search.evalue:g}",
            "--max-target-seqs",
            "0",
            "--very-sensitive",
            "--threads",
            threads,
            "--tmpdir",
            str(search.folder),
        ],
    ]


def _mmseqs(search: AlignerRun) -> list[list[str]]:
    """Return the command of an MMseqs2 search, with the highest sensitivity that its manual describes."""
    columns = "query,target,pident,qstart,qend,evalue,bits"
    return [
        [
            "mmseqs",
            "easy-search",
            str(search.fasta),
            str(search.fasta),
            str(search.hits),
            str(search.folder / "steps"),
            "--format-output",
            columns,
            "-e",
            f"{search.evalue:g}",
            "--max-seqs",
            str(max(300, search.proteins)),
            "-s",
            "7.5",
            "--threads",
            str(search.threads),
        ]
    ]


def _blast(search: AlignerRun) -> list[list[str]]:
    """Return the commands of a BLAST search with at least 500 targets; with fewer than 5, BLAST would warn."""
    database, targets = str(search.folder / "proteins"), str(max(500, search.proteins))
    return [
        ["makeblastdb", "-in", str(search.fasta), "-dbtype", "prot", "-out", database],
        [
            "blastp",
            "-query",
            str(search.fasta),
            "-db",
            database,
            "-out",
            str(search.hits),
            "-outfmt",
            f"6 {' '.join(_COLUMNS)}",
            "-evalue",
            f"{search.evalue:g}",
            "-max_target_seqs",
            targets,
            "-num_threads",
            str(search.threads),
        ],
    ]


ALIGNERS: dict[str, Aligner] = {
    "diamond": Aligner(("diamond",), ("diamond", "version"), _diamond),
    "mmseqs": Aligner(("mmseqs",), ("mmseqs", "version"), _mmseqs),
    "blast": Aligner(("blastp", "makeblastdb"), ("blastp", "-version"), _blast),
}
"""The search programs; ``auto`` selects the first one that is installed."""


def check_installed(name: str) -> None:
    """Check that a program is installed.

    Raises:
        BadOption: one of its executables is not on the PATH; the message names it and the package to install.
    """
    missing = [program for program in ALIGNERS[name].executables if not shutil.which(program)]
    if missing:
        raise BadOption(
            f"--tool {name}: the program '{missing[0]}' is not on the PATH",
            hint=f"install it (conda install -c bioconda {_PACKAGES[name]}), or use another --tool",
        )


_PACKAGES = {"diamond": "diamond", "mmseqs": "mmseqs2", "blast": "blast"}


def version_of(name: str) -> str:
    """Return the version of a program: the last word of the first line that it prints.

    Raises:
        SearchFailed: the program cannot be run.
    """
    lines = _run(list(ALIGNERS[name].version), name).strip().splitlines()
    return lines[0].split()[-1] if lines and lines[0].split() else "unknown"


def align(proteins: Sequence[bytes], tool: str, *, evalue: float, threads: int) -> pd.DataFrame:
    """Search proteins against each other.

    Args:
        proteins: letters of amino acids, ``X`` for unknown ones.
        tool: a name in :data:`ALIGNERS`.
        evalue: the largest e-value of a hit.
        threads: processor threads.

    Returns:
        One row per high-scoring pair, including hits of a protein to itself: ``query, subject`` int64 (rows of
        ``proteins``), ``start, end`` int64 (the aligned part of the query, 0-based half-open), ``evalue, bits,
        identity`` float64 (identity in percent of alignment columns). DIAMOND and MMseqs2 report one row per query and
        subject.

    Raises:
        BadOption: the program is not installed.
        SearchFailed: the program ended with an error; the message contains the last line that it printed.
    """
    check_installed(tool)
    with tempfile.TemporaryDirectory(prefix="kanseq-homology-") as folder:
        search = AlignerRun(
            Path(folder) / "proteins.faa", Path(folder), Path(folder) / "hits.tsv", len(proteins), evalue, threads
        )
        with open(search.fasta, "wb") as handle:
            # Numbers are used as names, because programs may misread special characters in names.
            handle.writelines(b">%d\n%s\n" % (number, letters) for number, letters in enumerate(proteins))
        for command in ALIGNERS[tool].commands(search):
            _log.debug("%s", " ".join(command))
            _run(command, tool, folder)
        if not search.hits.exists():
            raise SearchFailed("it wrote no table of hits", where=tool, hint="use another --tool")
        hits = read_hits(search.hits, _COLUMNS)
    return pd.DataFrame(
        {
            "query": hits["qseqid"].astype(np.int64),
            "subject": hits["sseqid"].astype(np.int64),
            "start": hits["qstart"] - 1,
            "end": hits["qend"],
            "evalue": hits["evalue"],
            "bits": hits["bitscore"],
            "identity": hits["pident"],
        }
    )


def _run(command: list[str], tool: str, folder: str | None = None) -> str:
    """Run a command and return its standard output; if interrupted, kill it and the processes that it started."""
    try:
        # In a new session, so that all its processes can be killed: MMseqs2 is a script that starts other programs.
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise SearchFailed(f"'{command[0]}' cannot be run ({error.strerror})", where=tool) from error
    try:
        printed, complaints = process.communicate()
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if process.returncode:
        lines = [line.strip() for line in (complaints.strip() or printed).splitlines() if line.strip()]
        code = process.returncode
        ended = f"exit code {code}" if code > 0 else f"signal {-code}"
        raise SearchFailed(
            f"'{command[0]}' ended with {ended}: {lines[-1] if lines else 'it printed nothing'}",
            where=tool,
            hint="use another --tool",
        )
    return printed
