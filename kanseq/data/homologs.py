"""``kanseq homology``: which genes of a set are homologous, so that no relative of a test gene trains.

In: a set, and proteins, transcripts, coding sequences, a table of hits or a list of groups. Out: groups and pairs.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from kanseq.data.aligners import ALIGNERS, check_installed
from kanseq.data.gene_proteins import GeneNames, Sources, read_proteins
from kanseq.data.homolog_files import PAIR_COLUMNS, Homologs
from kanseq.data.homolog_sources import TOOLS, Found, by_list, by_search, by_table
from kanseq.data.homology_records import HomologyRecord, check_record, record_path, what_was_compared, write_record
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption, BadTable
from kanseq.files import STDOUT, PathLike, check_input, check_output, comma_separated, fingerprint, some
from kanseq.genome.coding import check_table, read_coding
from kanseq.genome.contigs import read_aliases
from kanseq.genome.transcript_genes import read_tx2gene
from kanseq.io.dialect import write_table
from kanseq.io.gene_tables import HOMOLOG_PAIRS, HOMOLOGS
from kanseq.showing import brief

EVALUE, BITS, COVERAGE = 1e-3, 50.0, 50.0
"""The default thresholds: largest e-value, least bits, least percent of the query under its hit."""

Files: TypeAlias = PathLike | Sequence[PathLike] | Mapping[str, PathLike]
"""A file, several, each alone or as ``SPECIES=FILE``, or species -> file."""


@brief
class Homology(NamedTuple):
    """What :func:`homology` found.

    Attributes:
        tool: what found it: ``diamond``, ``mmseqs``, ``blast``, ``sketch``, ``hits`` (a table) or ``groups`` (a list).
        version: the program's version.
        thresholds: ``evalue``, ``bits``, ``coverage`` (percent of the query).
        proteins: proteins, transcripts or coding sequences that were read.
        of_other_genes: how many of these belong to no gene of the set.
        genes: genes of the set.
        genes_with_protein, genes_without_protein: how many of them have one (or are in the table of hits, or the list).
        genes_with_stops: genes whose translated coding sequence has stops within; they are searched as ``X``.
        pairs: pairs of homologous genes.
        groups: groups, those of one gene among them.
        largest_group: genes in the largest.
        genes_in_groups: genes in groups of two or more.
        seconds: how long the search took.
        output, pairs_output: the files, if they were written.
        table: ``species, id, group`` of every gene of the set, in its order.
        pair_table: ``species, id, species_2, id_2, evalue, bits, coverage, identity`` of every pair.
    """

    tool: str
    version: str | None
    thresholds: dict[str, float]
    proteins: int
    of_other_genes: int
    genes: int
    genes_with_protein: int
    genes_without_protein: int
    genes_with_stops: int
    pairs: int
    groups: int
    largest_group: int
    genes_in_groups: int
    seconds: float
    output: Path | None
    pairs_output: Path | None
    table: pd.DataFrame
    pair_table: pd.DataFrame

    @property
    def homologs(self) -> Homologs:
        """The groups, as :func:`kanseq.split` takes them."""
        return Homologs(None, self.table)


def homology(
    genes: PathLike | SequenceSet,
    *,
    proteins: Files = (),
    transcripts: Files = (),
    genome: Files = (),
    annotation: Files = (),
    hits: PathLike | None = None,
    groups: PathLike | None = None,
    protein2gene: PathLike | None = None,
    output: PathLike | None = None,
    pairs: PathLike | None = None,
    tool: str = "auto",
    evalue: float = EVALUE,
    bits: float = BITS,
    coverage: float = COVERAGE,
    hit_columns: str | Sequence[str] = (),
    codon_table: int = 1,
    aliases: PathLike | None = None,
    strip_version: bool = False,
    threads: int = 0,
) -> Homology:
    """Find groups of homologous genes: single linkage over the hits of their proteins that pass all thresholds.

    Two genes are a pair where a hit of either's protein to the other's has an e-value of ``evalue`` or less, ``bits``
    or more, and covers ``coverage`` percent or more of its query: the query's letters under the hit's alignment (under
    any of its alignments, where a table or BLAST has several with that e-value), by the query's length. The pair's
    numbers are those of the better such hit. A group is what pairs connect, also over others. A gene without a protein
    is a group of its own.

    A gene's protein is its longest. Which gene a protein belongs to is told by ``protein2gene``, else by the CDS rows
    of ``annotation`` (``protein_id``, ``transcript_id``, ``ID``, ``Parent``), else by the FASTA's header (``gene:ID``,
    ``gene=ID``, ``locus=ID``, ``[locus_tag=ID]``), else by its own name.

    Args:
        genes: a set, or its file.
        proteins: FASTA of proteins.
        transcripts: FASTA of transcripts in the direction of transcription; each is translated in its longest frame,
            and the proteins are compared, which finds older relatives than nucleotides do.
        genome: FASTA; the coding sequences that ``annotation`` has there are translated, a gene's longest one.
        annotation: GTF or GFF3.
        hits: a table of hits (BLAST's ``outfmt 6`` or ``7``) made elsewhere, of proteins or of genes themselves. Where
            it does not hold the lengths of queries (``qlen``), ``proteins`` must; every isoform in it counts.
        groups: a list of groups (lines ``id group``, JSON, or ``homologs.tsv``): no search, no thresholds.
        protein2gene: table of two columns, protein (or transcript) and gene.
        output: ``homologs.tsv``: ``species, id, group``, a row per gene; ``-`` is standard output. Tool, version and
            thresholds go into ``homologs.tsv.json`` next to it (:mod:`kanseq.data.homology_records`).
        pairs: a table of the pairs, each once, with its own record.
        tool: ``diamond``, ``mmseqs``, ``blast``; ``sketch``, the fallback built in; ``auto`` is the first of these that
            is installed.
        evalue, bits, coverage: the thresholds.
        hit_columns: names of the columns of ``hits``, as BLAST calls them, where no header and no order tells.
        codon_table: NCBI's number of the genetic code; ``transl_table`` of a CDS row goes before it.
        aliases: table of contig names that mean the same: annotation's, genome's.
        strip_version: compare names without version suffixes (``.1``) too.
        threads: processor threads of the search; 0: all there are.

    Raises:
        BadOption: options that make no sense together, or a program that is not installed.
        UnknownGene: no protein, hit or list entry is of a gene of the set.
        BadTable: a file that is no record of homologs stands where a table's record goes.
        SearchFailed: the program ended with an error.
        KanseqError: one of its children names what is wrong with an input.
    """
    sources = {name: _sources(given) for name, given in _given(proteins, transcripts, genome, annotation).items()}
    paths = [path for given in sources.values() for _, path in given]
    files = [path for path in (*paths, hits, groups, protein2gene, aliases) if path is not None]
    tables = [path for path in (output, pairs) if path is not None and str(path) != STDOUT]
    check_output(output, pairs, *map(record_path, tables), inputs=(*files, genes))
    for path in tables:
        check_record(path)
    for path in files:
        check_input(path)
    thresholds = {"evalue": float(evalue), "bits": float(bits), "coverage": float(coverage)}
    _check_options(sources, hits, groups, pairs, tool, thresholds, codon_table)
    genes = genes if isinstance(genes, SequenceSet) else SequenceSet.read(genes, ["id", "species"])
    _check_genes(genes, sources)
    names = GeneNames(
        genes, read_tx2gene(protein2gene) if protein2gene is not None else None, strip_version=strip_version
    )
    if groups is not None:
        found = by_list(genes, names, groups)
    else:
        known = dict(sources["annotation"])
        codings = {species: read_coding(path) for species, path in known.items()}
        for species, read in codings.items():
            names.learn(species, read)
        if hits is not None:
            columns = comma_separated(hit_columns)
            found = by_table(genes, names, hits, columns, sources["proteins"], thresholds)
        else:
            of_genes = read_proteins(
                names,
                proteins=sources["proteins"],
                transcripts=sources["transcripts"],
                genomes=sources["genome"],
                codings=codings,
                annotations=known,
                table=codon_table,
                aliases=read_aliases(aliases) if aliases is not None else None,
            )
            found = by_search(len(genes), of_genes, tool, thresholds, threads or os.cpu_count() or 1)
    record = HomologyRecord(
        found.tool,
        found.version,
        thresholds if groups is None else {},
        what_was_compared([name for name, given in sources.items() if given], hits=hits, groups=groups),
        {"codon_table": codon_table, "strip_version": strip_version, "hit_columns": comma_separated(hit_columns)},
        [fingerprint(path) for path in files],
    )
    return _finish(genes, found, record, output, pairs)


def _given(proteins: Files, transcripts: Files, genome: Files, annotation: Files) -> dict[str, Files]:
    """Name the options that take files of several species."""
    return {"proteins": proteins, "transcripts": transcripts, "genome": genome, "annotation": annotation}


def _sources(given: Files) -> Sources:
    """Give each file with the species that it is said to be of."""
    if isinstance(given, Mapping):
        return [(str(species), path) for species, path in given.items()]
    listed = [given] if isinstance(given, (str, os.PathLike)) else list(given)
    found: Sources = []
    for item in listed:
        species, equals, path = str(item).partition("=")
        # A path may hold the sign too.
        found.append((species, path) if equals and species and not Path(item).exists() else (None, item))
    return found


def _check_options(
    sources: Mapping[str, Sources],
    hits: PathLike | None,
    groups: PathLike | None,
    pairs: PathLike | None,
    tool: str,
    thresholds: Mapping[str, float],
    codon_table: int,
) -> None:
    """Refuse what makes no sense together, before anything is read."""
    if tool not in TOOLS:
        raise BadOption(f"--tool {tool}: no such tool", hint=f"choose one of {', '.join(TOOLS)}")
    wrong = [name for name, value in thresholds.items() if not 0 <= value < np.inf]
    if wrong or thresholds["coverage"] > 100:
        name = (wrong or ["coverage"])[0]
        raise BadOption(
            f"--{name} {thresholds[name]:g} is no threshold", hint="it is not negative, and --coverage at most 100"
        )
    check_table(codon_table)
    searched = sources["proteins"] or sources["transcripts"] or sources["genome"]
    if groups is not None:
        if hits is not None or searched:
            raise BadOption("--groups stands alone: a list says already who is homologous")
        if pairs is not None:
            raise BadOption("--groups and --pairs: a list of groups has no pairs", hint="leave --pairs out")
        return
    if hits is not None:
        if sources["transcripts"] or sources["genome"]:
            raise BadOption(
                "--hits is a search already made", hint="with it go --annotation, --protein2gene and --proteins alone"
            )
        return
    if not searched:
        raise BadOption(
            "nothing says who is homologous",
            hint="give --proteins, --transcripts, --genome with --annotation, --hits or --groups",
        )
    annotated = [species for species, _ in sources["annotation"]]
    if len(set(annotated)) < len(annotated):
        raise BadOption("--annotation: two files for one species", hint="say whose each is: SPECIES=FILE")
    for species, path in sources["genome"]:
        if species not in annotated:
            whose = f"{species}=" if species else ""
            raise BadOption(f"--genome {whose}{path}: no annotation of it", hint=f"add --annotation {whose}FILE")
    if tool in ALIGNERS:
        check_installed(tool)


def _check_genes(genes: SequenceSet, sources: Mapping[str, Sources]) -> None:
    """Refuse sets whose keys name two genes, and species that the set does not have."""
    twice = genes.table["id"][genes.table.duplicated(["species", "id"])]
    if len(twice):
        raise BadTable(f"ids that several sequences of the set share: {some(list(twice))}")
    there = set(genes.table["species"].astype(str))
    for option, given in sources.items():
        for species, path in given:
            if species is not None and species not in there:
                raise BadOption(
                    f"--{option} {species}={path}: the set has no species '{species}'",
                    hint=f"it has {some(sorted(there))}; or the file does not exist",
                )


def _finish(
    genes: SequenceSet,
    found: Found,
    record: HomologyRecord,
    output: PathLike | None,
    pairs: PathLike | None,
) -> Homology:
    """Name groups and pairs, write them, and count."""
    numbers = pd.factorize(found.numbers)[0] + 1
    species, ids = (genes.table[name].to_numpy(dtype=object) for name in ("species", "id"))
    table = pd.DataFrame({"species": species, "id": ids, "group": numbers.astype(str)}).astype(str)
    one, other = found.pairs["one"].to_numpy(), found.pairs["other"].to_numpy()
    pair_table = pd.DataFrame(
        {
            "species": species[one],
            "id": ids[one],
            "species_2": species[other],
            "id_2": ids[other],
            **{name: found.pairs[name].to_numpy() for name in PAIR_COLUMNS[4:]},
        }
    )
    pair_table["coverage"] = pair_table["coverage"].round(2)
    made = [(output, HOMOLOGS, table), (pairs, HOMOLOG_PAIRS, pair_table)]
    # Standard output last: its reader may leave early, and the files are whole by then.
    for path, schema, content in sorted(made, key=lambda one: str(one[0]) == STDOUT):
        if path is not None:
            write_table(path, schema, content)
            if str(path) != STDOUT:
                write_record(path, record)
    sizes = np.bincount(numbers)[1:]
    return Homology(
        tool=found.tool,
        version=found.version,
        thresholds=dict(record.thresholds),
        proteins=found.read,
        of_other_genes=found.of_others,
        genes=len(genes),
        genes_with_protein=int(found.known.sum()),
        genes_without_protein=int((~found.known).sum()),
        genes_with_stops=found.stops,
        pairs=len(pair_table),
        groups=len(sizes),
        largest_group=int(sizes.max(initial=0)),
        genes_in_groups=int(sizes[sizes > 1].sum()),
        seconds=found.seconds,
        output=None if output is None else Path(output),
        pairs_output=None if pairs is None else Path(pairs),
        table=table,
        pair_table=pair_table,
    )
