"""Build the configuration of JBrowse 2.

In: a genome and files to show. Out: assembly, tracks and default session, with addresses relative to a folder.
"""

from collections.abc import Sequence
from pathlib import Path

from kanseq.browsers.bed_rows import NEGATIVE, POSITIVE
from kanseq.browsers.browser_files import HEIGHTS, SIGNED, WIDTH, Data, Genome, Json, Kind, Locus, address

JBROWSE_CONFIG = "config.json"
"""Name of the JBrowse configuration file."""

_CLOSEST = 0.02
"""Bases per pixel at the closest zoom of JBrowse. JBrowse stores a view as a scale and an offset, not as a locus."""

_BED_COLUMNS = ["chrom", "chromStart", "chromEnd", "name", "score", "strand", "thickStart", "thickEnd", "itemRgb"]

_ADAPTERS: dict[Kind, tuple[str, str, Json]] = {
    "bigwig": ("BigWigAdapter", "bigWigLocation", {}),
    # JBrowse's bedGraph adapters drop the sign, at least up to version 4.
    "bedgraph": ("BedAdapter", "bedLocation", {"columnNames": [*_BED_COLUMNS[:3], "score"], "scoreColumn": "score"}),
    "bed": ("BedAdapter", "bedLocation", {"columnNames": _BED_COLUMNS}),
    # By default JBrowse groups transcripts by gene name, which many annotations lack.
    "gtf": ("GtfAdapter", "gtfLocation", {"aggregateField": "gene_id"}),
    "gff3": ("Gff3Adapter", "gffLocation", {}),
}
"""File format -> JBrowse adapter, the key of the file location in its settings, and other settings."""

_TABIX_ADAPTERS = {
    "BedAdapter": ("BedTabixAdapter", "bedGzLocation"),
    "Gff3Adapter": ("Gff3TabixAdapter", "gffGzLocation"),
}
"""Adapter -> the adapter for the same file with a tabix index, and the key of the file location in its settings."""


def jbrowse_assembly(genome: Genome, folder: Path) -> Json:
    """Return the JBrowse configuration of a genome (assembly), with addresses relative to ``folder``."""
    adapter: Json = {"type": "IndexedFastaAdapter" if genome.gzi is None else "BgzipFastaAdapter"}
    adapter |= {"fastaLocation": _uri(genome.path, folder), "faiLocation": _uri(genome.fai, folder)}
    if genome.gzi is not None:
        adapter["gziLocation"] = _uri(genome.gzi, folder)
    track_id = f"{genome.name}-ReferenceSequenceTrack"
    sequence = {"type": "ReferenceSequenceTrack", "trackId": track_id, "adapter": adapter}
    return {"name": genome.name, "sequence": sequence}


def jbrowse_track(data: Data, track_id: str, assembly: str, folder: Path) -> Json:
    """Return the JBrowse configuration of a track and its display, with addresses relative to ``folder``."""
    adapter, place, reads = _ADAPTERS[data.kind]
    index: Json = {}
    if data.index is not None and adapter in _TABIX_ADAPTERS:
        adapter, place = _TABIX_ADAPTERS[adapter]
        form = "CSI" if data.index.suffix == ".csi" else "TBI"
        index = {"index": {"indexType": form, "location": _uri(data.index, folder)}}
    track, kind = _jbrowse_types(data.kind)
    display: Json = {"type": kind, "displayId": f"{track_id}-{kind}", "height": HEIGHTS[data.kind]}
    # Since version 4 these settings belong to the display; before, they belonged to its renderer.
    if data.kind in SIGNED:
        look: Json = {"posColor": f"rgb({POSITIVE})", "negColor": f"rgb({NEGATIVE})"}
        renderer = {"type": "XYPlotRenderer", **look}
        display |= {"autoscale": "local", **look, "renderers": {"XYPlotRenderer": renderer}}
    elif data.kind == "bed":
        # Version 3.1 and older parse these rows as bedMethyl, with the column names of that format.
        colour = "jexl:'rgb('+(get(feature,'itemRgb')||get(feature,'color'))+')'"
        label = "jexl:get(feature,'name')||get(feature,'code')"
        renderer = {"type": "SvgFeatureRenderer", "color1": colour, "labels": {"name": label}}
        display |= {"color": colour, "renderer": renderer}
    return {
        "type": track,
        "trackId": track_id,
        "name": data.path.name,
        "assemblyNames": [assembly],
        "adapter": {"type": adapter, place: _uri(data.path, folder), **index, **reads},
        "displays": [display],
    }


def _jbrowse_types(kind: Kind) -> tuple[str, str]:
    """Return the JBrowse track type and display type for a file format."""
    return ("QuantitativeTrack", "LinearWiggleDisplay") if kind in SIGNED else ("FeatureTrack", "LinearBasicDisplay")


def jbrowse_session(genome: Genome, data: Sequence[Data], ids: Sequence[str], locus: Locus | None) -> Json:
    """Return a JBrowse session that shows the sequence and all tracks at a locus, by default the first contig."""
    first = next(iter(genome.lengths))
    locus = locus or Locus(first, 0, genome.lengths[first])
    scale = max(_CLOSEST, (locus.end - locus.start) / WIDTH)
    sequence = ("ReferenceSequenceTrack", "LinearReferenceSequenceDisplay", f"{genome.name}-ReferenceSequenceTrack")
    shown = [sequence, *((*_jbrowse_types(one.kind), own) for one, own in zip(data, ids, strict=True))]
    tracks = []
    for number, (track, display, own) in enumerate(shown, 1):
        held = {"id": f"display-{number}", "type": display, "configuration": f"{own}-{display}"}
        tracks.append({"id": f"track-{number}", "type": track, "configuration": own, "displays": [held]})
    region = {"refName": locus.contig, "start": 0, "end": genome.lengths[locus.contig], "reversed": False}
    view: Json = {"id": "view", "type": "LinearGenomeView", "offsetPx": round(locus.start / scale), "bpPerPx": scale}
    view |= {"displayedRegions": [{**region, "assemblyName": genome.name}], "tracks": tracks}
    return {"id": "kanseq", "name": "kanseq", "views": [view]}


def _uri(path: Path, folder: Path) -> Json:
    """Return the location of a file, relative to ``folder``, in the format of JBrowse."""
    return {"uri": address(path, folder), "locationType": "UriLocation"}
