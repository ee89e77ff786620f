"""Compute expression per gene and condition.

In: TPM and a sample sheet. Out: log10(TPM + 1), an array per condition.
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, BadTable
from kanseq.genome.expression.tpm import log_expression
from kanseq.io.delimited.names import words_of
from kanseq.io.delimited.rows import check_width, read_text_table, take_header
from kanseq.io.files import PathLike, some

EVERY = "*"
"""Name of the condition if there is only one, and of the fold if quartiles are computed from the complete table."""

_SAMPLE_NAME = re.compile(r"(sra)?(sample|run|library)s?(names?|ids?|accession|title)?")
_CONDITION_NAME = re.compile(
    r"conditions?(names?)?|groups?|treatments?|tissues?|(tissue|cell|organ|sample)type|organs?|organismpart|genotypes?|stages?|"
    r"developmentalstage|timepoints?|time|source(name)?|class|phenotypes?|strains?|status|state|stress|environment|factorvalue\w*"
)
_NO_CONDITION_NAME = re.compile(r"fastq|file|path|url|bam|reads|strandedness|layout|replicate|batch|size|lane")


def read_conditions(path: PathLike | pd.DataFrame) -> dict[str, str]:
    """Read a sample sheet; return a mapping from samples to conditions.

    Columns are separated by tabs, semicolons, commas or spaces. The header determines which columns have the samples
    (``sample``, ``run`` and so on) and the conditions (``condition``, or the only one of ``group``, ``treatment``,
    ``tissue`` and so on). Without a header, the first two columns are sample and condition.

    Raises:
        BadTable: no column, or more than one, can be the condition; a sample has no condition or several.
    """
    if isinstance(path, pd.DataFrame):
        where, header = "the sample sheet", [str(column) for column in path.columns]
        rows = list(enumerate(path.astype(object).fillna("").astype(str).to_numpy().tolist(), 1))
    else:
        table = read_text_table(path)
        where, (found, lines) = str(path), take_header(table, _is_header)
        header, rows = found or [], [(line.number, line.cells) for line in lines]
        for line in lines:
            check_width(line, header, path)
    sample, condition = _places(header, where) if _is_header(header) else (0, 1)
    condition_of: dict[str, str] = {}
    for number, cells in rows:
        if max(sample, condition) >= len(cells) or not cells[condition] or cells[condition] == EVERY:
            raise BadTable("sample and condition are required, separated by a tab", where=f"{where}:{number}")
        if condition_of.setdefault(cells[sample], cells[condition]) != cells[condition]:
            raise BadTable(f"duplicate sample '{cells[sample]}'", where=f"{where}:{number}")
    if not condition_of:
        raise BadTable("the sample sheet has no samples", where=where)
    return condition_of


def _is_header(cells: Sequence[str]) -> bool:
    """Return whether cells are names of columns: one for samples; or none or a general one, and one for conditions."""
    names = [words_of(cell) for cell in cells]
    if any(_SAMPLE_NAME.fullmatch(name) for name in names):
        return True
    return bool(names) and names[0] in ("", "id", "name", "file") and any(map(_CONDITION_NAME.fullmatch, names[1:]))


def _places(header: Sequence[str], where: str) -> tuple[int, int]:
    """Return the places of the columns of samples and of conditions."""
    names = [words_of(cell) for cell in header]
    samples = [place for place, name in enumerate(names) if _SAMPLE_NAME.fullmatch(name)]
    sample = min(samples, key=lambda place: not names[place].startswith("sample"), default=0)
    others = [place for place in range(len(names)) if place != sample and place not in samples]
    found = [place for place in others if names[place] in ("condition", "conditions")]
    found = found or [place for place in others if _CONDITION_NAME.fullmatch(names[place])]
    if not found and len(names) == 2 and others and not _NO_CONDITION_NAME.match(names[others[0]]):
        found = others
    if len(found) == 1:
        return sample, found[0]
    if found:
        what = f"columns {some([repr(header[place]) for place in found])} can be the condition"
        raise BadTable(what, where=where, hint="name the one to use 'condition'")
    raise BadTable(
        f"no column has the conditions: the columns are {some(list(header), 8)}",
        where=where,
        hint="name the column with the conditions 'condition'",
    )


def expression_levels(tpm: pd.DataFrame, of_sample: dict[str, str] | None, summary: str) -> dict[str, np.ndarray]:
    """Return for each condition log10(TPM + 1) of every gene, float64 ``(genes,)``.

    The samples of a condition are summarised by ``summary``. ``of_sample`` maps samples to conditions; if it is None,
    all samples are one condition, :data:`EVERY`.

    Raises:
        BadOption: a sample has no condition.
    """
    if of_sample is None:
        return {EVERY: log_expression(tpm, summary)}
    missing = [name for name in tpm.columns if name not in of_sample]
    if missing:
        raise BadOption(f"--condition: the sheet has no condition for {some(missing)}", hint="add a line for each")
    conditions = list(dict.fromkeys(of_sample[name] for name in tpm.columns))
    return {
        condition: log_expression(tpm[[name for name in tpm.columns if of_sample[name] == condition]], summary)
        for condition in conditions
    }
