"""Find out how a table of hits is written. In: a path. Out: names of columns, and what separates them.

BLAST, DIAMOND and MMseqs2 name the same columns differently, and people type headers by hand.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from kanseq.errors import BadOption, BadTable
from kanseq.io.files import PathLike, open_text, some

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

NEEDED = ("qseqid", "sseqid", "pident", "qstart", "qend", "evalue", "bitscore")

_SPELLINGS = {
    "qseqid": (
        "qseqid, qaccver, qacc, query, query id, query acc., query acc.ver, query seq id, query accession, "
        "query accession version, query name, query sequence id, qid, qname"
    ),
    "sseqid": (
        "sseqid, saccver, sacc, subject, subject id, subject acc., subject acc.ver, subject seq id, subject accession, "
        "subject accession version, subject name, subject sequence id, target, target id, target name, hit id, "
        "hit name, sid, tid, sname, tname"
    ),
    "pident": (
        "pident, % identity, identity, identity %, % id, % ident, pct identity, pct id, percent identity, percent id, "
        "per identity, perc identity, percentage identity, percentage of identical matches, percent ident, pid"
    ),
    "approx_pident": "approx_pident, approximate percentage of identical matches",
    "fident": "fident, fraction identity, fraction of identical matches, identity fraction",
    "length": (
        "length, alnlen, alignment length, aln length, align length, aln len, alignment len, "
        "number of alignment columns"
    ),
    "mismatch": "mismatch, mismatches, n mismatches, n of mismatches, number of mismatches, num mismatches",
    "gapopen": "gapopen, gap opens, gap openings, n gap openings, number of gap openings, gap open",
    "qstart": "qstart, q. start, query start, start of alignment in query, query from, q from",
    "qend": "qend, q. end, query end, end of alignment in query, query to, q to",
    "sstart": "sstart, s. start, subject start, start of alignment in subject, tstart, target start, hit start",
    "send": "send, s. end, subject end, end of alignment in subject, tend, target end, hit end",
    "evalue": "evalue, e-value, expect, expect value, expected value, expectation value, eval",
    "bitscore": "bitscore, bit score, bits, bits score",
    "qlen": "qlen, query length, query len, query sequence length, q length",
    "slen": "slen, subject length, subject len, subject sequence length, tlen, target length, target len, s length",
    "qcovhsp": "qcovhsp, % query coverage per hsp, query coverage per hsp",
    "qtitle": "qtitle, query title, qheader, query header",
    "stitle": "stitle, subject title, theader, target header",
    "salltitles": "salltitles, subject titles, all subject titles separated by a <>",
    "sallseqid": "sallseqid, subject ids, all subject seq ids separated by a ;",
}
"""Standard names, and how BLAST, DIAMOND, MMseqs2 and their users write them, ignoring case and punctuation."""

_INSTEAD = {
    "pident": ("fident", "approx_pident"),
    "qseqid": ("qtitle",),
    "sseqid": ("sallseqid", "stitle", "salltitles"),
}
"""Columns that serve if a required one is missing."""

_OTHERS = frozenset(
    [
        "score",
        "raw",
        "rawscore",
        "nident",
        "identical",
        "positive",
        "positives",
        "gaps",
        "ppos",
        "%positives",
        "frames",
        "qframe",
        "sframe",
        "tframe",
        "btop",
        "cigar",
        "qseq",
        "sseq",
        "tseq",
        "qaln",
        "taln",
        "qcov",
        "tcov",
        "qcovs",
        "qcovus",
        "scovhsp",
        "qstrand",
        "sstrand",
        "staxid",
        "staxids",
        "taxid",
        "taxname",
        "taxlineage",
        "sscinames",
        "scomnames",
        "sskingdoms",
        "qgi",
        "sgi",
        "sallgi",
        "sallacc",
        "%querycoveragepersubject",
        "subjecttaxids",
    ]
)
"""Columns with another content than the required ones, as the programs name them, without punctuation."""

_MMSEQS_OUTPUT = "query,target,fident,qstart,qend,qlen,evalue,bits"
"""A value of MMseqs2's option ``--format-output`` with all required columns."""

_OF_MMSEQS = {"qseqid": "query", "sseqid": "target", "bitscore": "bits"}


class Layout(NamedTuple):
    """How a table of hits is written.

    Attributes:
        fields: names of the columns as written; empty if the table does not name them.
        separator: what separates the cells.
        header: a line that names the columns and is not a comment; it may be repeated.
    """

    fields: list[str]
    separator: str
    header: str | None


def _plain(name: str) -> str:
    """Return a name in lower case, without spaces and punctuation except ``%``."""
    return re.sub(r"[^a-z0-9%]+", "", name.lower())


_STANDARD = {_plain(spelling): name for name, text in _SPELLINGS.items() for spelling in text.split(", ")}


def standard_names(fields: Sequence[str]) -> list[str]:
    """Return the standard name of each column. Names are unique; unknown columns keep their names.

    If several columns have the same standard name, it is that of the column which is written so, or of the first one.

    >>> standard_names(["#Query_ID", "Subject_ID", "%Identity", "E-value", "Bit-score", "stitle", "colour"])
    ['qseqid', 'sseqid', 'pident', 'evalue', 'bitscore', 'stitle', 'colour']
    >>> standard_names(["identity", "pident"])
    ['identity', 'pident']
    """
    holder: dict[str, int] = {}
    for at, field in enumerate(fields):
        name = _STANDARD.get(_plain(field), "")
        if name and (name not in holder or (field == name and fields[holder[name]] != name)):
            holder[name] = at
    names: list[str] = []
    for at, field in enumerate(fields):
        name = _STANDARD.get(_plain(field), "")
        own = name if name and holder[name] == at else field.strip()
        names.append(own if own not in names and (own == name or own not in holder) else f"{own} in column {at + 1}")
    return names


def header_fields(line: str) -> list[str]:
    """Return the names of columns in a line, or an empty list if the line is not a header.

    A header may be a comment. It names query and subject, and at least one further column that is known.

    >>> header_fields("# Fields: query id, subject id, evalue")
    ['query id', 'subject id', 'evalue']
    >>> header_fields("AT1G01010.1\\tAT1G01020.1\\t80.0")
    []
    """
    text = line.strip().lstrip("#").strip()
    listed = re.match(r"fields:\s*(.*)", text, re.IGNORECASE)
    if listed and line.startswith("#"):
        # DIAMOND's description of a column may contain a comma.
        return [field.strip() for field in re.split(r",(?!\s*separated by)", listed[1])]
    for separator in ("\t", ",", r"\s+"):
        fields = [field.strip().strip('"') for field in re.split(separator, text)]
        names = set(standard_names(fields))
        query, subject = ({side, *_INSTEAD[side]} & names for side in ("qseqid", "sseqid"))
        if separator == r"\s+" and _unknown_names(fields[:1]):
            # A sentence, such as the command that wrote the table.
            continue
        if query and subject and len(names & set(_SPELLINGS)) > 2:
            return fields
    return []


def serving(names: Sequence[str]) -> dict[str, str]:
    """Return, for each required column that the table has, the column that serves for it.

    >>> serving(["qseqid", "stitle", "fident"])
    {'qseqid': 'qseqid', 'sseqid': 'stitle', 'pident': 'fident'}
    """
    found = {}
    for name in NEEDED:
        there = [one for one in (name, *_INSTEAD.get(name, ())) if one in names]
        if there:
            found[name] = there[0]
    return found


def _unknown_names(fields: Sequence[str]) -> list[str]:
    """Return the names of columns that are not known."""
    return [field for field in fields if _plain(field) not in _STANDARD and _plain(field) not in _OTHERS]


def _own_names(missing: Sequence[str], fields: Sequence[str]) -> list[str]:
    """Return missing columns as the program calls them that wrote the header ``fields``.

    >>> _own_names(["qseqid", "bitscore"], ["query", "target", "alnlen"])
    ['query', 'bits']
    """
    by_mmseqs = {"target", "fident", "alnlen", "tstart", "bits"} & {_plain(field) for field in fields}
    return [_OF_MMSEQS.get(name, name) if by_mmseqs else name for name in missing]


def find_layout(path: PathLike, columns: Sequence[str]) -> Layout:
    """Find out how a table is written; raise BadOption or BadTable if a required column is missing."""
    fields, header, separator = list(columns), None, "\t"
    with open_text(path) as handle:
        for line in handle:
            text = line.rstrip("\r\n")
            named = header_fields(text) if text.startswith("#") or header is None else []
            if text.strip() and not text.startswith("#"):
                separator = _separator(text)
                if header is not None:
                    break
                if not named and not _is_unknown_header(text, separator, columns):
                    break
                header = text
            if named and not fields:
                fields = named
    names = standard_names(fields)
    missing = [name for name in NEEDED if fields and name not in serving(names)]
    if missing and columns:
        raise BadOption(f"--hit-columns: {some(missing)} is missing", hint=f"required are {', '.join(NEEDED)}")
    if missing:
        unknown = _unknown_names(fields)
        own = _own_names(missing, fields)
        by_mmseqs = own != missing or "fident" in names
        hint = f"repeat mmseqs with --format-output {_MMSEQS_OUTPUT}" if by_mmseqs else "write the table with them"
        if len(unknown) >= len(missing):
            hint += f"; or, if they are called {some(unknown)}, use --hit-columns to name all columns"
        verb = "column {} is" if len(missing) == 1 else "columns {} are"
        raise BadTable(f"the {verb.format(some(own, 7))} missing", where=path, hint=hint)
    return Layout(fields, separator, header)


def _separator(line: str) -> str:
    """Return what separates the cells of a line: a tab, a comma (``outfmt 10``), or spaces."""
    if "\t" in line:
        return "\t"
    return "," if line.count(",") + 1 >= len(NEEDED) else r"\s+"


def _is_unknown_header(line: str, separator: str, columns: Sequence[str]) -> bool:
    """Return whether the first line has no number where ``columns``, or the standard columns, have numbers."""
    cells = re.split(separator, line)
    names = standard_names(columns) or HIT_COLUMNS
    numbers = [cell for name, cell in zip(names, cells, strict=False) if name in NEEDED[2:]]
    is_named = bool(columns) and len(cells) == len(columns)
    return is_named and not any(_is_number(cell) for cell in numbers)


def _is_number(cell: str) -> bool:
    """Return whether a cell is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
