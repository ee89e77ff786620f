"""Find homologous genes in one of three sources: a list of groups, a table of hits, or a search among proteins.

In: genes by name, and the input of one source. Out: a group for every gene, and pairs of genes, both by row in the set.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadTable, UnknownGene
from kanseq.homologs.aligners import ALIGNERS, align, version_of
from kanseq.homologs.builtin_search import sketch
from kanseq.homologs.gene_names import GeneNames
from kanseq.homologs.gene_proteins import GeneProteins, Sources
from kanseq.homologs.hits.hit_names import Proteins, check_names, title_of
from kanseq.homologs.hits.hit_tables import read_hits
from kanseq.homologs.homolog_files import read_groups
from kanseq.homologs.linkage import no_pairs, pairs_of_hits, single_linkage
from kanseq.io.files import PathLike, some
from kanseq.io.progress import show_progress
from kanseq.sequences.sequence_set import SequenceSet

SKETCH = "sketch"
TOOLS = ("auto", *ALIGNERS, SKETCH)

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """Homologs found in one source.

    Attributes:
        tool: the source: name of a search program, ``sketch``, ``hits`` or ``groups``.
        version: version of the search program, if any.
        numbers: group number of each gene, int64 ``(genes,)``.
        pairs: pairs of genes, as :func:`kanseq.homologs.linkage.pairs_of_hits` returns them.
        known: whether the source contains each gene, bool ``(genes,)``.
        read: number of sequences or genes that were read.
        of_others: how many of these do not belong to a gene of the set.
        stops: number of genes with stop codons inside their translated coding sequence.
        seconds: duration of the search.
    """

    tool: str
    version: str | None
    numbers: np.ndarray
    pairs: pd.DataFrame
    known: np.ndarray
    read: int = 0
    of_others: int = 0
    stops: int = 0
    seconds: float = 0.0


def by_list(genes: SequenceSet, names: GeneNames, path: PathLike) -> Found:
    """Read the group of each gene from a list of groups; each gene that is not in the list is a separate group."""
    listed = read_groups(path)
    group_of: dict[int, str] = {}
    of_others = 0
    for row, group in zip(_rows_of_list(names, listed, path), listed["group"], strict=True):
        if row is None:
            of_others += 1
        elif group_of.setdefault(row, group) != group:
            raise BadTable(f"'{names.ids[row]}' is in the groups '{group_of[row]}' and '{group}'", where=path)
    if not group_of:
        raise UnknownGene(
            f"none of its genes is in the set: it has {some(list(listed['id']))}, and the set has {some(names.ids)}",
            where=path,
            hint="both must use the same gene names; use --gene-map for a table of old and new names",
        )
    known = np.isin(np.arange(len(genes)), list(group_of))
    numbers = {group: number for number, group in enumerate(dict.fromkeys(group_of.values()))}
    found = np.array([numbers[group_of[row]] if row in group_of else len(numbers) + row for row in range(len(genes))])
    return Found("groups", None, found, no_pairs(), known, len(listed), of_others)


def _rows_of_list(names: GeneNames, listed: pd.DataFrame, path: PathLike) -> list[int | None]:
    """Return the row in the set of each gene in a list of groups; its species may be None."""
    rows: list[int | None] = [None] * len(listed)
    species_of = listed["species"].tolist()
    for species in dict.fromkeys(species_of):
        places = [at for at, one in enumerate(species_of) if one == species]
        ids = [str(listed["id"].iloc[at]) for at in places]
        for at, row in zip(places, names.rows(ids, species=species, where=path), strict=True):
            rows[at] = row
    return rows


def by_table(
    genes: SequenceSet,
    names: GeneNames,
    path: PathLike,
    columns: Sequence[str],
    proteins: Sources,
    thresholds: Mapping[str, float],
    *,
    force: bool = False,
) -> Found:
    """Return pairs and groups of genes from a table of protein hits.

    FASTA files ``proteins`` are read for lengths, and for the genes that their headers name.

    Raises:
        UnknownGene: no query or subject, or less than a tenth of them, names a gene of the set; ``force`` turns the
            second error into a warning.
        BadTable: the table is invalid, or the length of a query is unknown.
    """
    hits, known_proteins = read_hits(path, columns), Proteins(proteins)
    sequences = pd.Index(pd.unique(pd.concat([hits["qseqid"], hits["sseqid"]])))
    titles = {**title_of(hits, "sseqid", "stitle"), **title_of(hits, "qseqid", "qtitle")}
    headers = [known_proteins.header(name) or titles.get(name, "") for name in sequences]
    rows = names.rows([str(name) for name in sequences], headers, where=path)
    of_gene = np.array([-1 if row is None else row for row in rows], dtype=np.int64)
    check_names(hits, set(sequences[of_gene >= 0]), names, path, force)
    numbered = pd.DataFrame(
        {
            "query": sequences.get_indexer(hits["qseqid"]),
            "subject": sequences.get_indexer(hits["sseqid"]),
            "start": hits["qstart"] - 1,
            "end": hits["qend"],
            "evalue": hits["evalue"],
            "bits": hits["bitscore"],
            "identity": hits["pident"],
        }
    )
    here = (of_gene[numbered["query"]] >= 0) & (of_gene[numbered["subject"]] >= 0)
    numbered = numbered[here]
    sizes = np.array([known_proteins.length(str(name)) for name in sequences], dtype=np.int64)
    if "qlen" in hits:
        np.maximum.at(sizes, numbered["query"].to_numpy(), hits["qlen"][here].to_numpy())
    _check_lengths(numbered, sequences, sizes, thresholds, path)
    pairs = pairs_of_hits(numbered, of_gene, sizes, **thresholds)
    known = np.isin(np.arange(len(genes)), of_gene[of_gene >= 0])
    return Found(
        "hits", None, single_linkage(len(genes), pairs), pairs, known, len(sequences), int((of_gene < 0).sum())
    )


def by_search(count: int, of_genes: GeneProteins, tool: str, thresholds: Mapping[str, float], threads: int) -> Found:
    """Search the proteins of ``count`` genes with ``tool``, and return pairs and groups of homologous genes."""
    if tool == "auto":
        tool = next((name for name, aligner in ALIGNERS.items() if aligner.installed()), SKETCH)
    started = time.perf_counter()
    if tool == SKETCH:
        _log.warning(
            "homologs are searched with the built-in sketch of shared k-mers, a fallback that misses many distant "
            "homologs, so test genes may leak; install DIAMOND, MMseqs2 or BLAST for results to publish"
        )
        _log.info("the built-in sketch compares %s proteins", f"{len(of_genes.letters):,}")
        version, hits = None, sketch(of_genes.letters, bits=thresholds["bits"])
    else:
        version = version_of(tool)
        _log.info("%s %s compares %s proteins", tool, version, f"{len(of_genes.letters):,}")
        with show_progress(f"{tool} is running"):
            hits = align(of_genes.letters, tool, evalue=thresholds["evalue"], threads=threads)
    _log.info("%s hits after %s", f"{len(hits):,}", _duration(time.perf_counter() - started))
    sizes = np.array([len(letters) for letters in of_genes.letters], dtype=np.int64)
    pairs = pairs_of_hits(hits, of_genes.rows, sizes, **thresholds)
    return Found(
        tool,
        version,
        single_linkage(count, pairs),
        pairs,
        np.isin(np.arange(count), of_genes.rows),
        of_genes.read,
        of_genes.of_others,
        of_genes.stops,
        round(time.perf_counter() - started, 1),
    )


def _duration(seconds: float) -> str:
    """Return a duration as text.

    >>> _duration(59.6), _duration(3725)
    ('60 s', '62 min 5 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if seconds >= 60 else f"{seconds:.0f} s"


def _check_lengths(
    hits: pd.DataFrame, proteins: pd.Index, sizes: np.ndarray, thresholds: Mapping[str, float], path: PathLike
) -> None:
    """Check that the coverage of all hits can be computed, and that no hit ends past the end of its query."""
    queries = hits["query"].to_numpy()
    unknown = np.unique(queries[sizes[queries] == 0])
    if len(unknown) and thresholds["coverage"] > 0:
        raise BadTable(
            f"unknown length of {some(list(proteins[unknown]))}, which --coverage requires",
            where=path,
            hint="use --proteins FASTA, write the table with qlen, or use --coverage 0",
        )
    wrong = (sizes[queries] > 0) & (hits["end"].to_numpy() > sizes[queries])
    if wrong.any():
        query = queries[int(np.argmax(wrong))]
        raise BadTable(
            f"a hit of '{proteins[query]}' ends past its {sizes[query]:,} letters",
            where=path,
            hint="is this the right FASTA?",
        )
