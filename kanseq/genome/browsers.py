"""Sessions that open a genome, its genes and attribution tracks in IGV, igv.js or JBrowse 2.

In: files that stay where they are. Out: a session or configuration with relative paths to them, and the genome's index.
"""

import json
import os
import re
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
Json: TypeAlias = dict[str, object]

JBROWSE_CONFIG = "config.json"
"""Name of JBrowse's configuration inside its folder."""

_ENDINGS: dict[Kind, tuple[str, ...]] = {"bigwig": BIGWIG, "bedgraph": BEDGRAPH, "bed": BED}
_SIGNED: tuple[Kind, ...] = ("bigwig", "bedgraph")

_HEIGHTS: dict[Kind, int] = {"bigwig": 90, "bedgraph": 90, "bed": 120, "gtf": 110, "gff3": 110}
_WIDTH = 1200
"""Pixels. JBrowse's view is laid out for this width, as it stores a scale and an offset rather than a locus."""

_CLOSEST = 0.02
"""Bases per pixel beyond which JBrowse does not zoom in."""

_FASTA_ENDING = re.compile(r"(\.(fa|fasta|fna|fas|ffn))?(\.b?gz)?$", re.IGNORECASE)


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
        return _FASTA_ENDING.sub("", self.path.name)


class _Locus(NamedTuple):
    """A stretch of a contig, 0-based half-open; its text is 1-based, as browsers have it."""

    contig: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.contig}:{self.start + 1}-{self.end}"


def check_browsers(genome: PathLike, *, igv_session: PathLike | None = None, jbrowse: PathLike | None = None) -> None:
    """Make sure, before any work is done, that sessions can be written, and that browsers can open the genome.

    Raises:
        MissingFile: there is no such genome.
        BadOption: the session's name ends in neither ``.xml`` nor ``.json``, the genome is compressed by plain gzip,
            or it is compressed by bgzip and IGV could not know that by its name.
        NotWritable: the JBrowse folder is a file, or cannot be made or written.
    """
    bgzip = _is_bgzip(genome)
    if igv_session is not None:
        name = Path(igv_session).name.lower()
        if not name.endswith((".xml", ".json")):
            mend = "IGV opens .xml, igv.js and IGV-Web open .json too"
            raise BadOption("the name of an IGV session must end in .xml or .json", where=igv_session, mend=mend)
        if name.endswith(".xml") and bgzip != str(genome).endswith(".gz"):
            what, mend = (
                ("compressed", "rename it to end in .gz") if bgzip else ("plain", "rename it not to end in .gz")
            )
            raise BadOption(f"this FASTA is {what}, and IGV would not know that by its name", where=genome, mend=mend)
    check_folder(jbrowse)


def write_igv_session(
    path: PathLike,
    *,
    genome: PathLike,
    annotation: PathLike | None,
    tracks: Sequence[PathLike],
    locus: str | None = None,
) -> list[Path]:
    """Write a session of IGV: ``.xml`` for the desktop program (igv.js reads it too), or ``.json`` for igv.js alone.

    All files must be there already. Paths in an ``.xml`` are relative to it, and stand as they are; addresses in a
    ``.json`` are percent-encoded, and relative to the web page that loads it, which should lie beside it. An ``.xml``
    can name no index: from it igv.js reads the FASTA, which must be plain, and BED tracks as a whole.

    A genome without an index beside it gets one beside the session, ``GENOME.fai`` (and ``GENOME.gzi`` for bgzip); an
    ``.xml`` then names ``GENOME.json``, a genome definition beside it, which IGV reads and igv.js does not.

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
        MalformedLine: the genome cannot be indexed, its index is none, or the annotation is neither GTF nor GFF3.
        NotWritable: the folder cannot be written.
    """
    path = Path(path)
    check_browsers(genome, igv_session=path)
    data = _data(annotation, tracks)
    indexed, written = _indexed(genome, path.parent)
    place = _locus(locus, indexed)
    if path.name.lower().endswith(".json"):
        _write(path, _json(_igv_json(indexed, data, place, path.parent)))
        return [path, *written]
    known = indexed.path
    if indexed.fai.resolve() != Path(f"{known}.fai").resolve():
        known = path.with_name(f"{known.name}.json")
        _write(known, _json(_igv_genome(indexed, path.parent)))
        written.append(known)
    _write(path, _igv_xml(known, data, place, path.parent))
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
    index beside it gets one in the folder. To see it, let a web server offer the data together with JBrowse, and open
    ``JBROWSE/?config=FOLDER/config.json``.

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
    names = [one.path.name for one in data]
    repeats = [names[:number].count(name) for number, name in enumerate(names)]
    ids = [f"{name}_{count + 1}" if count else name for name, count in zip(names, repeats, strict=True)]
    config: Json = {
        "assemblies": [_jbrowse_assembly(indexed, folder)],
        "tracks": [_jbrowse_track(one, own, indexed.name, folder) for one, own in zip(data, ids, strict=True)],
        "defaultSession": _jbrowse_session(indexed, data, ids, _locus(locus, indexed)),
    }
    _write(folder / JBROWSE_CONFIG, _json(config))
    return [folder / JBROWSE_CONFIG, *written]


def _is_bgzip(genome: PathLike) -> bool:
    """Tell a plain FASTA from one compressed by bgzip, by its first bytes; refuse one compressed by gzip."""
    with open(check_input(genome), "rb") as handle:
        start = handle.read(16)
    if start[:2] != b"\x1f\x8b":
        return False
    if start[2:4] == b"\x08\x04" and start[12:16] == b"BC\x02\x00":
        return True
    better = f"{_FASTA_ENDING.sub('', str(genome))}.bgzip.fa.gz"
    raise BadOption(
        "no browser can open a FASTA that is compressed by plain gzip",
        where=genome,
        mend=f"compress it in blocks: gunzip -c '{genome}' | bgzip > '{better}'",
    )


def _data(annotation: PathLike | None, tracks: Sequence[PathLike]) -> list[_Data]:
    """Find out what each file is, the annotation first."""
    found = []
    if annotation is not None:
        path = check_input(annotation)
        row = next(read_rows(path), None)
        if row is None:
            raise MalformedLine("the annotation has no rows", where=path, mend="give GTF or GFF3")
        found.append(_Data(path, "gff3" if re.match(r'\s*[^\s="]+=', row.attributes) else "gtf", _tabix_index(path)))
    for path in map(check_input, tracks):
        kind = next((kind for kind, known in _ENDINGS.items() if path.name.lower().endswith(known)), None)
        if kind is None:
            known = ", ".join(ending for group in _ENDINGS.values() for ending in group)
            raise BadOption("this is no name of a browser track", where=path, mend=f"it must end in {known}")
        found.append(_Data(path, kind, _tabix_index(path)))
    return found


def _tabix_index(path: Path) -> Path | None:
    """Find the index beside a file."""
    return next((index for end in (".tbi", ".csi") if (index := path.with_name(path.name + end)).is_file()), None)


def _indexed(genome: PathLike, folder: Path) -> tuple[_Genome, list[Path]]:
    """Find the genome's index, or write one into ``folder``; give also what was written."""
    path, bgzip = Path(genome), _is_bgzip(genome)
    endings = (".fai", ".gzi") if bgzip else (".fai",)
    indices, written = [Path(f"{path}{ending}") for ending in endings], list[Path]()
    if not all(index.is_file() for index in indices):
        indices = [folder / f"{path.name}{ending}" for ending in endings]
        _write_index(path, *indices)
        written += indices
    lengths = {}
    for number, line in enumerate(indices[0].read_text(encoding="utf-8").splitlines(), 1):
        name, _, rest = line.partition("\t")
        if not re.match(r"[1-9]\d*\t\d+\t\d+\t\d+", rest):
            mend = "remove it, then a new one is made"
            raise MalformedLine("this is no index of a FASTA file", where=f"{indices[0]}:{number}", mend=mend)
        lengths[name] = int(rest.partition("\t")[0])
    if not lengths:
        raise MalformedLine("the file holds no sequence", where=path, mend="give a FASTA file")
    return _Genome(path, indices[0], indices[1] if bgzip else None, lengths), written


def _write_index(genome: Path, fai: Path, gzi: Path | None = None) -> None:
    """Have samtools index a FASTA file."""
    import pysam

    loud = pysam.set_verbosity(0)
    try:
        if gzi is None:
            with whole_file(fai) as first:
                pysam.faidx(str(genome), "--fai-idx", str(first))
        else:
            with whole_file(fai) as first, whole_file(gzi) as second:
                pysam.faidx(str(genome), "--fai-idx", str(first), "--gzi-idx", str(second))
    except pysam.SamtoolsError as error:
        what = "this FASTA cannot be indexed; all lines of a sequence but the last must be equally long"
        raise MalformedLine(what, where=genome, mend="fold it anew, for example with seqkit seq -w 60") from error
    finally:
        pysam.set_verbosity(loud)


def _locus(text: str | None, genome: _Genome) -> _Locus | None:
    """Read ``CONTIG`` or ``CONTIG:START-END``, 1-based, and cut it at the contig's end."""
    if text is None:
        return None
    if text in genome.lengths:
        return _Locus(text, 0, genome.lengths[text])
    what = f"there is no locus '{text}' in the genome"
    match = re.fullmatch(r"(.+):(\d[\d,]*)-(\d[\d,]*)", text)
    if match is None or match[1] not in genome.lengths:
        mend = f"give CONTIG or CONTIG:START-END, with a contig of {some(list(genome.lengths))}"
        raise BadOption(what, where=genome.path, mend=mend)
    start, end = (int(number.replace(",", "")) for number in match.groups()[1:])
    length = genome.lengths[match[1]]
    if not 1 <= start <= min(end, length):
        raise BadOption(what, where=genome.path, mend=f"{match[1]} has {length:,} bases, counted from 1")
    return _Locus(match[1], start - 1, min(end, length))


def _igv_genome(genome: _Genome, folder: Path) -> Json:
    """Define a genome for IGV by its files."""
    files: Json = {"fastaURL": _relative(genome.path, folder), "indexURL": _relative(genome.fai, folder)}
    if genome.gzi is not None:
        files["gziIndexURL"] = _relative(genome.gzi, folder)
    return {"id": genome.name, "name": genome.name, **files}


def _igv_xml(genome: Path, data: Sequence[_Data], locus: _Locus | None, folder: Path) -> bytes:
    """Set a session of IGV's version 8 as XML: tracks in the upper panel, the sequence and genes in the lower one."""
    session = ET.Element("Session", {"genome": _relative(genome, folder), "hasGeneTrack": "false"})
    session.attrib |= {"hasSequenceTrack": "true", **({} if locus is None else {"locus": str(locus)}), "version": "8"}
    resources = ET.SubElement(session, "Resources")
    for one in data:
        path = _relative(one.path, folder)
        ET.SubElement(
            resources, "Resource", {"path": path, "name": one.path.name, "type": one.kind, "format": one.kind}
        )
    for panel, shown in (
        ("DataPanel", [one for one in data if one.kind in _ENDINGS]),
        ("FeaturePanel", [one for one in data if one.kind not in _ENDINGS]),
    ):
        height = 30 + sum(_HEIGHTS[one.kind] for one in shown)
        held = ET.SubElement(session, "Panel", {"height": str(height), "name": panel, "width": str(_WIDTH)})
        if panel == "FeaturePanel":
            name = "Reference sequence"
            ET.SubElement(held, "Track", {"clazz": "org.broad.igv.track.SequenceTrack", "id": name, "name": name})
        for one in shown:
            _add_igv_track(held, one, _relative(one.path, folder))
    ET.indent(session, "    ")
    return f'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n{ET.tostring(session, "unicode")}\n'.encode()


def _add_igv_track(panel: ET.Element, data: _Data, path: str) -> None:
    """Add a track to one of IGV's panels; features have no colour here, which would hide the one of each BED row."""
    track = ET.SubElement(panel, "Track", {"id": path, "name": data.path.name, "height": str(_HEIGHTS[data.kind])})
    if data.kind not in _SIGNED:
        track.attrib |= {"clazz": "org.broad.igv.track.FeatureTrack", "displayMode": "EXPANDED", "visible": "true"}
        return
    track.attrib |= {"clazz": "org.broad.igv.track.DataSourceTrack", "color": POSITIVE, "altColor": NEGATIVE}
    track.attrib |= {"autoScale": "true", "renderer": "BAR_CHART", "visible": "true", "windowFunction": "mean"}
    span = {"minimum": "-1.0", "baseline": "0.0", "maximum": "1.0"}
    ET.SubElement(track, "DataRange", {**span, "drawBaseline": "true", "flipAxis": "false", "type": "LINEAR"})


def _igv_json(genome: _Genome, data: Sequence[_Data], locus: _Locus | None, folder: Path) -> Json:
    """Describe a session to igv.js."""
    files: Json = {"fastaURL": _address(genome.path, folder), "indexURL": _address(genome.fai, folder)}
    if genome.gzi is not None:
        files["compressedIndexURL"] = _address(genome.gzi, folder)
    tracks = []
    for one in data:
        track: Json = {"name": one.path.name, "url": _address(one.path, folder), "format": one.kind}
        if one.index is not None:
            track["indexURL"] = _address(one.index, folder)
        if one.kind in _SIGNED:
            track |= {"type": "wig", "color": f"rgb({POSITIVE})", "altColor": f"rgb({NEGATIVE})", "autoscale": True}
        else:
            track |= {"type": "annotation", "displayMode": "EXPANDED"}
        tracks.append({**track, "height": _HEIGHTS[one.kind]})
    place: Json = {} if locus is None else {"locus": str(locus)}
    return {"reference": {"id": genome.name, "name": genome.name, **files}, **place, "tracks": tracks}


_BED_COLUMNS = ["chrom", "chromStart", "chromEnd", "name", "score", "strand", "thickStart", "thickEnd", "itemRgb"]

_ADAPTERS: dict[Kind, tuple[str, str, Json]] = {
    "bigwig": ("BigWigAdapter", "bigWigLocation", {}),
    # JBrowse's own adapters for bedGraph drop the sign, up to version 4 at least.
    "bedgraph": ("BedAdapter", "bedLocation", {"columnNames": [*_BED_COLUMNS[:3], "score"], "scoreColumn": "score"}),
    "bed": ("BedAdapter", "bedLocation", {"columnNames": _BED_COLUMNS}),
    # Genes of many annotations have no name, by which JBrowse would put transcripts together.
    "gtf": ("GtfAdapter", "gtfLocation", {"aggregateField": "gene_id"}),
    "gff3": ("Gff3Adapter", "gffLocation", {}),
}
"""JBrowse's adapter for each kind of file, the name that it has for the file's place, and how it reads it."""

_TABIX_ADAPTERS = {
    "BedAdapter": ("BedTabixAdapter", "bedGzLocation"),
    "Gff3Adapter": ("Gff3TabixAdapter", "gffGzLocation"),
}
"""What takes an adapter's place where there is an index, and the name of the file's place in it."""


def _jbrowse_assembly(genome: _Genome, folder: Path) -> Json:
    """Describe the genome to JBrowse."""
    adapter: Json = {"type": "IndexedFastaAdapter" if genome.gzi is None else "BgzipFastaAdapter"}
    adapter |= {"fastaLocation": _uri(genome.path, folder), "faiLocation": _uri(genome.fai, folder)}
    if genome.gzi is not None:
        adapter["gziLocation"] = _uri(genome.gzi, folder)
    track_id = f"{genome.name}-ReferenceSequenceTrack"
    sequence = {"type": "ReferenceSequenceTrack", "trackId": track_id, "adapter": adapter}
    return {"name": genome.name, "sequence": sequence}


def _jbrowse_track(data: _Data, track_id: str, assembly: str, folder: Path) -> Json:
    """Describe one file to JBrowse, and how it looks."""
    adapter, place, reads = _ADAPTERS[data.kind]
    index: Json = {}
    if data.index is not None and adapter in _TABIX_ADAPTERS:
        adapter, place = _TABIX_ADAPTERS[adapter]
        form = "CSI" if data.index.suffix == ".csi" else "TBI"
        index = {"index": {"indexType": form, "location": _uri(data.index, folder)}}
    track, kind = _jbrowse_types(data.kind)
    display: Json = {"type": kind, "displayId": f"{track_id}-{kind}", "height": _HEIGHTS[data.kind]}
    # Since version 4 a display holds itself what one of its renderers held before.
    if data.kind in _SIGNED:
        look: Json = {"posColor": f"rgb({POSITIVE})", "negColor": f"rgb({NEGATIVE})"}
        renderer = {"type": "XYPlotRenderer", **look}
        display |= {"autoscale": "local", **look, "renderers": {"XYPlotRenderer": renderer}}
    elif data.kind == "bed":
        # Version 3.1 and older take these rows for bedMethyl, with its names of columns.
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
    """Name JBrowse's kind of track, and of its display."""
    return ("QuantitativeTrack", "LinearWiggleDisplay") if kind in _SIGNED else ("FeatureTrack", "LinearBasicDisplay")


def _jbrowse_session(genome: _Genome, data: Sequence[_Data], ids: Sequence[str], locus: _Locus | None) -> Json:
    """Lay out JBrowse's view of the sequence and all tracks."""
    first = next(iter(genome.lengths))
    locus = locus or _Locus(first, 0, genome.lengths[first])
    scale = max(_CLOSEST, (locus.end - locus.start) / _WIDTH)
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


def _relative(path: Path, folder: Path) -> str:
    """Give the way from a folder to a file, with forward slashes; links to folders are followed on both sides."""
    return Path(os.path.relpath(path.parent.resolve() / path.name, folder.resolve())).as_posix()


def _address(path: Path, folder: Path) -> str:
    """Give the relative address of a file, for a web browser."""
    return quote(_relative(path, folder), safe="/")


def _uri(path: Path, folder: Path) -> Json:
    """Give a file's place as JBrowse has it."""
    return {"uri": _address(path, folder), "locationType": "UriLocation"}


def _json(content: Json) -> bytes:
    """Set JSON as text."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    """Write a whole file."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
