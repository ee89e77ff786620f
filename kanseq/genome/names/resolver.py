"""Match two lists of names by the strictest rule of spelling that matches most of them.

In: names from a file, and known names. Out: the known name of each, and the rule that matched them.
"""

import logging
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np

from kanseq.genome.names.spellings import (
    gene_of_isoform,
    second_name,
    unprefixed,
    unversioned,
    without_known_version,
)

MORE = 1.1
"""A laxer rule is used only if it matches at least 1.1 times as many names as any stricter rule."""

LEAST = 0.1
"""A laxer rule is used only if it matches at least this fraction of the shorter list, because a few may match by
chance."""

MOST_CLASHES = 0.01
"""Maximum fraction of names that a rule may make equal to another name; otherwise, what it removes distinguishes
genes."""

_log = logging.getLogger(__name__)


class SpellingRule(NamedTuple):
    """A way to compare names: a function that changes the names of a file, and one that changes the known names."""

    words: str
    of_name: Callable[[str], str]
    of_known: Callable[[str], str]


def _same(name: str) -> str:
    return name


def _gene_without_version(name: str) -> str:
    return without_known_version(gene_of_isoform(name))


EXACT = SpellingRule("by their exact names", _same, _same)
UNVERSIONED = SpellingRule("without version suffixes", unversioned, unversioned)
"""Only if requested: versions on both sides may distinguish genes."""

_KNOWN_VERSIONS = SpellingRule("without version suffixes", without_known_version, without_known_version)

RULES = (
    EXACT,
    SpellingRule("without prefixes", unprefixed, unprefixed),
    SpellingRule("by the second of two names", second_name, unprefixed),
    SpellingRule("without version suffixes of the file", unversioned, unprefixed),
    SpellingRule("without version suffixes of the known genes", unprefixed, unversioned),
    _KNOWN_VERSIONS,
    SpellingRule("without suffixes of transcripts", gene_of_isoform, unprefixed),
    SpellingRule("without suffixes of transcripts and versions", _gene_without_version, without_known_version),
)
"""The rules, the strictest first. Letter case is never ignored: human TP53 is not mouse Tp53."""

SAME_KIND = RULES[: RULES.index(_KNOWN_VERSIONS) + 1]
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


class KnownNames:
    """Known names, indexed by their spelling under each rule.

    Args:
        names: the known names.
        targets: what each name stands for, such as the gene of a transcript; by default the name itself. Names that a
            rule makes equal are ambiguous, and match nothing, unless they have the same target.
    """

    def __init__(self, names: Sequence[str], targets: Sequence[Hashable] | None = None) -> None:
        """Store the names; they are indexed when a rule is used for the first time."""
        self.names, self.targets = names, names if targets is None else targets
        self.count = len(set(self.targets))
        self._indices: dict[tuple[Callable[[str], str], bool], dict[str, int]] = {}

    def index(self, rule: SpellingRule, ignore_case: bool) -> dict[str, int]:
        """Return the position of each name under a rule; empty if the rule makes too many names equal."""
        key = (rule.of_known, ignore_case)
        if key not in self._indices:
            self._indices[key] = self._indexed(rule, ignore_case)
        return self._indices[key]

    def _indexed(self, rule: SpellingRule, ignore_case: bool) -> dict[str, int]:
        """Return the position of each name under a rule, without ambiguous names."""
        place_of: dict[str, int] = {}
        ambiguous: set[str] = set()
        keys = map(rule.of_known, self.names)
        for place, key in enumerate(map(str.lower, keys) if ignore_case else keys):
            first = place_of.setdefault(key, place)
            if self.targets[first] != self.targets[place]:
                ambiguous.add(key)
        if rule is not EXACT and len(ambiguous) > MOST_CLASHES * self.count:
            return {}
        for key in ambiguous:
            del place_of[key]
        return place_of


def match_names(
    names: Sequence[str],
    known: Sequence[str] | KnownNames,
    *,
    many: bool = False,
    rules: Sequence[SpellingRule] = RULES,
    ignore_case: bool = False,
    eager: bool = False,
    before: int = 0,
    size: int | None = None,
) -> NameMatch:
    """Match the names of a file to known names; a name that matches exactly is never matched in another way.

    Args:
        names: distinct names of the file.
        known: the known names.
        many: whether several names may match one known name, as the proteins of a gene do. Otherwise such names clash,
            and a rule with many clashes is not used.
        rules: the rules to try, the strictest first.
        ignore_case: compare without letter case.
        eager: use a laxer rule even if it matches only one name more.
        before: number of known names that other names of the file have matched, if ``names`` are the rest.
        size: number of all names of the file; by default that of ``names``.

    >>> match_names(["gene:A", "gene:B"], ["A", "B", "C"]).places.tolist()
    [0, 1]
    >>> match_names(["A.1", "A.2", "B.1"], ["A", "B"]).places.tolist()
    [-1, -1, -1]
    """
    known = known if isinstance(known, KnownNames) else KnownNames(known)
    exact = best = _apply(rules[0], names, known, many, ignore_case, None)
    clashing = list(best.clashing)
    least = LEAST * min(len(names) if size is None else size, known.count)
    for rule in rules[1:]:
        reached = before + best.found
        left = min(int((best.places < 0).sum()), known.count - reached)
        if left <= 0 or not (eager or left > (MORE - 1) * reached):
            break
        made = _apply(rule, names, known, many, ignore_case, exact.places)
        clashing += made.clashing
        enough = eager or (before + made.found >= MORE * reached and made.found >= least)
        if made.found > best.found and enough:
            best = made
    return best._replace(clashing=list(dict.fromkeys(clashing)))


def report_rule(match: NameMatch, where: object, what: str, total: int, found: int | None = None) -> None:
    """Log how many names (by default ``match.found``) of ``total`` were matched, unless they were matched exactly."""
    if match.rule is not EXACT and match.found:
        count = match.found if found is None else found
        lead = "" if where is None else f"{where}: "
        _log.info("%s%s of %s %s are matched %s", lead, f"{count:,}", f"{total:,}", what, match.rule.words)


def _apply(
    rule: SpellingRule,
    names: Sequence[str],
    known: KnownNames,
    many: bool,
    ignore_case: bool,
    exact: np.ndarray | None,
) -> NameMatch:
    """Match names by one rule; names with a place in ``exact`` keep it."""
    place_of = known.index(rule, ignore_case)
    keys = map(rule.of_name, names)
    places = np.array(
        [place_of.get(key, -1) for key in (map(str.lower, keys) if ignore_case else keys)], dtype=np.int64
    )
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
    matched = {known.targets[place] for place in places[places >= 0].tolist()}
    if len(clashing) > MOST_CLASHES * len(matched):
        return NameMatch(np.full(len(names), -1, dtype=np.int64), rule, 0, clashing)
    return NameMatch(places, rule, len(matched), clashing)
