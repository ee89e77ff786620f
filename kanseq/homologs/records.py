"""Record how a table of homologs was made, because search programs differ between machines.

In: the tool, its thresholds, and the kind of sequences. Out: a JSON file next to the table, such as
``homologs.tsv.json``, with the checksum of the table.
"""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kanseq.errors import BadTable, TruncatedFile
from kanseq.io.files import PathLike, fingerprint, open_text, write_json

logger = logging.getLogger(__name__)

FORMAT = 1
"""Newest version of the record's format; older versions can also be read."""

KIND = "homology"
"""Value of ``kind`` in a record."""

_TOOLS = {
    "diamond": "DIAMOND",
    "mmseqs": "MMseqs2",
    "blast": "BLAST",
    "sketch": "the built-in sketch",
    "hits": "a table of hits",
    "groups": "a list of groups",
}

_COMPARED = {"proteins": "proteins", "transcripts": "transcripts", "genome": "coding sequences"}
"""Maps input options of ``kanseq homology`` to the kind of sequences that are compared."""


@dataclass(frozen=True)
class HomologyRecord:
    """How homologs were found.

    Attributes:
        tool: ``diamond``, ``mmseqs``, ``blast``, ``sketch``, ``hits`` (a table) or ``groups`` (a list).
        version: version of the program; None for other sources.
        thresholds: ``evalue``, ``bits``, ``coverage`` (percent of the query); empty for a list of groups.
        compared: ``proteins``, ``transcripts``, ``coding sequences``, ``hits`` or ``groups``; several if sources were
            mixed.
        options: further options that affect the result, such as ``codon_table``.
        inputs: name, size and SHA-256 of the files that were read.
    """

    tool: str
    version: str | None
    thresholds: Mapping[str, float]
    compared: Sequence[str]
    options: Mapping[str, object] = field(default_factory=dict)
    inputs: Sequence[Mapping[str, object]] = ()

    def summary(self) -> str:
        """Return tool, version, kind of sequences and thresholds in one line.

        >>> HomologyRecord("diamond", "2.1.8", {"evalue": 1e-3, "bits": 50.0, "coverage": 50.0}, ["proteins"]).summary()
        'DIAMOND 2.1.8 of proteins, e-value ≤ 0.001, bit score ≥ 50, coverage ≥ 50 %'
        """
        named = " ".join(filter(None, (_TOOLS.get(self.tool, self.tool), self.version)))
        searched = self.tool not in ("hits", "groups")
        parts = [f"{named} of {' and '.join(self.compared)}" if searched else named]
        formats = {"evalue": "e-value ≤ {:g}", "bits": "bit score ≥ {:g}", "coverage": "coverage ≥ {:g} %"}
        parts += [text.format(self.thresholds[name]) for name, text in formats.items() if name in self.thresholds]
        return ", ".join(parts)


def what_was_compared(sources: Sequence[str], *, hits: object, groups: object) -> list[str]:
    """Return what was compared (see :class:`HomologyRecord`), from the input options of ``kanseq homology``.

    >>> what_was_compared(["genome", "annotation"], hits=None, groups=None)
    ['coding sequences']
    """
    if groups is not None or hits is not None:
        return ["hits" if groups is None else "groups"]
    return [compared for name, compared in _COMPARED.items() if name in sources]


def record_path(table: PathLike) -> Path:
    """Return the path of a table's record: the full name of the table followed by ``.json``.

    >>> [record_path(name).name for name in ("homologs.tsv", "ath.groups", "ath.tsv.gz")]
    ['homologs.tsv.json', 'ath.groups.json', 'ath.tsv.gz.json']
    """
    path = Path(table)
    return path.with_name(f"{path.name}.json")


def check_record(table: PathLike) -> Path:
    """Return the path to which the record of a table can be written; an existing record may be overwritten.

    Raises:
        BadTable: a file that is not a record already has this path.
    """
    path = record_path(table)
    if path.exists() and _content(path) is None:
        what = "the record of the homologs is written here, but this file is not a record"
        raise BadTable(what, where=path, hint="move it, or use another name for the table")
    return path


def write_record(table: PathLike, record: HomologyRecord) -> Path:
    """Write the record of an existing table, with the SHA-256 of the table; return the path of the record.

    Raises:
        NotWritable: the folder is not writable.
    """
    path = record_path(table)
    write_json(path, {"format": FORMAT, "kind": KIND, "table": fingerprint(table), **asdict(record)})
    return path


def read_record(table: PathLike) -> tuple[HomologyRecord, bool] | None:
    """Return the record of a table, and whether the table is unchanged since then; None if there is no record.

    A file that has the name of a record, but is not a record, is ignored.

    Raises:
        BadTable: the record is damaged, or newer than this version of kanseq.
    """
    path = record_path(table)
    if str(table) == "-" or not path.is_file():
        return None
    content = _content(path)
    if content is None:
        return None
    version = content.get("format")
    if type(version) is int and version > FORMAT:
        raise BadTable(f"its format {version} is newer than this kanseq", where=path, hint="update kanseq")
    fields = {name: content.get(name) for name in HomologyRecord.__dataclass_fields__}
    made_of = content.get("table")
    if type(version) is not int or not _is_whole(fields) or not isinstance(made_of, dict):
        hint = "make it again with kanseq homology, or delete it"
        raise BadTable("this record of a table of homologs is incomplete", where=path, hint=hint)
    return HomologyRecord(**fields), made_of.get("sha256") == fingerprint(table)["sha256"]  # type: ignore[arg-type]


def describe_homology(table: object) -> dict[str, object] | None:
    """Log how a file of homologs was made, and return this description for the results of ``split`` and ``leaks``.

    Args:
        table: a path; tables in memory and None have no record.

    Returns:
        ``summary``, the fields of :class:`HomologyRecord` except ``inputs``, and ``of_this_table``, which is False if
        the table has changed since; None if there is no record.

    Raises:
        BadTable: the record is damaged.
    """
    if not isinstance(table, (str, os.PathLike)):
        return None
    found = read_record(table)
    if found is None:
        logger.info("homologs: %s; no record of how it was made", table)
        return None
    record, is_same = found
    logger.info("homologs: %s", record.summary())
    if not is_same:
        logger.warning("%s is the record of another table: %s has changed since", record_path(table), table)
    fields = {name: value for name, value in asdict(record).items() if name != "inputs"}
    return {"summary": record.summary(), **fields, "of_this_table": is_same}


def _content(path: Path) -> dict[str, object] | None:
    """Return the content of a file if it is a record, otherwise None."""
    try:
        with open_text(path) as handle:
            content = json.load(handle)
    except (ValueError, RecursionError, TruncatedFile):
        return None
    return content if isinstance(content, dict) and content.get("kind") == KIND else None


def _is_whole(fields: Mapping[str, object]) -> bool:
    """Return whether the fields of a :class:`HomologyRecord` have the declared types."""
    thresholds, compared, inputs = (fields[name] for name in ("thresholds", "compared", "inputs"))
    return (
        isinstance(fields["tool"], str)
        and (fields["version"] is None or isinstance(fields["version"], str))
        and isinstance(thresholds, dict)
        and all(type(value) in (int, float) for value in thresholds.values())
        and isinstance(compared, list)
        and all(isinstance(one, str) for one in compared)
        and isinstance(fields["options"], dict)
        and isinstance(inputs, list)
        and all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in inputs)
    )
