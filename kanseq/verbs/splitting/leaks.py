"""``kanseq leaks``: find leaks between training and test genes in splits of any origin.

In: a set with splits; homologs, labels. Out: per fold, pairs of genes in different roles that share something. Leaks
are computed from the sequences and coordinates; reasons in the splits are ignored.
"""

import json
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from kanseq.errors import LeakingSplit
from kanseq.homologs.records import describe_homology
from kanseq.io.files import PathLike, check_output, fingerprint, some, whole_text
from kanseq.io.tables.dialect import table_lines
from kanseq.io.tables.gene_tables import LEAKS
from kanseq.labels.label_tables import join_labels
from kanseq.leakage.leak_counts import KINDS, THRESHOLDS, count_leaks, read_roles, relations_across
from kanseq.leakage.leak_report import leaks_text
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.short_repr import brief

if TYPE_CHECKING:
    from kanseq.homologs.homolog_files import Homologs

logger = logging.getLogger(__name__)


_OPTIONS = {"homolog": "homology", "similar": "similar"}
"""Option of ``kanseq split`` that prevents a kind of leak; it always prevents the others."""


@brief
class Leaks(NamedTuple):
    """Result of :func:`leaks`.

    Attributes:
        genes: number of genes of the set.
        never_tested, tested_twice: number of genes that are tested in no fold, and in several folds.
        not_in_set: number of genes of the splits that are not in the set; they are not checked.
        leaking: for each kind with a leak, the number of affected training (or tuning) genes per fold.
        folds: for each fold its name (``fold``), the ``genes`` per role, its ``leaks`` (``kind``, ``between`` two
            roles, the number of ``pairs``, the number of ``genes`` of the first role, the ``named`` pairs) and its
            ``labels``.
        homology: how the homologs were found, as :func:`kanseq.homologs.records.describe_homology` returns it.
        output: the file, if one was written.
        text: the report for people.
        table: a row per fold, kind and two roles, as in ``leaks.tsv``.
    """

    genes: int
    never_tested: int
    tested_twice: int
    not_in_set: int
    leaking: dict[str, dict[str, int]]
    folds: list[dict[str, object]]
    homology: dict[str, object] | None
    output: Path | None
    text: str
    table: pd.DataFrame

    def check(self) -> None:
        """Raise LeakingSplit if there is any leak."""
        if self.leaking:
            kinds = [f"{kind} in {some(list(folds))}" for kind, folds in self.leaking.items()]
            # Homologs that were searched must stay apart, also if only something else leaks.
            wanted = {*self.leaking, *({"homolog"} & {*self.table["kind"]})}
            options = [f"--{option}" for kind, option in _OPTIONS.items() if kind in wanted]
            hints = []
            if {*self.leaking} - {THRESHOLDS}:
                hints.append(" ".join(["make the splits with kanseq split", *options]))
            if THRESHOLDS in self.leaking:
                hints.append("make the labels with kanseq label --splits")
            raise LeakingSplit(f"folds leak: {'; '.join(kinds)}", hint=", ".join(hints))


def leaks(
    genes: PathLike | SequenceSet,
    *,
    splits: PathLike | pd.DataFrame,
    homology: "PathLike | pd.DataFrame | Homologs | None" = None,
    labels: PathLike | pd.DataFrame | Sequence[PathLike | pd.DataFrame] = (),
    output: PathLike | None = None,
    table: PathLike | None = None,
    pairs: int = 100,
) -> Leaks:
    """Find everything that genes in different roles of a split share (:data:`KINDS`), computed from the set itself.

    Genes that are ``unused`` in a fold cannot leak. Genes of the set without a row for a fold count as unused.

    Args:
        genes: the set that was split.
        splits: a table ``species, id, fold, role``, of :func:`kanseq.split` or of another tool: ``species`` may be
            missing if the set has only one, ``fold`` if there is only one; ``dev`` and ``validation`` mean ``tune``.
        homology: groups or pairs of :func:`kanseq.homology`.
        labels: one or several tables of :func:`kanseq.label`, to count the labels of each role and to check whether
            thresholds depend on test genes.
        output: file for the report as JSON; ``-`` is standard output.
        table: file for the counts, tab-separated: ``fold, kind, between, genes, pairs``.
        pairs: number of pairs of genes to name per fold, kind and two roles; all pairs are counted.

    Raises:
        BadTable: the splits lack a column, or contain an unknown role.
        UnknownGene: splits, homology or labels have no gene in common with the set.
    """
    label_tables = list(labels) if isinstance(labels, Sequence) and not isinstance(labels, str) else [labels]
    check_output(output, table, inputs=(genes, splits, homology, *label_tables))
    sources = {"genes": [genes], "splits": [splits], "homology": [homology], "labels": label_tables}
    inputs = {name: [fingerprint(one) for one in of if _is_path(one)] for name, of in sources.items()}
    labelled = join_labels(label_tables) if label_tables else None
    genes = genes if isinstance(genes, SequenceSet) else SequenceSet.open(genes)
    roles = read_roles(splits, genes)
    described = describe_homology(homology)
    counted = count_leaks(genes, roles, relations_across(genes, homology), labelled, pairs)
    found = Leaks(
        **counted._asdict(),
        homology=described,
        output=None if output is None else Path(output),
        text=leaks_text(counted, described),
    )
    _write(found, {name: of for name, of in inputs.items() if of}, pairs, output, table)
    return found


def _is_path(source: object) -> bool:
    """Return whether an input is a file rather than an object in memory."""
    return source is not None and not isinstance(source, (SequenceSet, pd.DataFrame, tuple))


def _write(
    found: Leaks,
    inputs: dict[str, list[dict[str, str | int]]],
    pairs: int,
    output: PathLike | None,
    table: PathLike | None,
) -> None:
    """Write the requested files."""
    kinds = {kind: KINDS[kind] for kind in found.table["kind"].unique()}
    counts = ("genes", "never_tested", "tested_twice", "not_in_set", "leaking", "folds")
    content = {"format": 1, "inputs": inputs, "kinds": kinds, "named_pairs": pairs}
    content |= {} if found.homology is None else {"homology": found.homology}
    content |= {name: getattr(found, name) for name in counts}
    texts = (
        (table, table_lines(LEAKS, found.table)),
        (output, [json.dumps(content, indent=2, allow_nan=False) + "\n"]),
    )
    with ExitStack() as outputs:
        for path, lines in texts:
            if path is not None:
                handle = outputs.enter_context(whole_text(path))
                handle.writelines(lines)
                # Both must be on disk before either gets its final name.
                handle.flush()
