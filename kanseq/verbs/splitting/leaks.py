"""``kanseq leaks``: find leaks between training and test genes, in splits from kanseq or any other tool.

In: a set with splits; homologs, labels. Out: the related genes with different roles in each fold. Leaks are computed
from the sequences and coordinates; the column ``reason`` of the splits is ignored.
"""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from kanseq.errors import LeakingSplit
from kanseq.homologs.homolog_files import Homologs
from kanseq.homologs.records import describe_homology
from kanseq.io.files import PathLike, check_output, fingerprint, some, whole_text
from kanseq.io.tables.dialect import table_lines
from kanseq.io.tables.gene_tables import LEAKS
from kanseq.labels.label_tables import join_labels
from kanseq.leakage.leak_counts import KINDS, THRESHOLDS, count_leaks, read_roles, relations_across
from kanseq.leakage.leak_report import leaks_text
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.short_repr import brief

_OPTIONS = {"homolog": "homology", "similar": "similar"}
"""Kind of leak -> option of ``kanseq split`` that prevents it; all other kinds are prevented without an option."""


@brief
class Leaks(NamedTuple):
    """Result of :func:`leaks`.

    Attributes:
        genes: number of genes of the set.
        never_tested, tested_twice: numbers of genes that are test genes in no fold, and in more than one fold.
        not_in_set: number of genes of the splits that are not in the set; they are not checked.
        leaking: kind of leak -> fold -> number of training (or tuning) genes that leak; only kinds and folds with
            leaks.
        folds: a dictionary per fold: its name (``fold``), the number of ``genes`` per role, its ``leaks``, and its
            ``labels``. Each leak has its ``kind``, the two roles (``between``), the number of ``pairs``, the number of
            ``genes`` of the first role, and a list of pairs (``named``, see ``pairs`` of :func:`leaks`).
        homology: how the homologs were found, as :func:`kanseq.homologs.records.describe_homology` returns it.
        output: path of the JSON report; None if it was not written.
        text: the report as text.
        table: the table ``leaks.tsv``, with a row per fold, kind of leak and pair of roles.
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
            # If homologs were provided, recommend --homology even if only other kinds leak: new splits need it, too.
            required = {*self.leaking, *({"homolog"} & {*self.table["kind"]})}
            options = [f"--{option}" for kind, option in _OPTIONS.items() if kind in required]
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
    homology: PathLike | pd.DataFrame | Homologs | None = None,
    labels: PathLike | pd.DataFrame | Sequence[PathLike | pd.DataFrame] = (),
    output: PathLike | None = None,
    table: PathLike | None = None,
    pairs: int = 100,
) -> Leaks:
    """Find leaks in splits: related genes that have different roles in the same fold.

    The kinds of relation are listed in :data:`kanseq.leakage.leak_counts.KINDS`. Genes that are ``unused`` in a fold
    cannot leak. Genes of the set without a row for a fold count as unused.

    Args:
        genes: the set that was split, or its file.
        splits: a table ``species, id, fold, role`` from :func:`kanseq.split` or another tool. ``species`` may be
            missing if the set has only one species, ``fold`` if there is only one fold; the roles ``dev`` and
            ``validation`` mean ``tune``.
        homology: groups or pairs from :func:`kanseq.homology`.
        labels: one or several tables from :func:`kanseq.label`, to count the labels of each role and to check whether
            their thresholds depend on test genes.
        output: path of the report as JSON; ``-`` is standard output.
        table: path of the counts, tab-separated: ``fold, kind, between, genes, pairs``.
        pairs: maximum number of gene pairs to list per fold, kind of leak and pair of roles. All pairs are counted.

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
    result = Leaks(
        **counted._asdict(),
        homology=described,
        output=None if output is None else Path(output),
        text=leaks_text(counted, described),
    )
    _write(result, {name: of for name, of in inputs.items() if of}, pairs, output, table)
    return result


def _is_path(source: object) -> bool:
    """Return whether an input is a path, and not None or an object in memory."""
    return source is not None and not isinstance(source, (SequenceSet, pd.DataFrame, tuple))


def _write(
    result: Leaks,
    inputs: dict[str, list[dict[str, str | int]]],
    pairs: int,
    output: PathLike | None,
    table: PathLike | None,
) -> None:
    """Write the report (``output``, JSON) and the counts (``table``), if requested; the report lists ``inputs``."""
    kinds = {kind: KINDS[kind] for kind in result.table["kind"].unique()}
    counts = ("genes", "never_tested", "tested_twice", "not_in_set", "leaking", "folds")
    content = {"format": 1, "inputs": inputs, "kinds": kinds, "named_pairs": pairs}
    content |= {} if result.homology is None else {"homology": result.homology}
    content |= {name: getattr(result, name) for name in counts}
    texts = (
        (table, table_lines(LEAKS, result.table)),
        (output, [json.dumps(content, indent=2, allow_nan=False) + "\n"]),
    )
    with ExitStack() as outputs:
        for path, lines in texts:
            if path is not None:
                handle = outputs.enter_context(whole_text(path))
                handle.writelines(lines)
                # Files get their final names when the stack closes; by then both must be complete on disk.
                handle.flush()
