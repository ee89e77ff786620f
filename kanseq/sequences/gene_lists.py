"""Read lists of genes. In: a text file, a JSON array or a table. Out: ids, with values from a second column."""

import json
import logging
import re
from collections.abc import Sequence
from typing import TypeAlias

import pandas as pd

from kanseq.errors import BadTable
from kanseq.genome.annotation.annotated_names import read_transcript_genes
from kanseq.genome.names.resolver import KnownNames, match_names
from kanseq.io.files import PathLike, open_text, some
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.sequences.set_annotation import id_key_of

HEADERS = ("id", "gene", "gene_id", "geneid")

_log = logging.getLogger(__name__)

GeneList: TypeAlias = PathLike | pd.DataFrame
"""A list of genes: a file, or a table in memory with ids in its first column."""


def read_gene_list(path: GeneList) -> dict[str, str | None]:
    """Read a list of genes; return each id with its value in the second column, None if there is no value.

    A file has one id per line, or is a JSON array of ids. Columns are separated by tabs, commas or spaces. Lines that
    begin with ``#`` and a first line that begins with ``id``, ``gene`` or ``gene_id`` are skipped. In a table in
    memory, the first two columns are used.

    Raises:
        MissingFile, TruncatedFile: the file cannot be read.
        BadTable: the list names no gene, has a gene with two different values, or is JSON but not an array of ids.
    """
    where = None if isinstance(path, pd.DataFrame) else path
    listed = _from_table(path) if isinstance(path, pd.DataFrame) else _from_file(path)
    if not listed:
        raise BadTable("this list names no gene", where=where)
    values: dict[str, str | None] = {}
    for fields in listed:
        value = fields[1] if len(fields) > 1 and fields[1] else None
        if values.setdefault(fields[0], value) != value:
            raise BadTable(f"'{fields[0]}' is listed with '{values[fields[0]]}' and with '{value}'", where=where)
    return values


def _from_table(table: pd.DataFrame) -> list[Sequence[str]]:
    """Return the cells of the first two columns of a table; missing values are empty strings."""
    return table.iloc[:, :2].astype(object).where(table.iloc[:, :2].notna(), "").astype(str).to_numpy().tolist()


def _from_file(path: PathLike) -> list[Sequence[str]]:
    """Return the fields of each line of a file, or each item of its JSON array as a list of one field."""
    with open_text(path) as handle:
        text = handle.read()
    if text.lstrip().startswith("["):
        return _from_json(text, path)
    listed: list[Sequence[str]] = [re.split(r"[\t, ]+", line.strip()) for line in text.splitlines() if line.strip()]
    listed = [fields for fields in listed if not fields[0].startswith("#")]
    if listed and listed[0][0].lower() in HEADERS:
        del listed[0]
    return listed


def _from_json(text: str, path: PathLike) -> list[Sequence[str]]:
    """Return the items of a JSON array of strings, each as a list of one field."""
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadTable(f"this is not valid JSON ({error.msg})", where=f"{path}:{error.lineno}") from error
    if not all(isinstance(item, str) for item in items):
        raise BadTable("a JSON array of gene ids is expected", where=path)
    return [[item] for item in items]


def chosen_genes(
    genes: SequenceSet, ids: Sequence[str], gene_list: GeneList | None, annotation: PathLike | None = None
) -> SequenceSet:
    """Return the genes that are named in ``ids`` or in ``gene_list``; without either, return all genes.

    Names that are not ids of the set are compared without prefixes (``gene:``) and versions, see
    :data:`kanseq.genome.names.resolver.RULES`. With ``annotation``, all names of genes and transcripts there are known.

    Raises:
        UnknownGene: a name is not in the set.
    """
    if not ids and gene_list is None:
        return genes
    requested = list(dict.fromkeys([*ids, *(() if gene_list is None else read_gene_list(gene_list))]))
    known = list(dict.fromkeys(genes.table["id"].astype(str)))
    found = _known_names(requested, known, known)
    missing = [name for name in requested if name not in found]
    if missing and annotation is not None:
        gene_of = read_transcript_genes(annotation, known, id_key_of(genes))
        found |= _known_names(missing, list(gene_of), list(gene_of.values()))
    other = [f"{name}: {gene}" for name, gene in found.items() if name != gene]
    if other:
        _log.info("genes are found under other names: %s", some(other, 8))
    return genes.select(genes.positions([found.get(name, name) for name in requested]))


def _known_names(names: Sequence[str], known: Sequence[str], ids: Sequence[str]) -> dict[str, str]:
    """Return the id of each name that matches a known name; ``ids`` are the ids of the known names."""
    match = match_names(names, KnownNames(known, ids), many=True, eager=True)
    return {name: ids[place] for name, place in zip(names, match.places.tolist(), strict=True) if place >= 0}
