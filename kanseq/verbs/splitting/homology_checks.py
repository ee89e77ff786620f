"""Check the options of ``kanseq homology``. In: options and files. Out: files by species, errors and warnings."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from kanseq.errors import BadOption, BadTable
from kanseq.genome.translation import check_table
from kanseq.homologs.aligners import ALIGNERS, check_installed
from kanseq.homologs.evidence import TOOLS, Found
from kanseq.homologs.gene_proteins import Sources
from kanseq.homologs.hits.hit_names import LEAST_SHARE
from kanseq.io.files import PathLike, some
from kanseq.sequences.sequence_set import SequenceSet

Files: TypeAlias = PathLike | Sequence[PathLike] | Mapping[str, PathLike]
"""Files of one option: one file; a list of ``FILE`` or ``SPECIES=FILE``; or a mapping from species to file."""

_log = logging.getLogger(__name__)


def files_of_options(proteins: Files, transcripts: Files, genome: Files, annotation: Files) -> dict[str, Files]:
    """Return the options that accept files of several species, as a dictionary option name -> files."""
    return {"proteins": proteins, "transcripts": transcripts, "genome": genome, "annotation": annotation}


def sources_of(given: Files) -> Sources:
    """Return the files of an option as pairs (species, file); the species is None if it is not specified."""
    if isinstance(given, Mapping):
        return [(str(species), path) for species, path in given.items()]
    listed = [given] if isinstance(given, (str, os.PathLike)) else list(given)
    found: Sources = []
    for item in listed:
        species, equals, path = str(item).partition("=")
        # A path may contain '=' as well.
        found.append((species, path) if equals and species and not Path(item).exists() else (None, item))
    return found


def check_options(
    sources: Mapping[str, Sources],
    hits: PathLike | None,
    groups: PathLike | None,
    pairs: PathLike | None,
    tool: str,
    thresholds: Mapping[str, float],
    codon_table: int,
) -> None:
    """Raise BadOption if options are invalid or contradict each other, before any file is read."""
    if tool not in TOOLS:
        raise BadOption(f"--tool {tool}: unknown tool", hint=f"choose one of {', '.join(TOOLS)}")
    wrong = [name for name, value in thresholds.items() if not 0 <= value < np.inf]
    if wrong or thresholds["coverage"] > 100:
        name = (wrong or ["coverage"])[0]
        raise BadOption(
            f"--{name} {thresholds[name]:g} is not a threshold", hint="specify 0 or more, at most 100 for --coverage"
        )
    check_table(codon_table)
    searched = sources["proteins"] or sources["transcripts"] or sources["genome"]
    if groups is not None:
        if hits is not None or searched:
            raise BadOption("--groups cannot be combined with --hits or a search: the list defines the homologs")
        if pairs is not None:
            raise BadOption("--groups and --pairs: a list of groups has no pairs", hint="omit --pairs")
        return
    if hits is not None:
        if sources["transcripts"] or sources["genome"]:
            raise BadOption(
                "--hits replaces a search", hint="use only --annotation, --protein2gene and --proteins with it"
            )
        return
    if not searched:
        raise BadOption(
            "no source of homologs",
            hint="use --proteins, --transcripts, --genome with --annotation, --hits or --groups",
        )
    annotated = [species for species, _ in sources["annotation"]]
    if len(set(annotated)) < len(annotated):
        raise BadOption("--annotation: two files for one species", hint="specify the species of each: SPECIES=FILE")
    for species, path in sources["genome"]:
        if species not in annotated:
            prefix = f"{species}=" if species else ""
            raise BadOption(f"--genome {prefix}{path}: it has no annotation", hint=f"use --annotation {prefix}FILE")
    if tool in ALIGNERS:
        check_installed(tool)


def check_genes(genes: SequenceSet, sources: Mapping[str, Sources]) -> None:
    """Check that ids are unique within each species, and that the set contains every species that has a file."""
    twice = genes.table["id"][genes.table.duplicated(["species", "id"])]
    if len(twice):
        raise BadTable(f"several sequences of the set have the same id: {some(list(twice))}")
    there = set(genes.table["species"].astype(str))
    for option, given in sources.items():
        for species, path in given:
            if species is not None and species not in there:
                raise BadOption(
                    f"--{option} {species}={path}: the set has no species '{species}'",
                    hint=f"it has {some(sorted(there))}; or the file does not exist",
                )


def warn_of_few(found: Found, genes: SequenceSet) -> None:
    """Log a warning if the source contains less than a tenth of the genes, which then seem to have no homologs."""
    known = int(found.known.sum())
    if known < LEAST_SHARE * len(genes):
        _log.warning(
            "only %s of %s genes of the set are in the source of homologs; all others are written as genes without "
            "homologs",
            f"{known:,}",
            f"{len(genes):,}",
        )
