"""Read files of homologs: groups and pairs of genes, and lists of groups. In: paths. Out: tables of genes."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from kanseq.errors import BadTable
from kanseq.io.files import PathLike, open_text
from kanseq.io.tables.dialect import check_rows, read_cells, read_table
from kanseq.io.tables.gene_tables import HOMOLOG_PAIRS, HOMOLOGS
from kanseq.sequences.gene_lists import HEADERS

GROUP_COLUMNS, PAIR_COLUMNS = HOMOLOGS.required, HOMOLOG_PAIRS.required


_ORTHOGROUP = re.compile(r"(?:Orthogroup|HOG)\t|OG\d+: ")
"""Matches the begin of a table of OrthoFinder."""


class Homologs(NamedTuple):
    """Homologous genes as pairs or as groups; one of the two tables is None.

    Attributes:
        pairs: ``species, id, species_2, id_2`` strings, ``evalue, bits, coverage, identity`` float64 (the last two in
            percent); each pair once.
        groups: ``species, id, group`` strings; genes of one group are homologous.
    """

    pairs: pd.DataFrame | None
    groups: pd.DataFrame | None


def read_homologs(path: PathLike | pd.DataFrame) -> Homologs:
    """Read a table that :func:`kanseq.homology` wrote or returned: groups or pairs, distinguished by their columns.

    Raises:
        MissingFile, TruncatedFile: the file cannot be read.
        BadTable: the table has neither groups nor pairs, a gene is in two groups, or a value is not a number.
    """
    in_memory = isinstance(path, pd.DataFrame)
    columns = list(path.columns) if isinstance(path, pd.DataFrame) else _first_line(path).split("\t")
    if "species_2" in columns:
        return Homologs(read_table(path, HOMOLOG_PAIRS), None)
    if "group" in columns:
        groups = read_cells(path, HOMOLOGS)[list(GROUP_COLUMNS)]
        check_rows(groups["group"] == "", groups["id"], "in no group", path)
        check_rows(groups.duplicated(["species", "id"]), groups["id"], "listed twice in the table", path)
        return Homologs(None, groups)
    raise BadTable(
        "this is not a table of homologs: it has neither a column 'group' nor 'species_2'",
        where=None if in_memory else path,  # type: ignore[arg-type]
        hint="make one with kanseq homology",
    )


def read_groups(path: PathLike) -> pd.DataFrame:
    """Read a list of groups; return columns ``species, id, group``, strings; species is None if unknown.

    The list is ``homologs.tsv`` of ``kanseq homology``; ``Orthogroups.tsv``, ``Orthogroups.txt`` or ``N0.tsv`` of
    OrthoFinder; or lines ``id group``, separated by tabs, commas or spaces; or
    JSON, that is ``{"GROUP": ["ID", …]}``, ``{"ID": "GROUP"}`` or ``[["ID", "ID"], …]``. Lines that begin with ``#``
    and a first line that begins with ``id``, ``gene`` or ``gene_id`` are skipped.

    Raises:
        BadTable: the list names no gene, or has a gene in two groups; the message names the gene.
    """
    first = _first_line(path)
    if "\t" in first and set(GROUP_COLUMNS) <= set(first.split("\t")):
        table = read_homologs(path).groups
        assert table is not None
        return table
    with open_text(path) as handle:
        text = handle.read()
    listed = list(_json_groups(text, path) if text.lstrip()[:1] in ("[", "{") else _text_groups(text, path))
    if not listed:
        raise BadTable("this list names no gene", where=path)
    group_of: dict[str, str] = {}
    for name, group, where in listed:
        if group_of.setdefault(name, group) != group:
            raise BadTable(
                f"'{name}' is in group '{group}' here and in '{group_of[name]}' above",
                where=where,
                hint="a gene must be in one group; merge the two",
            )
    return pd.DataFrame({"species": None, "id": list(group_of), "group": list(group_of.values())}, dtype=object)


def _first_line(path: PathLike) -> str:
    """Return the first line of a text file."""
    with open_text(path) as handle:
        return handle.readline().rstrip("\r\n")


def _text_groups(text: str, path: PathLike) -> Iterator[tuple[str, str, str]]:
    """Yield gene, group and location (``file:line``) of each line ``id group``, or of a table of OrthoFinder."""
    first = True
    lines = text.splitlines()
    if _ORTHOGROUP.match(text):
        yield from _orthogroups(lines, path)
        return
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = re.split(r"[\t,]| +", line.strip())
        if first and fields[0].lower() in HEADERS:
            first = False
            continue
        first = False
        if len(fields) < 2 or not fields[0] or not fields[1]:
            raise BadTable(
                "a gene and its group are expected", where=f"{path}:{number}", hint="separate them with a tab"
            )
        yield fields[0], fields[1], f"{path}:{number}"


def _orthogroups(lines: list[str], path: PathLike) -> Iterator[tuple[str, str, str]]:
    """Yield gene, group and location of OrthoFinder's ``Orthogroups.tsv`` or ``.txt``: a line per group."""
    has_header = not lines[0].startswith("OG")
    # N0.tsv has two more columns after that of the group.
    others = 3 if lines[0].startswith("HOG\t") else 1
    for number, line in enumerate(lines[has_header:], 1 + has_header):
        cells = line.split("\t") if "\t" in line else line.split(": ", 1)
        genes = [name for cell in cells[others:] for name in re.split(r"[,\s]+", cell) if name]
        yield from ((name, cells[0], f"{path}:{number}") for name in genes)


def _json_groups(text: str, path: PathLike) -> Iterator[tuple[str, str, str]]:
    """Yield gene, group and location of every gene in a JSON object or array of groups."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadTable(f"this is not valid JSON ({error.msg})", where=f"{path}:{error.lineno}") from error
    items = content.items() if isinstance(content, dict) else enumerate(content, 1)
    for key, value in items:
        if isinstance(value, str) and isinstance(content, dict):
            yield key, value, str(path)
        elif isinstance(value, list) and all(isinstance(name, str) for name in value):
            yield from ((name, str(key), str(path)) for name in value)
        else:
            raise BadTable(
                f"group '{key}' is not a list of gene ids",
                where=path,
                hint='write {"GROUP": ["ID", …]}, {"ID": "GROUP"} or [["ID", …], …]',
            )
