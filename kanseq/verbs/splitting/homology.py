"""``kanseq homology``: find groups of homologous genes, so that homologs of test genes can be kept out of training.

In: a set, and proteins, transcripts, coding sequences, a table of hits or a list of groups. Out: groups and pairs of
    genes.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.genome.annotation.tx2gene import read_tx2gene
from kanseq.genome.coding import read_coding
from kanseq.genome.contigs import read_aliases
from kanseq.genome.names.gene_maps import read_gene_map
from kanseq.homologs.evidence import Found, by_list, by_search, by_table
from kanseq.homologs.gene_names import GeneNames
from kanseq.homologs.gene_proteins import read_proteins
from kanseq.homologs.homolog_files import PAIR_COLUMNS, Homologs
from kanseq.homologs.records import HomologyRecord, check_record, record_path, what_was_compared, write_record
from kanseq.io.files import STDOUT, PathLike, check_input, check_output, comma_separated, fingerprint
from kanseq.io.progress import show_progress
from kanseq.io.tables.dialect import write_table
from kanseq.io.tables.gene_tables import HOMOLOG_PAIRS, HOMOLOGS
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.short_repr import brief
from kanseq.verbs.splitting.homology_checks import (
    Files,
    check_genes,
    check_options,
    files_of_options,
    sources_of,
    warn_of_few,
)

EVALUE, BITS, COVERAGE = 1e-3, 50.0, 50.0
"""Default thresholds of hits: maximum e-value, minimum bit score, minimum coverage of the query in percent."""

_log = logging.getLogger(__name__)


@brief
class Homology(NamedTuple):
    """Result of :func:`homology`.

    Attributes:
        tool: the source of homologs: the search program ``diamond``, ``mmseqs``, ``blast`` or ``sketch``, or ``hits``
            (a table of hits) or ``groups`` (a list of groups).
        version: version of the program, if known.
        thresholds: the thresholds of hits: ``evalue``, ``bits``, ``coverage`` (percent of the query).
        proteins: number of proteins, transcripts or coding sequences that were read.
        of_other_genes: number of these that belong to no gene of the set.
        genes: number of genes in the set.
        genes_with_protein, genes_without_protein: numbers of genes of the set with and without a protein. If a table of
            hits or a list of groups was used: numbers of genes that are and are not in it.
        genes_with_stops: number of genes with stop codons inside their translated coding sequence. The search treats
            such stop codons as ``X``.
        pairs: number of pairs of homologous genes.
        groups: number of groups, including groups of one gene.
        largest_group: number of genes in the largest group.
        genes_in_groups: number of genes in groups of two or more.
        seconds: duration of the search.
        output, pairs_output: paths of the tables of groups and of pairs; None if not written.
        table: a row ``species, id, group`` per gene, in the order of the set.
        pair_table: a row ``species, id, species_2, id_2, evalue, bits, coverage, identity`` per pair.
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
        """The groups, in the form that :func:`kanseq.split` accepts."""
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
    gene_map: PathLike | None = None,
    strip_version: bool = False,
    threads: int = 0,
    force: bool = False,
) -> Homology:
    """Find groups of homologous genes by single-linkage clustering of genes with similar proteins.

    Two genes are a pair if a hit between their proteins, in either direction, has an e-value of at most ``evalue``, a
    bit score of at least ``bits``, and covers at least ``coverage`` percent of its query. The coverage is the number of
    aligned query letters divided by the length of the query. If a hit has several alignments (in a table or BLAST
    output), letters count if they are aligned in any alignment with an e-value of at most ``evalue``. A pair gets the
    values of its best hit. Groups are the connected components of the graph of pairs. A gene without a protein forms a
    group of its own.

    Each gene is represented by its longest protein. The gene of a protein is read from ``protein2gene``, else from the
    CDS rows of ``annotation`` (``protein_id``, ``transcript_id``, ``ID``, ``Parent``), else from the FASTA header
    (``gene:ID``, ``gene=ID``, ``locus=ID``, ``[locus_tag=ID]``); otherwise the name of the protein is used as gene id.

    Args:
        genes: a set of genes, or its file.
        proteins: FASTA of protein sequences.
        transcripts: FASTA of transcripts in the direction of transcription. The longest open reading frame of each is
            translated. Comparing proteins finds more distant homologs than comparing nucleotides.
        genome: FASTA of the genome; the longest coding sequence of each gene in ``annotation`` is translated.
        annotation: GTF or GFF3 file with CDS rows.
        hits: a table of hits between proteins or genes from an earlier search with BLAST (``outfmt 6``, ``7`` or
            ``10``), DIAMOND or MMseqs2, with or without a header; no search is run. If the table lacks the lengths of
            queries (``qlen``), ``proteins`` must provide them. Identities as shares (``fident``) are converted to
            percent. Hits of all isoforms of a gene are used.
        groups: known groups (lines ``id group``, JSON, or ``homologs.tsv``), used instead of a search.
        protein2gene: table with two columns: protein (or transcript) and gene.
        output: path of ``homologs.tsv``: ``species, id, group``, one row per gene; ``-`` is standard output. Tool,
            version and thresholds are written to ``homologs.tsv.json`` (:mod:`kanseq.homologs.records`).
        pairs: path of a table of the pairs (each pair once); it also gets a ``.json`` record.
        tool: ``diamond``, ``mmseqs``, ``blast``; ``sketch``, which is built in; or ``auto``, the first of these that is
            installed.
        evalue, bits, coverage: thresholds of hits, see above.
        hit_columns: names of the columns of ``hits``, if the table has no header and does not have BLAST's default
            columns; the names that BLAST, DIAMOND and MMseqs2 use are known.
        codon_table: NCBI number of the genetic code, for CDS rows without ``transl_table``.
        aliases: table of equivalent contig names, to match ``annotation`` and ``genome``.
        gene_map: table with two columns: gene ids of another annotation release, as in the files of proteins or hits,
            and those of the set, in either order.
        strip_version: match names without version suffixes (``.1``) even if this matches only few of them.
        threads: processor threads of the search; 0 uses all.
        force: use ``hits`` although less than a tenth of its queries or subjects name a gene of the set.

    Raises:
        BadOption: options are inconsistent, or a program is not installed.
        UnknownGene: no protein or list entry belongs to a gene of the set; or no query or subject of ``hits``, or,
            unless ``force``, less than a tenth of them.
        BadTable: the JSON record of a table would overwrite a file that is not such a record.
        SearchFailed: the search program ended with an error.
        KanseqError: an input is invalid; the subclass and the message report what is wrong.
    """
    sources = {
        name: sources_of(given) for name, given in files_of_options(proteins, transcripts, genome, annotation).items()
    }
    paths = [path for given in sources.values() for _, path in given]
    files = [path for path in (*paths, hits, groups, protein2gene, aliases, gene_map) if path is not None]
    tables = [path for path in (output, pairs) if path is not None and str(path) != STDOUT]
    check_output(output, pairs, *map(record_path, tables), inputs=(*files, genes))
    for path in tables:
        check_record(path)
    for path in files:
        check_input(path)
    thresholds = {"evalue": float(evalue), "bits": float(bits), "coverage": float(coverage)}
    check_options(sources, hits, groups, pairs, tool, thresholds, codon_table)
    genes = genes if isinstance(genes, SequenceSet) else SequenceSet.read(genes, ["id", "species"])
    check_genes(genes, sources)
    names = GeneNames(
        genes,
        read_tx2gene(protein2gene) if protein2gene is not None else None,
        renamed=None if gene_map is None else read_gene_map(gene_map, list(genes.table["id"].astype(str))).gene_of,
        strip_version=strip_version,
    )
    if groups is not None:
        found = by_list(genes, names, groups)
    else:
        known = dict(sources["annotation"])
        with show_progress("reading annotations"):
            codings = {species: read_coding(path) for species, path in known.items()}
        for species, read in codings.items():
            names.learn(species, read)
        if hits is not None:
            columns = comma_separated(hit_columns)
            found = by_table(genes, names, hits, columns, sources["proteins"], thresholds, force=force)
        else:
            with show_progress("reading proteins"):
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
    warn_of_few(found, genes)
    recorded: dict[str, object] = {"codon_table": codon_table, "strip_version": strip_version}
    recorded |= {"hit_columns": comma_separated(hit_columns), **({"force": True} if force else {})}
    record = HomologyRecord(
        found.tool,
        found.version,
        thresholds if groups is None else {},
        what_was_compared([name for name, given in sources.items() if given], hits=hits, groups=groups),
        recorded,
        [fingerprint(path) for path in files],
    )
    return _finish(genes, found, record, output, pairs)


def _finish(
    genes: SequenceSet,
    found: Found,
    record: HomologyRecord,
    output: PathLike | None,
    pairs: PathLike | None,
) -> Homology:
    """Make the tables of groups and pairs, write those requested, and return the result with counts."""
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
    # Write to standard output last: if the program that reads it stops early, the files are already complete.
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
