"""Format counts of leaks as a text report. In: counts per fold. Out: aligned text."""

from kanseq.genome.expression.conditions import EVERY
from kanseq.io.files import some
from kanseq.labels.quartiles import LABELS
from kanseq.leakage.leak_counts import LeakCounts

_HEADS = {
    "same_gene": "same gene",
    "reverse_complement": "other strand",
}


def leaks_text(found: LeakCounts, homology: dict[str, object] | None) -> str:
    """Return the report: genes per role, leaking genes and labels of each fold, followed by a summary of leaks."""
    roles = ["train", "tune", "test", "unused"]
    rows = [["fold", *roles]]
    rows += [[fold["fold"], *(f"{fold['genes'][role]:,}" for role in roles)] for fold in found.folds]  # type: ignore[index]
    lines = [f"{found.genes:,} genes; {found.never_tested:,} tested in no fold, {found.tested_twice:,} in several", ""]
    lines += [*_aligned(rows), "", "genes of the first role that share something with one of the second:"]
    kinds = list(found.table["kind"].unique())
    rows = [["fold", "roles", *(_HEADS.get(kind, kind) for kind in kinds)]]
    for (fold, between), here in found.table.groupby(["fold", "between"], sort=False):
        genes = dict(zip(here["kind"], here["genes"], strict=True))
        rows.append([fold, between, *(f"{genes[kind]:,}" if kind in genes else "" for kind in kinds)])
    lines += _aligned(rows, left=1)
    if "homolog" not in kinds:
        lines += ["homologs were not searched; use --homology FILE"]
    elif homology is not None:
        changed = "" if homology["of_this_table"] else "; the table has changed since"
        lines += [f"homologs: {homology['summary']}{changed}"]
    if any("labels" in fold for fold in found.folds):
        lines += ["", *_label_lines(found.folds)]
    verdict = [f"{kind} in {some(list(folds), 5)}" for kind, folds in found.leaking.items()]
    return "\n".join([*lines, "", f"leaking: {'; '.join(verdict) or 'nothing'}"]) + "\n"


def _label_lines(folds: list[dict[str, object]]) -> list[str]:
    """Return the lines about labels: fractions of each label per role, and the source of the thresholds."""
    lines = ["labels, % low / mid / high of the labelled genes, and source of the thresholds of training genes:"]
    rows = [["fold", "condition", "train", "tune", "test", "thresholds of"]]
    for fold in folds:
        for condition, shares in fold["labels"].items():  # type: ignore[attr-defined]
            groups = dict.fromkeys(entry["of"] for entry in fold["thresholds"][condition])  # type: ignore[index]
            shown = [_percent(shares.get(role)) for role in ("train", "tune", "test")]
            name = "" if condition == EVERY else condition
            rows.append([str(fold["fold"]), name, *shown, ", ".join(map(str, groups)) or "no training genes"])
    kept = [at for at, head in enumerate(rows[0]) if head == "fold" or any(row[at] for row in rows[1:])]
    return lines + _aligned([[row[at] for at in kept] for row in rows], left=len(kept) - 1)


def _percent(shares: dict[str, float | int] | None) -> str:
    """Format the fractions of low, mid and high genes in percent."""
    if not shares or not shares["labelled"]:
        return ""
    return " / ".join(f"{100 * shares[name]:.0f}" for name in LABELS)


def _aligned(rows: list[list[str]], left: int | None = None) -> list[str]:
    """Format rows as lines. Column 0 and the column with index ``left`` are left-aligned, all others right-aligned."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if at in (0, left) else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
