"""Check the names in a table of hits. In: names of queries and subjects, FASTA. Out: lengths, headers, an error."""

import logging
import re
from collections import Counter
from collections.abc import Collection, Sequence

import pandas as pd

from kanseq.errors import UnknownGene
from kanseq.genome.fasta import read_entries
from kanseq.homologs.gene_names import GeneNames
from kanseq.homologs.gene_proteins import Sources
from kanseq.homologs.hits.hit_tables import NUMBERED
from kanseq.io.files import PathLike, some

LEAST_SHARE = 0.1
"""Smallest share of the distinct queries, and of the distinct subjects, that must name a gene of the set."""

_TAGS = frozenset(("lcl", "gnl", "gi", "ref", "sp", "tr", "gb", "emb", "dbj", "pir", "prf", "pdb", "BL_ORD_ID"))
_log = logging.getLogger(__name__)


class Proteins:
    """Lengths and headers of the proteins in FASTA files, by any part of their names between ``|``."""

    def __init__(self, sources: Sources) -> None:
        """Read the files."""
        self._found: dict[str, tuple[int, str]] = {}
        ambiguous: set[str] = set()
        for _, path in sources:
            for header, letters in read_entries(path):
                if not header.strip():
                    continue
                entry = len(letters.removesuffix(b"*")), header
                name, *parts = _forms(header.split(None, 1)[0])
                self._found[name] = entry
                for part in parts:
                    if self._found.setdefault(part, entry) != entry:
                        ambiguous.add(part)
        # A part that several proteins share, such as the name of a database, identifies none of them.
        for part in ambiguous:
            del self._found[part]

    def length(self, name: str) -> int:
        """Return the number of letters of a protein, 0 if unknown."""
        return self._entry(name)[0]

    def header(self, name: str) -> str:
        """Return the header of a protein, empty if unknown."""
        return self._entry(name)[1]

    def _entry(self, name: str) -> tuple[int, str]:
        return next((self._found[form] for form in _forms(name) if form in self._found), (0, ""))


def title_of(hits: pd.DataFrame, names: str, titles: str) -> dict[str, str]:
    """Return the description of each sequence in a table of hits; empty if the table has none."""
    if titles not in hits:
        return {}
    first = hits.drop_duplicates(names)
    return dict(zip(first[names], first[titles], strict=True))


def check_names(
    hits: pd.DataFrame, known: Collection[str], names: GeneNames, path: PathLike, force: bool = False
) -> None:
    """Check that queries and subjects name genes of the set; otherwise homologs would not be found, without an error.

    Args:
        hits: as :func:`kanseq.homologs.hits.hit_tables.read_hits` returns them.
        known: names that belong to a gene of the set.
        names: the names of the genes, for messages.
        path: the table, for messages.
        force: only warn if less than a tenth of the queries or subjects, but not none of both, name a gene of the set.

    Raises:
        UnknownGene: no sequence, or less than a tenth of the queries or subjects, names a gene of the set.
    """
    sides = {"queries": list(hits["qseqid"].unique()), "subjects": list(hits["sseqid"].unique())}
    if hits.empty:
        raise UnknownGene("the table contains no hits", where=path, hint="was the search complete?")
    counts = {side: sum(name in known for name in found) for side, found in sides.items()}
    few = [side for side, found in sides.items() if counts[side] < LEAST_SHARE * len(found)]
    if not few:
        return
    shares = " and ".join(f"{counts[side]:,} of {len(sides[side]):,} {side}" for side in few)
    called = ", ".join(f"{side} are called {some(found)}" for side, found in sides.items())
    what = f"{shares} name a gene of the set: {called}, and genes of the set {some(names.ids)}"
    if any(counts.values()) and force:
        _log.warning("%s: %s", path, what)
        return
    advice = [_advice([name for name in sides[side] if name not in known], names) for side in few]
    if any(counts.values()) and not any("BLAST" in one for one in advice):
        advice.append("or use --force if the other sequences belong to genes that are not in the set")
    raise UnknownGene(what, where=path, hint="; ".join(dict.fromkeys(advice)))


def _forms(name: str) -> list[str]:
    """Return a name and its parts between ``|``, without the names of databases.

    >>> _forms("gi|15221|ref|NP_171609.1|")
    ['gi|15221|ref|NP_171609.1|', '15221', 'NP_171609.1']
    """
    parts = [part for part in name.split("|") if part and part not in _TAGS]
    return [name, *(part for part in parts if part != name)]


def _advice(unknown: Sequence[str], names: GeneNames) -> str:
    """Return how names that belong to no gene of the set can be made to do so."""
    numbered = Counter(_kind(name) for name in unknown).most_common(1)[0][0]
    if numbered == NUMBERED:
        return (
            "the BLAST database was made without names: repeat makeblastdb with -parse_seqids and search again, or "
            "search again with -outfmt '7 std qlen stitle'"
        )
    if numbered:
        return "BLAST numbers sequences that have no name: search again with a FASTA whose headers begin with names"
    return names.hint


def _kind(name: str) -> str:
    """Return the begin of a name that BLAST made up, empty for other names."""
    return next((begin for begin in (NUMBERED, "Query_", "Subject_") if re.match(re.escape(begin) + r"\d+$", name)), "")
