"""Names in text tables: headers of columns with ids, and rows that are not genes. In: cells. Out: yes or no."""

import re
from collections.abc import Sequence
from itertools import pairwise

MISSING = frozenset(["", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "-", "--", "---", ".", "?"])
"""Cells (in lower case) that mean that there is no value or no name."""

_ID_NAMES = re.compile(
    r"genes?|(gene|ensembl|ensemblgene|entrez|entrezgene|ncbigene|locus|tair|transcript|tx|target|tracking|feature|probe|"
    r"sample|protein|mrna|orf|g|genemodel)?ids?|(gene|locus|transcript|tx|hugo|hgnc)?(names?|symbols?|tag|identifier)|"
    r"(gene|transcript|protein)(stable)?id(version)?|(gene)?(accession|code|locus|model)|agi(code|locus)?|ensembl|"
    r"ensemblgenes?|ensgene|entrez|locus|identifier|transcripts?|tx|target|feature|probe(set)?|protein|mrna|orf|tair|"
    r"row\.?names?|index|samples?|unigene|gen|contig"
)
"""Names of columns with ids, in lower case, letters and digits only."""

_INDEX = re.compile(
    r"|X|Unnamed: ?0|\.\.\.1|V1|index|[#n]|n[or]\.?|s\.? ?no\.?|row([ ._]?(names?|numbers?))?|number", re.IGNORECASE
)
_COUNTERS = re.compile(
    r"__(no_feature|ambiguous|too_low_aqual|not_aligned|alignment_not_unique)\b.*"
    r"|N_(unmapped|multimapping|noFeature|ambiguous)",
    re.IGNORECASE,
)
_OLD_COUNTERS = frozenset(["no_feature", "ambiguous", "too_low_aqual", "not_aligned", "alignment_not_unique"])


def is_missing(cell: str) -> bool:
    """Return whether a cell means that there is no value or no name.

    >>> is_missing("N/A"), is_missing("."), is_missing("0")
    (True, True, False)
    """
    return cell.lower() in MISSING


def words_of(name: str) -> str:
    """Return a column's name in lower case without spaces and punctuation.

    >>> words_of("Gene stable ID"), words_of("transcript_id(s)")
    ('genestableid', 'transcriptids')
    """
    return re.sub(r"[^0-9a-z]", "", name.lower())


def names_ids(cell: str) -> bool:
    """Return whether a cell is the header of a column with ids.

    >>> names_ids("Gene ID"), names_ids("#gene_id"), names_ids("locus_id"), names_ids("AT1G01010")
    (True, True, True, False)
    """
    return (
        _ID_NAMES.fullmatch(words_of(cell)) is not None or re.search(r"[a-z][ _.]id$", cell, re.IGNORECASE) is not None
    )


def names_index(cell: str) -> bool:
    """Return whether a cell can be the header of a column with row numbers, which R, pandas and authors write.

    >>> names_index("Unnamed: 0"), names_index("S.No"), names_index("row.names"), names_index("leaf")
    (True, True, True, False)
    """
    return _INDEX.fullmatch(cell) is not None


def is_counter(cell: str) -> bool:
    """Return whether a cell is the name of a row that HTSeq or STAR write next to the genes.

    >>> is_counter("__no_feature"), is_counter("N_unmapped"), is_counter("N_gene")
    (True, True, False)
    """
    return _COUNTERS.fullmatch(cell) is not None


def is_old_counter(cell: str) -> bool:
    """Return whether a cell is the name of such a row in the tables of HTSeq before version 0.6."""
    return cell.lower() in _OLD_COUNTERS


def are_row_numbers(cells: Sequence[str], *, gaps: bool = False) -> bool:
    """Return whether cells are 0, 1, 2, … or 1, 2, 3, …; with ``gaps``, any increasing whole numbers.

    >>> are_row_numbers(["1", "2", "3"]), are_row_numbers(["2", "4"]), are_row_numbers(["2", "4"], gaps=True)
    (True, False, True)
    """
    if not cells or not all(cell.isdigit() for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    increasing = all(one < other for one, other in pairwise(numbers))
    return increasing and (gaps or (numbers[0] in (0, 1) and numbers[-1] - numbers[0] + 1 == len(numbers)))


def rejoined(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Join names that were separated at the commas of a column's name.

    >>> rejoined(["root", "leaf", "10 days"], ["leaf, 10 days", "root"])
    ['root', 'leaf, 10 days']
    """
    parts = {tuple(part.strip() for part in name.split(",")): name for name in columns if "," in name}
    longest = max(map(len, parts), default=1)
    found, place = [], 0
    while place < len(names):
        size = next((size for size in range(longest, 1, -1) if tuple(names[place : place + size]) in parts), 1)
        found.append(parts[tuple(names[place : place + size])] if size > 1 else names[place])
        place += size
    return found


_UNIT = re.compile(r"\W*(tpms?|fpkms?|rpkms?|cpms?|((raw|read|normali[sz]ed) )?counts?|reads)\W*", re.IGNORECASE)


def are_units(cells: Sequence[str]) -> bool:
    """Return whether cells are the units of columns, which some authors write below or above the header.

    >>> are_units(["", "(TPM)", "(TPM)"]), are_units(["unit", "TPM", "FPKM"]), are_units(["TPM", "leaf", "root"])
    (True, True, False)
    """
    named = [cell for cell in cells[1:] if cell]
    return bool(named) and cells[0].lower() in ("", "unit", "units") and all(map(_UNIT.fullmatch, named))


def shape(name: str) -> str:
    """Return the form of an id: runs of letters and of digits are shortened.

    >>> shape("AT1G01010"), shape("Zm00001d027230_T001")
    ('A9A9', 'A9A9_A9')
    """
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "A", name))
