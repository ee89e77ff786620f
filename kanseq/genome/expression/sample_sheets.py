"""Read the condition of each sample. In: a sample sheet, names of samples in tables. Out: samples and conditions."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from kanseq.errors import BadTable
from kanseq.genome.expression.units import meaning_of
from kanseq.io.delimited.names import words_of
from kanseq.io.delimited.rows import check_width, read_text_table, take_header
from kanseq.io.files import PathLike, some

EVERY = "*"
"""Name of the condition if there is only one, and of the fold if quartiles are computed from the complete table."""

_SAMPLE_NAME = re.compile(r"(sra)?(sample|run|library)s?(names?|ids?|accession|title)?")
_FILE_NAME = re.compile(r"id|names?|files?(names?)?|bam(file)?s?|title|accession|\w*run|sourcename|assayname")
_CONDITION_NAME = re.compile(
    r"conditions?(names?)?|groups?|treatments?|tissues?|(tissue|cell|organ|sample)type|organs?|organismpart|genotypes?|stages?|"
    r"developmentalstage|timepoints?|time|source(name)?|class|phenotypes?|strains?|status|state|stress|environment|factorvalue\w*"
)
_CONDITION_NAMES = (re.compile(r"conditions?"), re.compile(r"factorvalue\w*"), _CONDITION_NAME)
"""Patterns of names of columns with conditions, the preferred one first."""

_NO_CONDITION_NAME = re.compile(r"fastq|file|path|url|bam|reads|strandedness|layout|replicate|batch|size|lane")
_ENDINGS = re.compile(r"(\.(sorted|dedup|bam|sam|cram|fastq|fq|gz|sf|tsv|txt|tab|counts?))+$", re.IGNORECASE)


class _Sheet(NamedTuple):
    """The cells of a sample sheet: its location for messages, its header, and rows with their line numbers."""

    where: str
    header: list[str]
    rows: list[tuple[int, list[str]]]

    def column(self, place: int) -> list[str]:
        """Return the cells of a column."""
        return [cells[place] if place < len(cells) else "" for _, cells in self.rows]


def read_conditions(path: PathLike | pd.DataFrame, names: Sequence[str] = ()) -> dict[str, str]:
    """Read a sample sheet; return a mapping from samples to conditions.

    Columns are separated by tabs, semicolons, commas or spaces. The header determines which columns have the samples
    (``sample``, ``run``, ``file`` and so on) and the conditions (``condition``, or the only one of ``group``,
    ``treatment``, ``tissue`` and so on that has several values). Without a header, the first two columns are sample and
    condition.

    Args:
        path: the sheet.
        names: names of samples in the expression tables. If several columns can have the samples, the one with most of
            these names is used. The samples in the result have these names, if folders, endings, units, letter case and
            punctuation make the only difference.

    Raises:
        BadTable: no column, or more than one, can be the condition; a sample has no condition or several.
    """
    sheet = _read(path)
    sample, condition = _places(sheet, names) if sheet.header else (0, 1)
    known = _spellings(sheet.column(sample), names)
    condition_of: dict[str, str] = {}
    for number, cells in sheet.rows:
        name, value = (cells[place] if place < len(cells) else "" for place in (sample, condition))
        where = f"{sheet.where}:{number}"
        if not name or not value or value == EVERY:
            what = f"the sample '{name}' has no condition" if name else "there is no sample in this line"
            raise BadTable(what, where=where, hint="each line needs a sample and a condition")
        if condition_of.setdefault(known[name], value) != value:
            raise BadTable(f"duplicate sample '{name}'", where=where)
    if not condition_of:
        raise BadTable("the sample sheet has no samples", where=sheet.where)
    return condition_of


def _read(path: PathLike | pd.DataFrame) -> _Sheet:
    """Return the cells of a sheet; a first line without a name in its first column is a header, as R writes it."""
    if isinstance(path, pd.DataFrame):
        header = [str(column) for column in path.columns]
        rows = list(enumerate(path.astype(object).fillna("").astype(str).to_numpy().tolist(), 1))
        return _Sheet("the sample sheet", header if _is_header(header) else [], rows)
    found, lines = take_header(read_text_table(path), lambda cells: _is_header(cells) or not cells[0])
    for line in lines:
        check_width(line, found or [], path)
    return _Sheet(str(path), found or [], [(line.number, line.cells) for line in lines])


def _is_header(cells: Sequence[str]) -> bool:
    """Return whether cells are names of columns: one for samples; or one for files or ids and one for conditions."""
    names = [words_of(cell) for cell in cells]
    if any(_SAMPLE_NAME.fullmatch(name) for name in names):
        return True
    named = any(not name or _FILE_NAME.fullmatch(name) for name in names)
    return named and any(map(_CONDITION_NAME.fullmatch, names))


def _places(sheet: _Sheet, known: Sequence[str]) -> tuple[int, int]:
    """Return the places of the columns of samples and of conditions; ``known`` are names of samples."""
    names = [words_of(cell) for cell in sheet.header]
    samples = [place for place, name in enumerate(names) if _SAMPLE_NAME.fullmatch(name)]
    samples.sort(key=lambda place: not names[place].startswith("sample"))
    others = [place for place, name in enumerate(names) if not _CONDITION_NAME.fullmatch(name)]
    sample = _with_most(sheet, samples, known)
    if sample is None:
        sample = _with_most(sheet, others, known)
    if sample is None:
        sample = samples[0] if samples else 0
    return sample, _place_of_conditions(sheet, names, sample, samples)


def _with_most(sheet: _Sheet, places: Sequence[int], known: Sequence[str]) -> int | None:
    """Return the first of the columns with most samples of the tables; None if no column has one."""
    there = set(known)
    found = {place: len(there & set(_spellings(sheet.column(place), known).values())) for place in places}
    best = max(found, key=found.__getitem__, default=None)
    return best if best is not None and found[best] else None


def _place_of_conditions(sheet: _Sheet, names: Sequence[str], sample: int, samples: Sequence[int]) -> int:
    """Return the place of the column of conditions."""
    others = [place for place in range(len(names)) if place != sample and place not in samples]
    for pattern in _CONDITION_NAMES:
        found = [place for place in others if pattern.fullmatch(names[place])]
        if found:
            break
    if len(found) > 1:
        # A column with the same value for all samples is no condition.
        found = [place for place in found if len({*sheet.column(place)}) > 1] or found
    if not found and len(names) == 2 and others and not _NO_CONDITION_NAME.match(names[others[0]]):
        found = others
    if len(found) == 1:
        return found[0]
    if found:
        what = f"columns {some([repr(sheet.header[place]) for place in found])} can be the condition"
        raise BadTable(what, where=sheet.where, hint="name the one to use 'condition'")
    raise BadTable(
        f"no column has the conditions: the columns are {some([name or repr(name) for name in sheet.header], 8)}",
        where=sheet.where,
        hint="name the column with the conditions 'condition'",
    )


def _spellings(cells: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Return the name in the tables for each sample of a sheet; the same name if there is none."""
    there = set(known)
    by_key: dict[str, list[str]] = {}
    for name in known:
        by_key.setdefault(_key(name), []).append(name)
    keys = [_key(cell) for cell in dict.fromkeys(cells)]
    found = {}
    for cell in dict.fromkeys(cells):
        same = by_key.get(_key(cell), [])
        if len(same) > 1:
            same = [name for name in same if meaning_of(name).unit == "TPM"]
        unclear = cell in there or len(same) != 1 or keys.count(_key(cell)) > 1
        found[cell] = cell if unclear else same[0]
    return found


def _key(name: str) -> str:
    """Return a name without folder, endings, unit, letter case and punctuation, and without the ``X`` of R.

    >>> _key("/data/run/Leaf-1.sorted.bam"), _key("leaf_1_TPM"), _key("X30.min")
    ('leaf1', 'leaf1', '30min')
    """
    name = _ENDINGS.sub("", re.split(r"[/\\]", name)[-1])
    name = re.sub(r"(?<![A-Za-z])(TPM|FPKM|RPKM|CPM)(?![A-Za-z])", "", name.replace("_", " "), flags=re.IGNORECASE)
    return re.sub(r"^x(?=\d)", "", re.sub(r"\W", "", name.lower()))
