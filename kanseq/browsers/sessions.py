"""Write sessions that open a genome, its genes and attribution tracks in IGV, igv.js or JBrowse 2.

In: files, which are not moved. Out: a session or configuration that refers to them by relative paths; a FASTA index.
"""

from collections.abc import Sequence
from pathlib import Path

from kanseq.browsers.bed_rows import check_folder
from kanseq.browsers.browser_files import Json, as_json, find_data, find_locus, indexed_genome, is_bgzip, write
from kanseq.browsers.igv import igv_genome, igv_json, igv_xml
from kanseq.browsers.jbrowse import JBROWSE_CONFIG, jbrowse_assembly, jbrowse_session, jbrowse_track
from kanseq.errors import BadOption
from kanseq.io.files import PathLike, disk_errors


def check_browsers(
    genome: PathLike,
    *,
    annotation: PathLike | None = None,
    igv_session: PathLike | None = None,
    jbrowse: PathLike | None = None,
) -> None:
    """Check, before any work is done, that sessions can be written and that browsers can open genome and annotation.

    Raises:
        MissingFile: the genome or the annotation does not exist.
        MalformedLine: the annotation is neither GTF nor GFF3.
        BadOption: the name of the session ends in neither ``.xml`` nor ``.json``, the genome is compressed with plain
            gzip, or IGV could not recognise from its name whether it is compressed.
        NotWritable: the JBrowse folder is a file, or cannot be created or written.
    """
    bgzip = is_bgzip(genome)
    if igv_session is not None:
        name = Path(igv_session).name.lower()
        if not name.endswith((".xml", ".json")):
            hint = "IGV opens .xml; igv.js and IGV-Web also open .json"
            raise BadOption("the name of an IGV session must end in .xml or .json", where=igv_session, hint=hint)
        if name.endswith(".xml") and bgzip != str(genome).endswith(".gz"):
            what, hint = (
                ("compressed", "rename it to end in .gz") if bgzip else ("plain", "rename it not to end in .gz")
            )
            raise BadOption(
                f"this FASTA is {what}, which IGV would not recognise from its name", where=genome, hint=hint
            )
    check_folder(jbrowse)
    find_data(annotation, ())


def write_igv_session(
    path: PathLike,
    *,
    genome: PathLike,
    annotation: PathLike | None,
    tracks: Sequence[PathLike],
    locus: str | None = None,
) -> list[Path]:
    """Write an IGV session: ``.xml`` for the desktop program (igv.js reads it too), or ``.json`` for igv.js only.

    All files must exist. Paths in an ``.xml`` session are relative to it and not encoded. Addresses in a ``.json``
    session are percent-encoded and relative to the web page that loads it, which should be in the same folder. An
    ``.xml`` session cannot name indices, so igv.js reads the entire FASTA, which must be uncompressed, and entire BED
    tracks.

    If there is no index next to the genome, one is written next to the session: ``GENOME.fai`` (and ``GENOME.gzi`` for
    bgzip). An ``.xml`` session then refers to a genome definition next to it, ``GENOME.json``, which IGV can read but
    igv.js cannot.

    Args:
        path: path of the session.
        genome: FASTA, plain or bgzip.
        annotation: GTF or GFF3.
        tracks: BED, bedGraph and bigWig, recognised by their extensions.
        locus: ``CONTIG`` or ``CONTIG:START-END``, 1-based; the entire genome if None.

    Returns:
        The files written, the session first.

    Raises:
        MissingFile: a file does not exist.
        BadOption: as for :func:`check_browsers`, or a track's name has an unknown extension, or the locus is not in the
            genome.
        MalformedLine: the genome cannot be indexed, its index is invalid, or the annotation is neither GTF nor GFF3.
        NotWritable: the folder cannot be written.
    """
    path = Path(path)
    check_browsers(genome, igv_session=path)
    data = find_data(annotation, tracks)
    indexed, written = indexed_genome(genome, path.parent)
    place = find_locus(locus, indexed)
    if path.name.lower().endswith(".json"):
        write(path, as_json(igv_json(indexed, data, place, path.parent)))
        return [path, *written]
    known = indexed.path
    if indexed.fai.resolve() != Path(f"{known}.fai").resolve():
        known = path.with_name(f"{known.name}.json")
        write(known, as_json(igv_genome(indexed, path.parent)))
        written.append(known)
    write(path, igv_xml(known, data, place, path.parent))
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

    All files must exist; addresses are relative to the folder, and percent-encoded. If there is no index next to the
    genome, one is written into the folder. To view the tracks, serve the data together with JBrowse from a web server,
    and open ``JBROWSE/?config=FOLDER/config.json``.

    Args:
        folder: output folder, created if it is missing.
        genome, annotation, tracks, locus: as in :func:`write_igv_session`; without a locus the first contig is shown.

    Returns:
        The files written, the configuration first.

    Raises:
        MissingFile, BadOption, MalformedLine, NotWritable: as for :func:`write_igv_session`.
    """
    folder = Path(folder)
    check_browsers(genome, jbrowse=folder)
    data = find_data(annotation, tracks)
    with disk_errors(folder):
        folder.mkdir(exist_ok=True)
    indexed, written = indexed_genome(genome, folder)
    names = [one.path.name for one in data]
    repeats = [names[:number].count(name) for number, name in enumerate(names)]
    ids = [f"{name}_{count + 1}" if count else name for name, count in zip(names, repeats, strict=True)]
    config: Json = {
        "assemblies": [jbrowse_assembly(indexed, folder)],
        "tracks": [jbrowse_track(one, own, indexed.name, folder) for one, own in zip(data, ids, strict=True)],
        "defaultSession": jbrowse_session(indexed, data, ids, find_locus(locus, indexed)),
    }
    write(folder / JBROWSE_CONFIG, as_json(config))
    return [folder / JBROWSE_CONFIG, *written]
