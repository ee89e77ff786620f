"""Match two lists of names by the strictest rule of spelling that matches most of them.

In: names from a file, and known names. Out: the known name of each, and the rule that matched them.
"""

import logging
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np

from kanseq.genome.names.spellings import gene_of_isoform, second_name, unprefixed, unversioned

MORE = 1.1
"""A laxer rule is used only if it matches at least 1.1 times as many names as any stricter rule."""

LEAST = 0.1
"""A laxer rule is used only if it matches at least this fraction of the shorter list, because a few may match by
chance."""

MOST_CLASHES = 0.01
"""Maximum fraction of the matched names that a rule may make equal to another name."""

_log = logging.getLogger(__name__)


class SpellingRule(NamedTuple):
    """A way to compare names: a function that changes the names of a file, and one that changes the known names."""

    words: str
    of_name: Callable[[str], str]
    of_known: Callable[[str], str]


def _same(name: str) -> str:
    return name


def _gene_unversioned(name: str) -> str:
    return unversioned(gene_of_isoform(name))


EXACT = SpellingRule("by their exact names", _same, _same)
UNVERSIONED = SpellingRule("without version suffixes", unversioned, unversioned)

RULES = (
    EXACT,
    SpellingRule("without prefixes", unprefixed, unprefixed),
    SpellingRule("by the second of two names", second_name, unprefixed),
    SpellingRule("without version suffixes of the file", unversioned, unprefixed),
    SpellingRule("without version suffixes of the known genes", unprefixed, unversioned),
    UNVERSIONED,
    SpellingRule("without suffixes of transcripts", gene_of_isoform, unprefixed),
    SpellingRule("without suffixes of transcripts and versions", _gene_unversioned, unversioned),
)
"""The rules, the strictest first. Letter case is never ignored: human TP53 is not mouse Tp53."""

SAME_KIND = RULES[: RULES.index(UNVERSIONED) + 1]
"""The rules to compare names of the same kind, such as transcripts with transcripts."""


class NameMatch(NamedTuple):
    """The known name of each name in a file.

    Attributes:
        places: position in the known names, int64 ``(names,)``; -1 if a name is unknown.
        rule: the rule that was used.
        found: number of known names (or of their targets) that were matched.
        clashing: some names that a laxer rule makes equal to each other, so that it was not used.
    """

    places: np.ndarray
    rule: SpellingRule
    found: int
    clashing: list[str]


def match_names(
    names: Sequence[str],
    known: Sequence[str],
    *,
    many: bool = False,
    targets: Sequence[Hashable] | None = None,
    rules: Sequence[SpellingRule] = RULES,
    ignore_case: bool = False,
    eager: bool = False,
) -> NameMatch:
    """Match the names of a file to known names; a name that matches exactly is never matched in another way.

    Args:
        names: distinct names of the file.
        known: the known names.
        many: whether several names may match one known name, as the proteins of a gene do. Otherwise such names clash,
            and a rule with many clashes is not used.
        targets: what each known name stands for, such as the gene of a transcript. Known names that a rule makes equal
            are ambiguous, and match nothing, unless they have the same target.
        rules: the rules to try, the strictest first.
        ignore_case: compare without letter case.
        eager: use a laxer rule even if it matches only one name more.

    >>> match_names(["gene:A.1", "gene:B.2"], ["A", "B", "C"]).places.tolist()
    [0, 1]
    >>> match_names(["A.1", "A.2", "B.1"], ["A", "B"]).places.tolist()
    [-1, -1, -1]
    """
    targets = known if targets is None else targets
    exact = best = _apply(rules[0], names, known, targets, many, ignore_case, None)
    clashing = list(best.clashing)
    shorter = min(len(names), len(set(targets)))
    for rule in rules[1:]:
        if not _may_improve(best, len(set(targets)), eager):
            break
        made = _apply(rule, names, known, targets, many, ignore_case, exact.places)
        clashing += made.clashing
        enough = 0 if eager else max(MORE * best.found, LEAST * shorter)
        if made.found > best.found and made.found >= enough:
            best = made
    return best._replace(clashing=list(dict.fromkeys(clashing)))


def report_rule(match: NameMatch, where: object, what: str, total: int, found: int | None = None) -> None:
    """Log how many names (by default ``match.found``) of ``total`` were matched, unless they were matched exactly."""
    if match.rule is not EXACT and match.found:
        count = match.found if found is None else found
        _log.info("%s: %s of %s %s are matched %s", where, f"{count:,}", f"{total:,}", what, match.rule.words)


def _may_improve(best: NameMatch, targets: int, eager: bool) -> bool:
    """Return whether a laxer rule could match so many more names that it would be used."""
    left = min(int((best.places < 0).sum()), targets - best.found)
    return left > 0 and (eager or left > (MORE - 1) * best.found)


def _apply(
    rule: SpellingRule,
    names: Sequence[str],
    known: Sequence[str],
    targets: Sequence[Hashable],
    many: bool,
    ignore_case: bool,
    exact: np.ndarray | None,
) -> NameMatch:
    """Match names by one rule; names with a place in ``exact`` keep it."""
    place_of = _index([rule.of_known(name) for name in known], targets, ignore_case)
    keys = [rule.of_name(name) for name in names]
    if ignore_case:
        keys = [key.lower() for key in keys]
    places = np.array([place_of.get(key, -1) for key in keys], dtype=np.int64)
    taken: set[int] = set()
    if exact is not None:
        places = np.where(exact >= 0, exact, places)
        taken = set(exact[exact >= 0].tolist())
    clashing: list[str] = []
    if not many:
        counts = Counter(places[places >= 0].tolist())
        twice = [
            row
            for row, place in enumerate(places.tolist())
            if counts[place] > 1 and place >= 0 and (exact is None or exact[row] < 0)
        ]
        clashing = [names[row] for row in twice if places[row] not in taken]
        places[twice] = -1
    matched = {targets[place] for place in places[places >= 0].tolist()}
    if len(clashing) > MOST_CLASHES * len(matched):
        return NameMatch(np.full(len(names), -1, dtype=np.int64), rule, 0, clashing)
    return NameMatch(places, rule, len(matched), clashing)


def _index(keys: Sequence[str], targets: Sequence[Hashable], ignore_case: bool) -> dict[str, int]:
    """Return the position of each key; keys with different targets are left out."""
    place_of: dict[str, int] = {}
    ambiguous = set()
    for place, key in enumerate(key.lower() for key in keys) if ignore_case else enumerate(keys):
        first = place_of.setdefault(key, place)
        if targets[first] != targets[place]:
            ambiguous.add(key)
    for key in ambiguous:
        del place_of[key]
    return place_of
