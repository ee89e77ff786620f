"""Views of attributions: the picture of a gene, and session files that open the tracks in genome browsers.

In: attributions per base, paths of tracks, genome and annotation. Out: a picture, an IGV session, a JBrowse folder.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from kanseq.attribution.attribution_sums import Sums
from kanseq.browsers.sessions import check_browsers, write_igv_session, write_jbrowse
from kanseq.drawing.gene_pictures import draw_gene, features_of
from kanseq.drawing.style import check_picture_name
from kanseq.errors import BadOption, ContigMismatch
from kanseq.genome.fasta import read_contigs
from kanseq.geometry import Geometry, Place
from kanseq.io.files import PathLike, some
from kanseq.sequences.sequence_set import NO_SPECIES, PLACE, SequenceSet, md5_of_letters

MARGIN = 500
"""Number of bases that a browser session shows on both sides of the first gene's windows."""


class Views(NamedTuple):
    """Paths of the requested views, and of the files that they need; None if not specified.

    The views are described in :func:`kanseq.verbs.explaining.explain.explain`.
    """

    picture: PathLike | None
    igv_session: PathLike | None
    jbrowse: PathLike | None
    genome: PathLike | None
    annotation: PathLike | None

    def check(self, genes: SequenceSet, tracks: list[PathLike]) -> None:
        """Check, before anything is computed, that the requested views of these genes can be made.

        ``tracks`` are the files that a browser session will open.

        Raises:
            BadOption: a picture is requested for several genes, a browser session is requested without genome or
                tracks, or a file name has the wrong ending.
            ContigMismatch: the genome is not the one that the genes were extracted from.
        """
        if self.picture is not None:
            check_picture_name(self.picture)
            if len(genes) != 1:
                raise BadOption(f"a picture shows one gene, and {len(genes):,} are chosen", hint="use --gene")
        if self.igv_session is not None or self.jbrowse is not None:
            if self.genome is None:
                raise BadOption("a browser session needs a genome", hint="use --genome")
            if not tracks:
                raise BadOption("there is no track to open", hint="use --bed, --bedgraph or --bigwig")
            check_browsers(self.genome, annotation=self.annotation, igv_session=self.igv_session, jbrowse=self.jbrowse)
        if self.genome is not None:
            check_genome(genes, self.genome)

    def draw(self, genes: SequenceSet, geometry: Geometry, sums: Sums) -> None:
        """Draw the picture of the set's only gene, if a picture is requested."""
        if self.picture is None:
            return
        row = genes.table.iloc[0]
        placed = all(column in genes.table for column in PLACE)
        place = Place(str(row["chrom"]), str(row["strand"]), int(row["tss"]), int(row["tts"])) if placed else None
        features = None if self.annotation is None else features_of(self.annotation, str(row["id"]), _id_key(genes))
        facts: dict[str, str | int | float] = {"logit": round(float(sums.logit[0]), 3)}
        if sums.errors.size:
            facts["reference"] = round(float(sums.reference_logit[0]), 3)
        facts["model"] = ", ".join(sums.models[0])
        values = np.concatenate([block for _, block in sums.read()])[0]
        draw_gene(
            self.picture,
            name=str(row["id"]),
            codes=genes.codes(np.array([0]))[0],
            attributions=values,
            geometry=geometry,
            place=place,
            features=features,
            facts=facts,
        )

    def open(self, genes: SequenceSet, tracks: list[PathLike]) -> None:
        """Write the requested browser sessions, which open ``tracks`` (existing files) at the first gene."""
        if self.genome is None or (self.igv_session is None and self.jbrowse is None):
            return
        row = genes.table.iloc[0]
        length = genes.contigs_of(str(row["species"]))[row["chrom"]]["length"]
        start = max(0, min(row["tss_start"], row["tts_start"]) - MARGIN)
        end = min(int(length), max(row["tss_end"], row["tts_end"]) + MARGIN)
        shown = {"genome": self.genome, "annotation": self.annotation, "tracks": tracks}
        locus = f"{row['chrom']}:{start + 1}-{end}"
        if self.igv_session is not None:
            write_igv_session(self.igv_session, locus=locus, **shown)
        if self.jbrowse is not None:
            write_jbrowse(self.jbrowse, locus=locus, **shown)


def _id_key(genes: SequenceSet) -> str | None:
    """Return the annotation attribute with the gene ids, as specified by `kanseq extract --id`; None if unspecified."""
    options = genes.metadata.get("options")
    return options.get("id") if isinstance(options, dict) else None


def check_genome(genes: SequenceSet, genome: PathLike) -> None:
    """Check that a FASTA file has the contigs that the genes were extracted from, with the same bases.

    Raises:
        ContigMismatch: a contig is missing, or its bases do not match the set's checksum.
    """
    species = next(iter(genes.table["species"]), NO_SPECIES)
    on = set(genes.table["chrom"]) if "chrom" in genes.table else set()
    expected = {name: contig.get("md5") for name, contig in genes.contigs_of(species).items() if name in on}
    missing = dict(expected)
    for contig in read_contigs(genome, wanted=expected.__contains__):
        if contig.name in missing and md5_of_letters(contig.sequence) != missing.pop(contig.name):
            raise ContigMismatch(
                f"contig '{contig.name}' differs from the genome that the genes were extracted from",
                where=Path(genome),
                hint="provide that genome, or extract the genes again with kanseq extract",
            )
        if not missing:
            return
    raise ContigMismatch(
        f"this genome has no contig {some(sorted(missing))}",
        where=Path(genome),
        hint="provide the genome of these genes",
    )
