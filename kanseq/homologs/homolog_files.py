"""Read files of homologs: groups and pairs of genes, lists of groups, and tables of hits from search programs.

In: paths. Out: tables of genes, and tables of hits, which may include the lengths of queries.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, BadTable
from kanseq.io.files import PathLike, open_text, some
from kanseq.io.tables.dialect import check_rows, read_cells, read_table
from kanseq.io.tables.gene_tables import HOMOLOG_PAIRS, HOMOLOGS
from kanseq.sequences.gene_lists import HEADERS

GROUP_COLUMNS, PAIR_COLUMNS = HOMOLOGS.required, HOMOLOG_PAIRS.required

HIT_COLUMNS = [
    "qseqid",
    "sseqid",
    "pident",
    "length",
    "mismatch",
    "gapopen",
    "qstart",
    "qend",
    "sstart",
    "send",
    "evalue",
    "bitscore",
    "qlen",
    "slen",
    "qcovhsp",
]
"""BLAST's names of the 12 columns of ``outfmt 6``, and of the columns that are most often added after them."""

_NEEDED = ("qseqid", "sseqid", "pident", "qstart", "qend", "evalue", "bitscore")
_ALIASES = {"query": "qseqid", "target": "sseqid", "bits": "bitscore", "alnlen": "length"}

_FIELDS = {
    "query acc.ver": "qseqid",
    "query id": "qseqid",
    "query acc.": "qseqid",
    "subject acc.ver": "sseqid",
    "subject id": "sseqid",
    "subject acc.": "sseqid",
    "% identity": "pident",
    "alignment length": "length",
    "mismatches": "mismatch",
    "gap opens": "gapopen",
    "q. start": "qstart",
    "q. end": "qend",
    "s. start": "sstart",
    "s. end": "send",
    "evalue": "evalue",
    "bit score": "bitscore",
    "query length": "qlen",
    "subject length": "slen",
    "% query coverage per hsp": "qcovhsp",
}
"""Maps column names in the comment lines of BLAST's ``outfmt 7`` to names in :data:`HIT_COLUMNS`."""


class Homologs(NamedTuple):
    """Homologous genes as pairs or as groups; one of the two tables is None.

    Attributes:
        pairs: ``species, id, species_2, id_2`` strings, ``evalue, bits, coverage, identity`` float64 (the last two in
            percent); each pair once.
        groups: ``species, id, group`` strings; genes of one group are homologous.
    """

    pairs: pd.DataFrame | None
    groups: pd.DataFrame | None


def read_homologs(path: PathLike | pd.DataFrame) -> Homologs:
    """Read a table that :func:`kanseq.homology` wrote or returned: groups or pairs, distinguished by their columns.

    Raises:
        MissingFile, TruncatedFile: the file cannot be read.
        BadTable: the table has neither groups nor pairs, a gene is in two groups, or a value is not a number.
    """
    in_memory = isinstance(path, pd.DataFrame)
    columns = list(path.columns) if isinstance(path, pd.DataFrame) else _first_line(path).split("\t")
    if "species_2" in columns:
        return Homologs(read_table(path, HOMOLOG_PAIRS), None)
    if "group" in columns:
        groups = read_cells(path, HOMOLOGS)[list(GROUP_COLUMNS)]
        check_rows(groups["group"] == "", groups["id"], "in no group", path)
        check_rows(groups.duplicated(["species", "id"]), groups["id"], "listed twice in the table", path)
        return Homologs(None, groups)
    raise BadTable(
        "this is not a table of homologs: it has neither a column 'group' nor 'species_2'",
        where=None if in_memory else path,  # type: ignore[arg-type]
        hint="make one with kanseq homology",
    )


def read_groups(path: PathLike) -> pd.DataFrame:
    """Read a list of groups; return columns ``species, id, group``, strings; species is None if unknown.

    The list is ``homologs.tsv`` of ``kanseq homology``; or lines ``id group``, separated by tabs, commas or spaces; or
    JSON, that is ``{"GROUP": ["ID", …]}``, ``{"ID": "GROUP"}`` or ``[["ID", "ID"], …]``. Lines that begin with ``#``
    and a first line that begins with ``id``, ``gene`` or ``gene_id`` are skipped.

    Raises:
        BadTable: the list names no gene, or has a gene in two groups; the message names the gene.
    """
    first = _first_line(path)
    if "\t" in first and set(GROUP_COLUMNS) <= set(first.split("\t")):
        table = read_homologs(path).groups
        assert table is not None
        return table
    with open_text(path) as handle:
        text = handle.read()
    listed = list(_json_groups(text, path) if text.lstrip()[:1] in ("[", "{") else _text_groups(text, path))
    if not listed:
        raise BadTable("this list names no gene", where=path)
    group_of: dict[str, str] = {}
    for name, group, where in listed:
        if group_of.setdefault(name, group) != group:
            raise BadTable(
                f"'{name}' is in group '{group}' here and in '{group_of[name]}' above",
                where=where,
                hint="a gene must be in one group; merge the two",
            )
    return pd.DataFrame({"species": None, "id": list(group_of), "group": list(group_of.values())}, dtype=object)


def read_hits(path: PathLike, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table of hits in BLAST's ``outfmt 6`` or ``7``, as written by BLAST, DIAMOND and MMseqs2.

    The column names are ``columns``; or those in a header line (DIAMOND's ``--header simple``, MMseqs2's
    ``--format-mode 4``, the ``# Fields:`` of ``outfmt 7``); or the 12 standard names, followed by ``qlen``, ``slen``
    and ``qcovhsp`` if the table has more columns.

    Returns:
        ``qseqid, sseqid`` strings; ``pident`` float64 (percent), ``qstart, qend`` int64 (1-based, closed, ``qstart`` is
        not above ``qend``), ``evalue, bitscore`` float64, and ``qlen`` int64 if the table has it.

    Raises:
        BadOption: a required column is not in ``columns``.
        BadTable: the number of columns differs from that of their names, a value is not a number, or a hit ends past
            the end of its query.
    """
    named, skip = _hit_columns(path, columns)
    frame = _hit_rows(path, skip)
    if frame.empty:
        frame = pd.DataFrame(columns=named or HIT_COLUMNS[:12], dtype=str)
    if not named:
        named = HIT_COLUMNS[: len(frame.columns)]
        if not 12 <= len(frame.columns) <= len(HIT_COLUMNS):
            raise BadTable(
                f"{len(frame.columns)} columns, but outfmt 6 has 12 (and qlen, slen, qcovhsp after them)",
                where=path,
                hint="use --hit-columns to name the columns",
            )
    if len(named) != len(frame.columns):
        raise BadTable(f"{len(frame.columns)} columns, but {len(named)} are named: {some(named, 15)}", where=path)
    frame.columns = pd.Index(named)
    return _checked_hits(frame, path)


def _first_line(path: PathLike) -> str:
    """Return the first line of a text file."""
    with open_text(path) as handle:
        return handle.readline().rstrip("\r\n")


def _text_groups(text: str, path: PathLike) -> Iterator[tuple[str, str, str]]:
    """Yield gene, group and location (``file:line``) of each line ``id group``."""
    first = True
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = re.split(r"[\t,]| +", line.strip())
        if first and fields[0].lower() in HEADERS:
            first = False
            continue
        first = False
        if len(fields) < 2 or not fields[0] or not fields[1]:
            raise BadTable(
                "a gene and its group are expected", where=f"{path}:{number}", hint="separate them with a tab"
            )
        yield fields[0], fields[1], f"{path}:{number}"


def _json_groups(text: str, path: PathLike) -> Iterator[tuple[str, str, str]]:
    """Yield gene, group and location of every gene in a JSON object or array of groups."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadTable(f"this is not valid JSON ({error.msg})", where=f"{path}:{error.lineno}") from error
    items = content.items() if isinstance(content, dict) else enumerate(content, 1)
    for key, value in items:
        if isinstance(value, str) and isinstance(content, dict):
            yield key, value, str(path)
        elif isinstance(value, list) and all(isinstance(name, str) for name in value):
            yield from ((name, str(key), str(path)) for name in value)
        else:
            raise BadTable(
                f"group '{key}' is not a list of gene ids",
                where=path,
                hint='write {"GROUP": ["ID", …]}, {"ID": "GROUP"} or [["ID", …], …]',
            )


def _hit_columns(path: PathLike, columns: Sequence[str]) -> tuple[list[str], int]:
    """Return the column names of a table of hits (empty if they are unknown), and its number of header lines."""
    named, skip = [_ALIASES.get(name, name) for name in columns], 0
    with open_text(path) as handle:
        for line in handle:
            text = line.rstrip("\r\n")
            if text.startswith("# Fields:") and not columns:
                fields = text.removeprefix("# Fields:").split(",")
                named = [_FIELDS.get(name.strip(), name.strip()) for name in fields]
            if text and not text.startswith("#"):
                header = [_ALIASES.get(name, name) for name in text.split("\t")]
                if header[:2] == ["qseqid", "sseqid"]:
                    named, skip = named if columns else header, 1
                break
    missing = [name for name in _NEEDED if named and name not in named]
    if missing and columns:
        raise BadOption(f"--hit-columns: {some(missing)} is missing", hint=f"required are {', '.join(_NEEDED)}")
    if missing:
        raise BadTable(f"the columns {some(missing, 7)} are missing", where=path, hint="write the table with them")
    return named, skip


def _hit_rows(path: PathLike, skip: int) -> pd.DataFrame:
    """Read the rows of a table of hits as text, without comment lines and the first ``skip`` other lines."""
    with open_text(path) as handle:
        text = io.StringIO("".join(line for line in handle if not line.startswith("#")))
    try:
        frame = pd.read_csv(text, sep="\t", header=None, dtype=str, na_filter=False, quoting=csv.QUOTE_NONE)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except pd.errors.ParserError as error:
        raise BadTable(f"this is not a table of hits ({str(error).strip()})", where=path) from error
    return frame.iloc[skip:].reset_index(drop=True)


def _checked_hits(frame: pd.DataFrame, path: PathLike) -> pd.DataFrame:
    """Return the required columns of hits, converted to numbers; raise BadTable if a value is invalid."""
    hits = frame[["qseqid", "sseqid"]].astype(object)
    for name in (*_NEEDED[2:], *(["qlen"] if "qlen" in frame else [])):
        values = pd.to_numeric(frame[name], errors="coerce").astype(np.float64)
        wrong = ~np.isfinite(values)
        if wrong.any():
            row = int(np.argmax(wrong.to_numpy()))
            raise BadTable(
                f"'{frame[name].iloc[row]}' is not a number (column '{name}' of hit {row + 1:,})",
                where=path,
                hint="use --hit-columns to name the columns",
            )
        hits[name] = values.astype(np.int64) if name in ("qstart", "qend", "qlen") else values
    # BLAST's nucleotide searches report a query on the reverse strand from its end to its start.
    backwards = hits["qstart"] > hits["qend"]
    hits.loc[backwards, ["qstart", "qend"]] = hits.loc[backwards, ["qend", "qstart"]].to_numpy()
    if "qlen" in hits and (hits["qend"] > hits["qlen"]).any():
        row = int(np.argmax((hits["qend"] > hits["qlen"]).to_numpy()))
        raise BadTable(
            f"hit {row + 1:,} ends at {hits['qend'].iloc[row]} of a query of {hits['qlen'].iloc[row]} letters",
            where=path,
            hint="column 13 is read as qlen; use --hit-columns to name the columns",
        )
    return hits
