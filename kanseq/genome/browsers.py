"""Sessions that open a genome, its genes and attribution tracks in IGV, igv.js or JBrowse 2.

In: files that stay where they are. Out: a session or configuration with relative paths to them, and the genome's index.
"""

import json
import os
import re
import struct
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import quote

from kanseq.errors import BadOption, MalformedLine
from kanseq.files import PathLike, check_input, disk_errors, some, whole_file
from kanseq.genome.bed_rows import NEGATIVE, POSITIVE, check_folder
from kanseq.genome.rows import read_rows
from kanseq.genome.tracks import BED, BEDGRAPH, BIGWIG

Kind: TypeAlias = Literal["bigwig", "bedgraph", "bed", "gtf", "gff3"]

JBROWSE_CONFIG = "config.json"
"""Name of JBrowse's configuration inside its folder."""

_HEIGHTS: dict[Kind, int] = {"bigwig": 90, "bedgraph": 90, "bed": 120, "gtf": 110, "gff3": 110}
"""Pixels."""

_WIDTH = 1200
"""Pixels for which JBrowse's first view is laid out: it stores a scale and an offset rather than a locus."""

_SIGNED: tuple[Kind, ...] = ("bigwig", "bedgraph")
"""Kinds of files that hold values per base."""

_TRACKS: tuple[Kind, ...] = (*_SIGNED, "bed")

_CLOSEST = 0.02
"""Bases per pixel beyond which JBrowse does not zoom in."""

_FASTA_ENDINGS = re.compile(r"\.(fa|fasta|fna|fas|ffn)(\.gz|\.bgz|\.bgzf)?$", re.IGNORECASE)


class _Locus(NamedTuple):
    """A stretch of a contig, 0-based half-open."""

    contig: str
    start: int
    end: int

    def __str__(self) -> str:
        """Give it as browsers write it, 1-based."""
        return f"{self.contig}:{self.start + 1}-{self.end}"


class _Data(NamedTuple):
    """A file that is shown, and its tabix index, if there is one."""

    path: Path
    kind: Kind
    index: Path | None


class _Genome(NamedTuple):
    """A FASTA file, its indices (``gzi`` for bgzip only), and the contigs' lengths."""

    path: Path
    fai: Path
    gzi: Path | None
    lengths: dict[str, int]

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return _FASTA_ENDINGS.sub("", self.path.name)


def check_browsers(
    genome: PathLike, *, igv_session: PathLike | None = None, jbrowse: PathLike | None = None
) -> None:
    """Make sure, before any work is done, that sessions can be written, and that browsers can open the genome.

    Raises:
        MissingFile: there is no such genome.
        BadOption: the session's name ends in neither ``.xml`` nor ``.json``, or the genome is compressed by plain gzip.
        NotWritable: the JBrowse folder is a file, or cannot be made or written.
    """
    bgzip = _is_bgzip(genome)
    if igv_session is not None:
        name = Path(igv_session).name.lower()
        if not name.endswith((".xml", ".json")):
            mend = "IGV opens .xml, igv.js and IGV-Web open either"
            raise BadOption("the name of an IGV session must end in .xml or .json", where=igv_session, mend=mend)
        if name.endswith(".xml") and bgzip != str(genome).endswith(".gz"):
            what = "compressed" if bgzip else "plain"
            mend = f"rename it so that it {'ends' if bgzip else 'does not end'} in .gz"
            raise BadOption(f"this FASTA is {what}, and IGV would not know it by its name", where=genome, mend=mend)
    check_folder(jbrowse)


def write_igv_session(
    path: PathLike,
    *,
    genome: PathLike,
    annotation: PathLike | None,
    tracks: Sequence[PathLike],
    locus: str | None = None,
) -> list[Path]:
    """Write a session of IGV: ``.xml`` for the desktop program, which igv.js reads too, or ``.json`` for igv.js alone.

    All files must be there already. Paths in an ``.xml`` are relative to it, and are written as they are; addresses in
    a ``.json`` are percent-encoded, and relative to the web page that loads it, which should lie beside it. An ``.xml``
    can name no index, so that from it igv.js reads the genome and BED tracks as a whole; a ``.json`` names them all.

    A genome without an index gets one beside the session, ``GENOME.fai`` (and ``GENOME.gzi`` for bgzip); an ``.xml``
    then names ``GENOME.json``, a genome definition beside it, which IGV reads and igv.js does not.

    Args:
        path: the session.
        genome: FASTA, plain or bgzip.
        annotation: GTF or GFF3.
        tracks: BED, bedGraph and bigWig, told by their names.
        locus: ``CONTIG`` or ``CONTIG:START-END``, 1-based; the whole genome if None.

    Returns:
        What was written, the session first.

    Raises:
        MissingFile: a file is not there.
        BadOption: as :func:`check_browsers` says, or a track's name has no known ending, or the genome does not have
            the locus.
        MalformedLine: the genome cannot be indexed, or the annotation is neither GTF nor GFF3.
        NotWritable: the folder cannot be written.
    """
    path = Path(path)
    check_browsers(genome, igv_session=path)
    data = _data(annotation, tracks)
    indexed, written = _indexed(genome, path.parent)
    place = _locus(locus, indexed)
    if path.name.lower().endswith(".json"):
        content = _igv_json(indexed, data, place, path.parent)
    else:
        own = Path(f"{indexed.path}.fai").resolve() != indexed.fai.resolve()
        if own:
            definition = path.with_name(f"{indexed.path.name}.json")
            _write(definition, _json(_igv_genome(indexed, path.parent)))
            written.append(definition)
        content = _igv_xml(definition if own else indexed.path, data, place, path.parent)
    _write(path, content)
    return [path, *written]


def write_jbrowse(
    folder: PathLike,
    *,
    genome: PathLike,
    annotation: PathLike | None,
    tracks: Sequence[PathLike],
    locus: str | None = None,
) -> list[Path]:
    """Write ``config.json`` for JBrowse 2, with a default session that shows all tracks at the locus.

    All files must be there already; addresses are relative to the folder, and percent-encoded. A genome without an
    index gets one in the folder. To see it, put JBrowse's own files (``jbrowse create``) into the folder, or open
    ``…/?config=FOLDER/config.json`` in a JBrowse that a web server offers together with the data.

    Args:
        folder: made if it is missing.
        genome, annotation, tracks, locus: as in :func:`write_igv_session`; without a locus the first contig is shown.

    Returns:
        What was written, the configuration first.

    Raises:
        MissingFile, BadOption, MalformedLine, NotWritable: as :func:`write_igv_session` says.
    """
    folder = Path(folder)
    check_browsers(genome, jbrowse=folder)
    data = _data(annotation, tracks)
    with disk_errors(folder):
        folder.mkdir(exist_ok=True)
    indexed, written = _indexed(genome, folder)
    place = _locus(locus, indexed)
    assembly = _jbrowse_assembly(indexed, folder)
    shown = [_jbrowse_track(one, track_id, indexed.name, folder) for one, track_id in _with_ids(data)]
    config = {
        "assemblies": [assembly],
        "tracks": shown,
        "defaultSession": _jbrowse_session(indexed, [_reference_track(indexed.name), *shown], place),
    }
    _write(folder / JBROWSE_CONFIG, _json(config))
    return [folder / JBROWSE_CONFIG, *written]


def _is_bgzip(genome: PathLike) -> bool:
    """Tell a plain FASTA from one compressed by bgzip, by its first bytes; refuse one compressed by gzip."""
    with open(check_input(genome), "rb") as handle:
        start = handle.read(18)
    if start[:2] != b"\x1f\x8b":
        return False
    if start[:4] == b"\x1f\x8b\x08\x04" and start[12:16] == b"BC\x02\x00":
        return True
    better = f"{_FASTA_ENDINGS.sub('', str(genome)).removesuffix('.gz')}.bgzip.fa.gz"
    raise BadOption(
        "no browser can open a FASTA that is compressed by plain gzip",
        where=genome,
        mend=f"compress it by blocks: gunzip -c '{genome}' | bgzip > '{better}'",
    )


def _data(annotation: PathLike | None, tracks: Sequence[PathLike]) -> list[_Data]:
    """Find out what each file is, the annotation first."""
    found = []
    if annotation is not None:
        path = check_input(annotation)
        found.append(_Data(path, _annotation_kind(path), _tabix_index(path)))
    endings: dict[Kind, tuple[str, ...]] = {"bigwig": BIGWIG, "bedgraph": BEDGRAPH, "bed": BED}
    for path in map(check_input, tracks):
        kind = next((kind for kind, known in endings.items() if path.name.lower().endswith(known)), None)
        if kind is None:
            known = ", ".join(ending for group in endings.values() for ending in group)
            raise BadOption("a browser track is known by its ending, and this is none", where=path, mend=f"use {known}")
        found.append(_Data(path, kind, _tabix_index(path)))
    return found


def _annotation_kind(path: Path) -> Kind:
    """Tell GTF from GFF3 by the attributes of the first row."""
    row = next(iter(read_rows(path)), None)
    if row is None:
        raise MalformedLine("the annotation has no rows", where=path, mend="give GTF or GFF3")
    return "gff3" if re.match(r'\s*[^\s="]+=', row.attributes) else "gtf"


def _tabix_index(path: Path) -> Path | None:
    """Find the index beside a file."""
    return next((index for end in (".tbi", ".csi") if (index := path.with_name(path.name + end)).is_file()), None)


def _indexed(genome: PathLike, folder: Path) -> tuple[_Genome, list[Path]]:
    """Find the genome's index, or write one into ``folder``; give also what was written."""
    path, bgzip = Path(genome), _is_bgzip(genome)
    endings = (".fai", ".gzi") if bgzip else (".fai",)
    indices = [Path(f"{path}{ending}") for ending in endings]
    written = []
    if not all(index.is_file() for index in indices):
        indices = written = [folder / f"{path.name}{ending}" for ending in endings]
        _write_index(path, indices)
    with open(indices[0], encoding="utf-8") as lines:
        columns = [line.rstrip("\n").split("\t") for line in lines]
    lengths = {row[0]: int(row[1]) for row in columns}
    return _Genome(path, indices[0], indices[1] if bgzip else None, lengths), written


def _write_index(genome: Path, indices: list[Path]) -> None:
    """Have samtools index a FASTA."""
    import pysam

    options = ("--fai-idx", "--gzi-idx")
    loud = pysam.set_verbosity(0)
    try:
        if len(indices) == 1:
            with whole_file(indices[0]) as fai:
                pysam.faidx(str(genome), options[0], str(fai))
        else:
            with whole_file(indices[0]) as fai, whole_file(indices[1]) as gzi:
                pysam.faidx(str(genome), options[0], str(fai), options[1], str(gzi))
    except pysam.SamtoolsError as error:
        raise MalformedLine(
            "this FASTA cannot be indexed: within a sequence all lines but the last must be equally long",
            where=genome,
            mend="write it anew, for example with seqkit seq -w 60",
        ) from error
    finally:
        pysam.set_verbosity(loud)


def _locus(text: str | None, genome: _Genome) -> _Locus | None:
    """Read ``CONTIG`` or ``CONTIG:START-END``, 1-based, and cut it at the contig's end."""
    if text is None:
        return None
    if text in genome.lengths:
        return _Locus(text, 0, genome.lengths[text])
    match = re.fullmatch(r"(.+):([\d,]+)-([\d,]+)", text.strip())
    if match is None or match[1] not in genome.lengths:
        mend = f"give CONTIG or CONTIG:START-END with one of its contigs, {some(list(genome.lengths))}"
        raise BadOption(f"there is no locus '{text}' in the genome", where=genome.path, mend=mend)
    length = genome.lengths[match[1]]
    start, end = int(match[2].replace(",", "") or 0), int(match[3].replace(",", "") or 0)
    if not 1 <= start <= min(end, length):
        mend = f"{match[1]} has {length:,} bases, counted from 1"
        raise BadOption(f"there is no locus '{text}' in the genome", where=genome.path, mend=mend)
    return _Locus(match[1], start - 1, min(end, length))


def _igv_genome(genome: _Genome, folder: Path) -> dict[str, object]:
    """Define a genome for IGV by its files."""
    gzi = {} if genome.gzi is None else {"gziIndexURL": _relative(genome.gzi, folder)}
    return {
        "id": genome.name,
        "name": genome.name,
        "fastaURL": _relative(genome.path, folder),
        "indexURL": _relative(genome.fai, folder),
        **gzi,
    }


def _igv_xml(genome: Path, data: Sequence[_Data], locus: _Locus | None, folder: Path) -> bytes:
    """Set a session of IGV's version 8 as XML."""
    place = {} if locus is None else {"locus": str(locus)}
    flags = {"hasGeneTrack": "false", "hasSequenceTrack": "true", **place, "version": "8"}
    session = ET.Element("Session", {"genome": _relative(genome, folder), **flags})
    resources = ET.SubElement(session, "Resources")
    signals = _igv_panel(session, "DataPanel", [one for one in data if one.kind in _TRACKS])
    features = _igv_panel(session, "FeaturePanel", [one for one in data if one.kind not in _TRACKS])
    sequence = {"clazz": "org.broad.igv.track.SequenceTrack", "id": "Reference sequence", "name": "Reference sequence"}
    features.insert(0, ET.Element("Track", {"attributeKey": "Reference sequence", **sequence, "visible": "true"}))
    for one in data:
        path = _relative(one.path, folder)
        ET.SubElement(resources, "Resource", {"path": path, "name": one.path.name, "type": one.kind, "format": one.kind})
        track = ET.SubElement(signals if one.kind in _TRACKS else features, "Track", _igv_track(one, path))
        if one.kind in _SIGNED:
            span = {"baseline": "0.0", "drawBaseline": "true", "flipAxis": "false", "maximum": "1.0", "minimum": "-1.0"}
            ET.SubElement(track, "DataRange", {**span, "type": "LINEAR"})
    ET.indent(session, "    ")
    return f'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n{ET.tostring(session, "unicode")}\n'.encode()


def _igv_panel(session: ET.Element, name: str, data: Sequence[_Data]) -> ET.Element:
    """Add one of IGV's two panels, as high as what it shows."""
    height = 30 + sum(_HEIGHTS[one.kind] for one in data)
    return ET.SubElement(session, "Panel", {"height": str(height), "name": name, "width": str(_WIDTH)})


def _igv_track(data: _Data, path: str) -> dict[str, str]:
    """Give the attributes of a track in IGV's XML; rows of BED keep their own colours only where the track has none."""
    common = {"attributeKey": data.path.name, "fontSize": "10", "height": str(_HEIGHTS[data.kind])}
    common |= {"id": path, "name": data.path.name, "visible": "true"}
    if data.kind not in _SIGNED:
        return {**common, "clazz": "org.broad.igv.track.FeatureTrack", "displayMode": "EXPANDED"}
    look = {"color": POSITIVE, "altColor": NEGATIVE, "autoScale": "true", "renderer": "BAR_CHART"}
    return {**common, "clazz": "org.broad.igv.track.DataSourceTrack", **look, "windowFunction": "mean"}


def _igv_json(genome: _Genome, data: Sequence[_Data], locus: _Locus | None, folder: Path) -> bytes:
    """Set a session of igv.js as JSON."""
    gzi = {} if genome.gzi is None else {"compressedIndexURL": _address(genome.gzi, folder)}
    files = {"fastaURL": _address(genome.path, folder), "indexURL": _address(genome.fai, folder), **gzi}
    tracks = []
    for one in data:
        track = {"name": one.path.name, "url": _address(one.path, folder), "format": one.kind}
        if one.index is not None:
            track["indexURL"] = _address(one.index, folder)
        if one.kind in _SIGNED:
            colours = {"color": f"rgb({POSITIVE})", "altColor": f"rgb({NEGATIVE})"}
            tracks.append({**track, "type": "wig", **colours, "autoscale": True, "height": _HEIGHTS[one.kind]})
        else:
            look = {"displayMode": "EXPANDED", "height": _HEIGHTS[one.kind]}
            tracks.append({**track, "type": "annotation", **look})
    place = {} if locus is None else {"locus": str(locus)}
    return _json({"reference": {"id": genome.name, "name": genome.name, **files}, **place, "tracks": tracks})


def _uri(path: Path, folder: Path) -> dict[str, object]:
    """Give a place as JBrowse writes it."""
    return {"uri": _address(path, folder), "locationType": "UriLocation"}


def _reference_track(assembly: str) -> dict[str, object]:
    """Give the track of the sequence itself, without its files."""
    return {"type": "ReferenceSequenceTrack", "trackId": f"{assembly}-ReferenceSequenceTrack"}


def _jbrowse_assembly(genome: _Genome, folder: Path) -> dict[str, object]:
    """Describe the genome to JBrowse."""
    adapter = {"fastaLocation": _uri(genome.path, folder), "faiLocation": _uri(genome.fai, folder)}
    if genome.gzi is not None:
        adapter["gziLocation"] = _uri(genome.gzi, folder)
    kind = "IndexedFastaAdapter" if genome.gzi is None else "BgzipFastaAdapter"
    return {"name": genome.name, "sequence": {**_reference_track(genome.name), "adapter": {"type": kind, **adapter}}}


_ADAPTERS: dict[Kind, tuple[tuple[str, str], tuple[str, str] | None]] = {
    "bigwig": (("BigWigAdapter", "bigWigLocation"), None),
    "bedgraph": (("BedGraphAdapter", "bedGraphLocation"), ("BedGraphTabixAdapter", "bedGraphGzLocation")),
    "bed": (("BedAdapter", "bedLocation"), ("BedTabixAdapter", "bedGzLocation")),
    "gtf": (("GtfAdapter", "gtfLocation"), None),
    "gff3": (("Gff3Adapter", "gffLocation"), ("Gff3TabixAdapter", "gffGzLocation")),
}
"""JBrowse's adapter for a kind of file, and the one for it with a tabix index, each with the name of its location."""


def _jbrowse_track(data: _Data, track_id: str, assembly: str, folder: Path) -> dict[str, object]:
    """Describe one file to JBrowse."""
    whole, by_index = _ADAPTERS[data.kind]
    kind, location = whole if by_index is None or data.index is None else by_index
    adapter = {"type": kind, location: _uri(data.path, folder)}
    if by_index is not None and data.index is not None:
        form = "CSI" if data.index.suffix == ".csi" else "TBI"
        adapter["index"] = {"location": _uri(data.index, folder), "indexType": form}
    if data.kind == "gtf":
        # Genes of many annotations have no name.
        adapter["aggregateField"] = "gene_id"
    signed = data.kind in _SIGNED
    display: dict[str, object] = {"type": _display(data.kind), "displayId": f"{track_id}-{_display(data.kind)}"}
    display["height"] = _HEIGHTS[data.kind]
    colours = {"posColor": f"rgb({POSITIVE})", "negColor": f"rgb({NEGATIVE})"}
    if signed:
        # JBrowse 4 has the colours in the display, where earlier ones have them in its renderer.
        display |= {"autoscale": "local", **colours, "renderers": {"XYPlotRenderer": {"type": "XYPlotRenderer", **colours}}}
    elif data.kind == "bed":
        colour = "jexl:'rgb('+get(feature,'itemRgb')+')'"
        display |= {"color": colour, "renderer": {"type": "SvgFeatureRenderer", "color1": colour}}
    return {
        "type": "QuantitativeTrack" if signed else "FeatureTrack",
        "trackId": track_id,
        "name": data.path.name,
        "assemblyNames": [assembly],
        "adapter": adapter,
        "displays": [display],
    }


def _display(kind: Kind | None) -> str:
    """Name the display of a kind of track, of the sequence if None."""
    if kind is None:
        return "LinearReferenceSequenceDisplay"
    return "LinearWiggleDisplay" if kind in _SIGNED else "LinearBasicDisplay"


def _with_ids(data: Sequence[_Data]) -> list[tuple[_Data, str]]:
    """Give each file an id of its own: its name, with a number where it is not the first of that name."""
    names = [one.path.name for one in data]
    again = [names[:number].count(name) for number, name in enumerate(names)]
    return [(one, one.path.name if not times else f"{one.path.name}_{times + 1}") for one, times in zip(data, again, strict=True)]


def _jbrowse_session(genome: _Genome, tracks: Sequence[dict[str, object]], locus: _Locus | None) -> dict[str, object]:
    """Lay out a view of all tracks."""
    if locus is None:
        first = next(iter(genome.lengths))
        locus = _Locus(first, 0, genome.lengths[first])
    scale = max(_CLOSEST, (locus.end - locus.start) / _WIDTH)
    region = {"refName": locus.contig, "start": 0, "end": genome.lengths[locus.contig], "reversed": False}
    shown = []
    for number, track in enumerate(tracks, 1):
        displays = track.get("displays")
        display = displays[0]["type"] if displays else "LinearReferenceSequenceDisplay"
        held = {"id": f"display-{number}", "type": display, "configuration": f"{track['trackId']}-{display}"}
        shown.append({"id": f"track-{number}", "type": track["type"], "configuration": track["trackId"], "displays": [held]})
    view = {"id": "view", "type": "LinearGenomeView", "offsetPx": round(locus.start / scale), "bpPerPx": scale}
    view |= {"displayedRegions": [{**region, "assemblyName": genome.name}], "tracks": shown}
    return {"id": "kanseq", "name": "kanseq", "views": [view]}


def _relative(path: Path, folder: Path) -> str:
    """Give the way from a folder to a file, with forward slashes; links to folders are followed on both sides."""
    return Path(os.path.relpath(path.parent.resolve() / path.name, folder.resolve())).as_posix()


def _address(path: Path, folder: Path) -> str:
    """Give the relative address of a file, for a web browser."""
    return quote(_relative(path, folder), safe="/")


def _json(content: dict[str, object]) -> bytes:
    """Set JSON as text."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    """Write a whole file."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
