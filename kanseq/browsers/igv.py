"""Build sessions for the IGV desktop program and igv.js.

In: a genome and files to show. Out: the content of a session file, with paths relative to its folder.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from kanseq.browsers.bed_rows import NEGATIVE, POSITIVE
from kanseq.browsers.browser_files import ENDINGS, HEIGHTS, SIGNED, WIDTH, Data, Genome, Json, Locus, address, relative


def igv_genome(genome: Genome, folder: Path) -> Json:
    """Return an IGV genome definition (JSON), with paths relative to ``folder``."""
    files: Json = {"fastaURL": relative(genome.path, folder), "indexURL": relative(genome.fai, folder)}
    if genome.gzi is not None:
        files["gziIndexURL"] = relative(genome.gzi, folder)
    return {"id": genome.name, "name": genome.name, **files}


def igv_xml(genome: Path, data: Sequence[Data], locus: Locus | None, folder: Path) -> bytes:
    """Return an IGV session (version 8, XML): tracks in the upper panel, sequence and genes in the lower panel."""
    session = ET.Element("Session", {"genome": relative(genome, folder), "hasGeneTrack": "false"})
    session.attrib |= {"hasSequenceTrack": "true", **({} if locus is None else {"locus": str(locus)}), "version": "8"}
    resources = ET.SubElement(session, "Resources")
    for one in data:
        path = relative(one.path, folder)
        ET.SubElement(
            resources, "Resource", {"path": path, "name": one.path.name, "type": one.kind, "format": one.kind}
        )
    for panel, shown in (
        ("DataPanel", [one for one in data if one.kind in ENDINGS]),
        ("FeaturePanel", [one for one in data if one.kind not in ENDINGS]),
    ):
        height = 30 + sum(HEIGHTS[one.kind] for one in shown)
        held = ET.SubElement(session, "Panel", {"height": str(height), "name": panel, "width": str(WIDTH)})
        if panel == "FeaturePanel":
            name = "Reference sequence"
            ET.SubElement(held, "Track", {"clazz": "org.broad.igv.track.SequenceTrack", "id": name, "name": name})
        for one in shown:
            _add_igv_track(held, one, relative(one.path, folder))
    ET.indent(session, "    ")
    return f'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n{ET.tostring(session, "unicode")}\n'.encode()


def _add_igv_track(panel: ET.Element, data: Data, path: str) -> None:
    """Add a track to a panel. Feature tracks get no colour, because it would override the colours of BED rows."""
    track = ET.SubElement(panel, "Track", {"id": path, "name": data.path.name, "height": str(HEIGHTS[data.kind])})
    if data.kind not in SIGNED:
        track.attrib |= {"clazz": "org.broad.igv.track.FeatureTrack", "displayMode": "EXPANDED", "visible": "true"}
        return
    track.attrib |= {"clazz": "org.broad.igv.track.DataSourceTrack", "color": POSITIVE, "altColor": NEGATIVE}
    track.attrib |= {"autoScale": "true", "renderer": "BAR_CHART", "visible": "true", "windowFunction": "mean"}
    span = {"minimum": "-1.0", "baseline": "0.0", "maximum": "1.0"}
    ET.SubElement(track, "DataRange", {**span, "drawBaseline": "true", "flipAxis": "false", "type": "LINEAR"})


def igv_json(genome: Genome, data: Sequence[Data], locus: Locus | None, folder: Path) -> Json:
    """Return an igv.js session (JSON), with addresses relative to ``folder``."""
    files: Json = {"fastaURL": address(genome.path, folder), "indexURL": address(genome.fai, folder)}
    if genome.gzi is not None:
        files["compressedIndexURL"] = address(genome.gzi, folder)
    tracks = []
    for one in data:
        track: Json = {"name": one.path.name, "url": address(one.path, folder), "format": one.kind}
        if one.index is not None:
            track["indexURL"] = address(one.index, folder)
        if one.kind in SIGNED:
            track |= {"type": "wig", "color": f"rgb({POSITIVE})", "altColor": f"rgb({NEGATIVE})", "autoscale": True}
        else:
            track |= {"type": "annotation", "displayMode": "EXPANDED"}
        tracks.append({**track, "height": HEIGHTS[one.kind]})
    place: Json = {} if locus is None else {"locus": str(locus)}
    return {"reference": {"id": genome.name, "name": genome.name, **files}, **place, "tracks": tracks}
