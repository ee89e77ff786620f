"""Read tables of hits of BLAST, DIAMOND and MMseqs2. In: a path. Out: hits with standard columns and units."""

import csv
import io
import itertools
import logging
import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.homologs.hits.hit_columns import (
    HIT_COLUMNS,
    NEEDED,
    Layout,
    find_layout,
    header_fields,
    serving,
    standard_names,
)
from kanseq.io.files import PathLike, open_text, some

_MANY = 5
_JOINED = "do not join tables with different columns"

NUMBERED = "gnl|BL_ORD_ID|"
"""Begin of the names of subjects in a BLAST database that was made without names."""

_log = logging.getLogger(__name__)


def read_hits(path: PathLike, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table of hits, as written by BLAST (``outfmt`` 6, 7 and 10), DIAMOND and MMseqs2.

    The column names are ``columns``; or those in a header line or in the comment ``# Fields:``, in the spelling of any
    of these programs; or the 12 standard names, followed by ``qlen``, ``slen`` and ``qcovhsp`` if the table has more
    columns. Identities between 0 and 1, as in MMseqs2's ``fident``, are converted to percent. Of the names of queries
    and subjects, the first word is used.

    Returns:
        ``qseqid, sseqid`` strings; ``pident`` float64 (percent), ``qstart, qend`` int64 (1-based, closed, ``qstart`` is
        not above ``qend``), ``evalue, bitscore`` float64; and, if the table has them, ``qlen`` int64, and ``qtitle``
        and ``stitle``, strings that contain the description of a sequence.

    Raises:
        BadOption: a required column is not in ``columns``.
        BadTable: a required column is missing, the number of columns differs from that of their names or between
            lines, a value is not a number, or a hit ends past the end of its query.
    """
    layout = find_layout(path, columns)
    frame = _read_rows(path, layout)
    if layout.fields:
        if frame.empty:
            frame = pd.DataFrame(columns=range(len(layout.fields)), dtype=str)
        if len(layout.fields) != len(frame.columns):
            raise BadTable(
                f"{len(frame.columns)} columns, but {len(layout.fields)} are named: {some(layout.fields, 15)}",
                where=path,
                hint="use --hit-columns to name all columns",
            )
        frame.columns = pd.Index(standard_names(layout.fields))
    else:
        frame = _with_default_names(frame, path)
    return _checked(frame, path, layout)


def _data_lines(path: PathLike, layout: Layout) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines of a table, without comments, headers and empty lines.

    Raises:
        BadTable: a comment names other columns than the ones above, because different tables were joined.
    """
    known: set[str] = set()
    first = standard_names(header_fields(layout.header or ""))
    with open_text(path) as handle:
        for number, line in enumerate(handle, 1):
            if line.startswith("#"):
                if line not in known and ("\t" in line or "fields:" in line.lower()):
                    later = standard_names(header_fields(line))
                    first = first or later
                    if later not in ([], first):
                        raise BadTable("the columns differ from those above", where=f"{path}:{number}", hint=_JOINED)
                    known.add(line)
            elif line.strip() and line.rstrip("\r\n") != layout.header:
                yield number, line


def _row(path: PathLike, layout: Layout, row: int) -> tuple[str, str]:
    """Return ``file:line`` and the text of a row of a table, counted from 0."""
    number, line = next(itertools.islice(_data_lines(path, layout), row, None))
    return f"{path}:{number}", line


def _read_rows(path: PathLike, layout: Layout) -> pd.DataFrame:
    """Read the rows of a table as text.

    Raises:
        BadTable: lines have different numbers of columns.
    """
    text = io.StringIO("".join(line for _, line in _data_lines(path, layout)))
    quoting = csv.QUOTE_MINIMAL if layout.separator == "," else csv.QUOTE_NONE
    try:
        return pd.read_csv(text, sep=layout.separator, header=None, dtype=str, na_filter=False, quoting=quoting)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except pd.errors.ParserError as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if not found:
            raise BadTable(f"this is not a table of hits ({str(error).strip()})", where=path) from error
        raise BadTable(
            f"{found[3]} columns, but {found[1]} in the lines above",
            where=_row(path, layout, int(found[2]) - 1)[0],
            hint=_JOINED,
        ) from error


def _with_default_names(frame: pd.DataFrame, path: PathLike) -> pd.DataFrame:
    """Name the columns of a table without a header.

    Raises:
        BadTable: the table has fewer than 12 columns.
    """
    if frame.empty:
        return pd.DataFrame(columns=HIT_COLUMNS[:12], dtype=str)
    count = len(frame.columns)
    if count < 12:
        raise BadTable(
            f"{count} columns, but outfmt 6 has 12 (and qlen, slen, qcovhsp after them)",
            where=path,
            hint="use --hit-columns to name the columns",
        )
    names = [*HIT_COLUMNS, *(f"column {number}" for number in range(len(HIT_COLUMNS) + 1, count + 1))]
    frame = frame.set_axis(names[:count], axis=1)
    if "qlen" in frame and not _has_lengths(frame):
        # It is another column, such as a title, a raw score or a percentage.
        _log.info("%s: column 13 is not the length of the query and is ignored", path)
        frame = frame.drop(columns="qlen")
    return frame


def _has_lengths(frame: pd.DataFrame) -> bool:
    """Return whether ``qlen`` can be the lengths of queries: whole numbers, one per query.

    A number that is the same for many queries, and far larger than where their hits end, is not a length either, but
    for example the number of a species.
    """
    lengths = frame[["qseqid", "qlen"]].drop_duplicates()
    if not lengths["qlen"].str.fullmatch(r"\s*\d+(\.0)?\s*").all() or lengths["qseqid"].duplicated().any():
        return False
    ends = pd.to_numeric(frame["qend"], errors="coerce")
    one_value = len(lengths) >= _MANY and lengths["qlen"].nunique() == 1
    return not (one_value and ends.median() < float(frame["qlen"].iloc[0]) / 4)


def _checked(frame: pd.DataFrame, path: PathLike, layout: Layout) -> pd.DataFrame:
    """Return the required columns, converted to numbers and percent; raise BadTable if a value is invalid."""
    used = serving(list(frame.columns))
    if "qlen" in frame:
        used["qlen"] = "qlen"
    hits = _names(frame, used)
    for name in (*NEEDED[2:], *(["qlen"] if "qlen" in used else [])):
        values = _numbers(frame, used[name], path, layout)
        hits[name] = values.astype(np.int64) if name in ("qstart", "qend", "qlen") else values
    # DIAMOND writes a query without hits as a hit to '*' if --unal is used.
    there = (hits["sseqid"] != "*").to_numpy()
    _check_meaning(hits[there], path, layout)
    hits["pident"] = _percent(hits["pident"], used["pident"], path)
    # BLAST's nucleotide searches report a query on the reverse strand from its end to its start.
    backwards = hits["qstart"] > hits["qend"]
    hits.loc[backwards, ["qstart", "qend"]] = hits.loc[backwards, ["qend", "qstart"]].to_numpy()
    if "qlen" in hits and (hits["qend"] > hits["qlen"]).any():
        row = int(np.argmax((hits["qend"] > hits["qlen"]).to_numpy()))
        reason = "" if layout.fields else "column 13 is read as qlen; "
        raise BadTable(
            f"a hit ends at {hits['qend'].iloc[row]} of a query of {hits['qlen'].iloc[row]} letters",
            where=_row(path, layout, row)[0],
            hint=f"{reason}use --hit-columns to name the columns",
        )
    return hits if there.all() else hits[there].reset_index(drop=True)


def _numbers(frame: pd.DataFrame, name: str, path: PathLike, layout: Layout) -> pd.Series:
    """Return the cells of a column as float64; raise BadTable if one is not a number."""
    cells = frame[name]
    values = pd.to_numeric(cells, errors="coerce").astype(np.float64)
    if values.isna().any():
        # Old versions of BLAST write e-105 for 1e-105.
        text = cells.str.strip().str.strip('"').str.replace(r"^e-", "1e-", regex=True)
        values = pd.to_numeric(text, errors="coerce").astype(np.float64)
    wrong = ~np.isfinite(values.to_numpy())
    if wrong.any():
        row = int(np.argmax(wrong))
        where, line = _row(path, layout, row)
        if header_fields(line):
            raise BadTable("the columns differ from those above", where=where, hint=_JOINED)
        count = len(re.split(layout.separator, line.strip()))
        if not cells.iloc[row] and count < len(frame.columns):
            raise BadTable(f"{count} columns, but other lines have more", where=where, hint="is the file complete?")
        raise BadTable(
            f"'{cells.iloc[row]}' is not a number (column '{name}')",
            where=where,
            hint="use --hit-columns to name the columns",
        )
    return values


def _check_meaning(hits: pd.DataFrame, path: PathLike, layout: Layout) -> None:
    """Raise BadTable if values cannot be identities or e-values, because the columns have another order."""
    wrong = None
    if (hits["pident"] > 100).any():
        wrong = f"an identity of {hits['pident'].max():g} %"
    elif len(hits) and not layout.fields and not (hits["evalue"] < 1).any():
        wrong = f"column 11 cannot be the e-value: its smallest value is {hits['evalue'].min():g}"
    if wrong is not None:
        raise BadTable(wrong, where=path, hint="use --hit-columns to name the columns")


def _names(frame: pd.DataFrame, used: dict[str, str]) -> pd.DataFrame:
    """Return names and descriptions of queries and subjects."""
    made = {}
    titles = {"qseqid": ("qtitle",), "sseqid": ("stitle", "salltitles")}
    for name, described_in in titles.items():
        column = used[name]
        title_column = next((one for one in described_in if one in frame), column)
        # Names are repeated, so each is changed only once.
        pairs = frame.groupby([column, title_column] if title_column != column else column, sort=False)
        numbers = pairs.ngroup().to_numpy()
        first = np.unique(numbers, return_index=True)[1]
        changed = _changed_names(
            frame[column].iloc[first], frame[title_column].iloc[first], column == title_column, column
        )
        made[name] = changed[0][numbers]
        if (changed[0] != changed[1]).any():
            made[f"{name[0]}title"] = changed[1][numbers]
    return pd.DataFrame(made)


def _changed_names(names: pd.Series, titles: pd.Series, same: bool, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Return names, without descriptions, and descriptions; if ``same``, the names contain the descriptions."""
    text = names.str.strip().str.strip('"').str.lstrip(">")
    if column == "sallseqid":
        text = text.str.split(";").str[0]
    # Titles of identical proteins are separated by <>.
    title = (text if same else titles.str.strip()).str.split("<>").str[0].str.strip()
    text = title if same else text
    # If a database has no names, the title begins with the name in the FASTA.
    text = text.where(~text.str.startswith(NUMBERED), title)
    first = text.str.split(n=1).str[0].fillna("")
    return first.to_numpy(dtype=object), title.to_numpy(dtype=object)


def _percent(values: pd.Series, name: str, path: PathLike) -> pd.Series:
    """Return identities in percent.

    No significant hit has an identity of one percent, so if all values are at most 1, they are shares.
    """
    if not len(values):
        return values
    if name == "fident" and values.max() > 1:
        raise BadTable(
            f"the column 'fident' is a share, but its largest value is {values.max():g}",
            where=path,
            hint="if it is a percentage, use --hit-columns to name it pident",
        )
    if values.max() > 1:
        return values
    _log.info("%s: identities are shares and are converted to percent", path)
    return (100 * values).round(6)
