"""Check that the values of samples are TPM, or say what they are. In: values and their unit. Out: warnings, TPM."""

import logging
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.genome.expression.shapes import LARGEST_LOGARITHM
from kanseq.genome.expression.units import split_words
from kanseq.io.delimited.names import words_of
from kanseq.io.delimited.table import Delimited, check_values
from kanseq.io.files import PathLike

logger = logging.getLogger(__name__)

ASSUMED = " (assumed)"
"""End of a unit that no name states."""

COMPUTED = "TPM (computed from counts and lengths)"
"""The unit of tables of featureCounts."""

SEVERAL = 500
"""Number of genes of which at least one has larger TPM than a logarithm can be."""

MOST = 1.5e6
"""A sum of values that is too large for TPM, which add up to a million."""

FEW = 30
"""Whole numbers up to this value can be rounded TPM."""

WHY = {
    "FPKM": "the sum of FPKM differs between samples",
    "RPKM": "the sum of RPKM differs between samples",
    "CPM": "CPM depend on the length of the gene",
    "counts": "counts depend on the length of the gene and on the number of reads",
}
"""Unit -> why its quartiles differ from those of TPM."""

FIVE_NUMBERS = r"\s*[\d.eE+\-]+(,[\d.eE+\-]+){4}\s*"
"""Matches the cells of ``*-tpms.tsv`` of Expression Atlas."""


def check_unit(values: pd.DataFrame, unit: str | None, path: PathLike | None, notes: str = "") -> str:
    """Return the unit of samples, and warn if it is not TPM, or if the values are logarithms.

    If no name of a column states the unit (``unit`` is None), it is counts if all values are whole numbers, or the unit
    in the titles and comments of the table (``notes``) or in the name of its file, or else TPM is assumed.
    """
    where = "the table" if path is None else str(path)
    numbers = values.to_numpy()
    file = "" if path is None else _stem(path)
    if unit is None and numbers.size and np.all(numbers % 1 == 0) and numbers.max() > FEW:
        found, reason = "counts" + ASSUMED, "all values are whole numbers, which suggests counts"
    elif unit is None and (named := unit_in_text(notes)):
        found, reason = named + ASSUMED, f"a title or comment suggests {named}"
    elif unit is None and (named := unit_in_text(file)):
        found, reason = named + ASSUMED, f"the name of the file suggests {named}"
    else:
        found, reason = unit or "TPM" + ASSUMED, f"the values are {unit}"
    plain = found.split(" ")[0]
    if plain != "TPM":
        logger.warning(
            "%s: %s, but TPM are expected: %s, so their quartiles differ from those of TPM", where, reason, WHY[plain]
        )
    elif _are_logarithms(numbers, f"{file} {notes}"):
        logger.warning(
            "%s: all values are at most %g, which suggests logarithms, but TPM are expected", where, LARGEST_LOGARITHM
        )
    elif numbers.size and (largest := float(numbers.sum(axis=0).max())) > MOST:
        logger.warning(
            "%s: values of a sample add up to %s, but TPM add up to 1,000,000; check the unit", where, f"{largest:,.0f}"
        )
    return found


def common_unit(units: list[tuple[PathLike, str]]) -> str:
    """Return the unit of all tables. Raises BadTable if the names of their columns state different units."""
    stated: dict[str, PathLike] = {}
    for path, unit in units:
        if not unit.endswith(ASSUMED):
            stated.setdefault(unit.split(" (")[0], path)
    if len(stated) > 1:
        (one, first), (other, second), *_ = stated.items()
        raise BadTable(
            f"the values are {other}, but those of {first} are {one}", where=second, hint="pass tables in one unit"
        )
    names = list(dict.fromkeys(unit for _path, unit in units))
    return ", ".join(names)


def check_file_name(table: Delimited, columns: list[str]) -> None:
    """Raise BadTable if the name of the file and the values say that the table has lengths of genes."""
    words = split_words(_stem(table.path)).split()
    values = np.array([pd.to_numeric(table.frame[name], errors="coerce") for name in columns], dtype=np.float64)
    if {"length", "lengths"} & set(words) and not unit_in_text(_stem(table.path)) and np.all(values > 0):
        raise BadTable(
            "the name of the file and the values suggest lengths of genes, not expression",
            where=table.path,
            hint="pass the table with TPM, or use --samples to read this one",
        )


def _are_logarithms(numbers: np.ndarray, text: str) -> bool:
    """Return whether values are logarithms: they are fractions and small; and many, or a name states a logarithm."""
    words = {*split_words(text).split()}
    if not numbers.size or numbers.max() > LARGEST_LOGARITHM or np.all(numbers % 1 == 0):
        return False
    return len(numbers) >= SEVERAL or bool(words & {"log", "log2", "log10", "log1p", "ln", "vst", "rlog"})


def tpm_of_counts(table: Delimited, samples: list[str], ids: pd.Series) -> pd.DataFrame:
    """Return the TPM of counts in a table of featureCounts: counts per length, scaled to a sum of a million.

    Raises:
        BadTable: a count or a length is invalid.
    """
    column = next(name for name in table.columns if words_of(name) == "length")
    lengths = table.values(column, ids)
    if np.any(lengths == 0):
        row = int(np.argmax(lengths == 0))
        raise BadTable(f"column '{column}', gene '{ids.iloc[row]}': the length is 0", where=table.place(row))
    found = {}
    for name in samples:
        rate = check_values(table.frame[name], name, ids, table.place) / lengths
        found[name] = rate * (1e6 / rate.sum()) if rate.sum() else rate
    logger.info("%s: TPM are computed from the counts and lengths of featureCounts", table.path)
    return pd.DataFrame(found, index=table.frame.index)


def with_medians(table: Delimited) -> Delimited:
    """Replace cells with five numbers (minimum, quartiles, maximum of replicates) by the third, the median."""
    frame = table.frame.copy(deep=False)
    found = [
        name
        for name in table.columns[1:]
        if not pd.api.types.is_numeric_dtype(frame[name]) and frame[name].astype(str).str.fullmatch(FIVE_NUMBERS).all()
    ]
    if not found:
        return table
    for name in found:
        frame[name] = pd.to_numeric(frame[name].str.split(",").str[2], errors="coerce")
    logger.info("%s: cells have five numbers; the third is used, the median of the replicates", table.path)
    return replace(table, frame=frame)


def _stem(path: PathLike) -> str:
    """Return the name of a file without endings."""
    return re.sub(r"(\.(gz|bgz|csv|tsv|txt|tab))+$", "", Path(path).name)


def unit_in_text(text: str) -> str | None:
    """Return the unit that the name of a file, a title or a comment states, TPM before others, or None.

    >>> unit_in_text("Table S2. FPKM of all genes"), unit_in_text("TPM, computed from read counts")
    ('FPKM', 'TPM')
    """
    words = set(split_words(text).split())
    units = ("TPM", "FPKM", "RPKM", "CPM", "counts")
    return next((unit for unit in units if words & {unit.lower(), f"{unit.lower()}s", unit.lower().rstrip("s")}), None)
