"""Every table, with names that other dialects would change, lose or misinterpret."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kanseq.geometry import Geometry
from kanseq.homologs.homolog_files import read_homologs
from kanseq.io.tables.catalogue import SCHEMAS
from kanseq.io.tables.dialect import read_cells, read_table, write_table
from kanseq.io.tables.gene_tables import HOMOLOG_PAIRS, HOMOLOGS, LABELS, SPLITS
from kanseq.io.tables.model_tables import ATTRIBUTIONS
from kanseq.labels.label_tables import read_labels
from kanseq.runs.prediction_tables import read_held_out, read_predictions, write_held_out, write_predictions
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits.split_tables import read_splits
from kanseq.verbs.explaining.attribution_files import read_attributions, write_attributions
from kanseq.verbs.project.inspect import inspect
from kanseq.verbs.splitting.split import split

NAMES = [
    *('"', '"a', 'b"', 'c"d', '""', '"quoted"', 'e""f', "'", "it's", "'g'"),
    *("#h", "i#j", "#", " k", "l ", " m n ", "o  p", " ", "q,r", ";", "\\", "\\t", "s|t"),
    *(
        "\ufeffa",
        "NA",
        "N/A",
        "nan",
        "NaN",
        "None",
        "null",
        "inf",
        "1e5",
        "007",
        "1.0",
        "+1",
        "TRUE",
        "False",
        "-",
        "--",
    ),
    *("u\x0bv", "w\x85x", "y\u2028z", "é"),
]
COUNT = len(NAMES)
TSV = [name for name, schema in SCHEMAS.items() if schema.storage == "tsv"]


def awkward(schema):
    """Build a table with awkward names in all text columns; every second cell that may be empty is empty."""
    found = {}
    for shift, column in enumerate(schema.columns):
        names = [column.name.replace("*", name) for name in NAMES[:3]] if column.is_family else [column.name]
        for name in names:
            if column.kind in ("text", "value"):
                cells = np.array(NAMES[shift:] + NAMES[:shift], dtype=object)
            else:
                cells = np.arange(COUNT) if column.kind == "integer" else np.arange(COUNT) + 0.25
            if column.missing:
                cells = cells.astype(object)
                cells[::2] = None
            found[name] = cells
    return pd.DataFrame(found)


@pytest.mark.parametrize("name", TSV)
def test_written_tables_can_be_read_back(tmp_path, name):
    schema = SCHEMAS[name]
    table = awkward(schema)
    write_table(tmp_path / schema.file, schema, table)
    typed, cells = read_table(tmp_path / schema.file, schema), read_cells(tmp_path / schema.file, schema)
    assert set(typed) == set(cells) == set(table)
    for column in table:
        kind = schema.column(column).kind
        expected = table[column].where(table[column].notna(), "" if kind in ("text", "value") else np.nan)
        if kind in ("text", "value"):
            assert typed[column].tolist() == expected.tolist()
        else:
            np.testing.assert_array_equal(typed[column].to_numpy(dtype=float), expected.to_numpy(dtype=float))
    assert cells.astype(bool).sum().sum() == table.notna().sum().sum()


COUNTED = {
    "splits": lambda facts: sum(sum(roles.values()) for roles in facts["roles"].values()),
    "labels": lambda facts: sum(facts["labels"].values()),
    "homolog_pairs": lambda facts: facts["pairs"],
    "leaks": lambda facts: facts["folds"],
    "metrics": lambda facts: len(facts["models"]),
    **dict.fromkeys(("homologs", "excluded", "truth", "held_out"), lambda facts: facts["genes"]),
}
"""The number of rows in a card, if it is not in the field ``rows``."""


@pytest.mark.parametrize("name", TSV)
def test_inspect_counts_every_row(tmp_path, name):
    schema = SCHEMAS[name]
    table = awkward(schema)
    if name == "metrics":
        table["fold"] = "mean"
    write_table(tmp_path / schema.file, schema, table)
    card = inspect(tmp_path / schema.file)
    assert card.kind == schema.title
    assert COUNTED.get(name, lambda facts: facts["rows"])(card.fields) == COUNT
    assert card.lines()


@pytest.mark.parametrize("name", [name for name in TSV if SCHEMAS[name].has_header])
def test_inspect_shows_a_table_without_rows(tmp_path, name):
    schema = SCHEMAS[name]
    write_table(tmp_path / schema.file, schema, awkward(schema).iloc[:0])
    card = inspect(tmp_path / schema.file)
    assert card.kind == schema.title
    assert COUNTED.get(name, lambda facts: facts["rows"])(card.fields) == 0


def test_parquet_tables_preserve_any_name(tmp_path):
    table = pd.DataFrame({"id": NAMES, "species": NAMES[::-1], "length": 8, "label": NAMES, "sequence": "ACGTACGT"})
    SequenceSet(table, Geometry.plain(8)).write(tmp_path / "genes.parquet")
    assert SequenceSet.read(tmp_path / "genes.parquet").table.to_numpy().tolist() == table.to_numpy().tolist()
    assert inspect(tmp_path / "genes.parquet").fields["species"] == dict.fromkeys(NAMES[::-1], 1)
    values = {"text": NAMES, "number": np.arange(COUNT) + 0.5}
    lists = [np.zeros(8, dtype=np.float32)] * COUNT
    columns = {column.name: values.get(column.kind, lists) for column in ATTRIBUTIONS.columns}
    described = {"geometry": Geometry.plain(8).to_json()}
    write_attributions(tmp_path / "a.parquet", iter([pa.table(columns, schema=ATTRIBUTIONS.arrow())]), described)
    assert read_attributions(tmp_path / "a.parquet").table["id"].tolist() == NAMES
    assert inspect(tmp_path / "a.parquet").fields["genes"] == COUNT


def test_readers_of_tables_return_the_original_names(tmp_path):
    keys = {"species": NAMES[::-1], "id": NAMES}
    write_table(tmp_path / "s", SPLITS, pd.DataFrame({**keys, "fold": "1", "role": "test", "reason": NAMES}))
    assert read_splits(tmp_path / "s")[["species", "id", "reason"]].to_numpy().T.tolist() == [NAMES[::-1], NAMES, NAMES]
    labels = pd.DataFrame(
        {**keys, "condition": NAMES, "fold": "*", "expression": 0.5, "label": "mid", "q1": 0, "q3": 1}
    )
    write_table(tmp_path / "l", LABELS, labels)
    assert read_labels(tmp_path / "l")[["id", "condition"]].to_numpy().T.tolist() == [NAMES, NAMES]
    write_table(tmp_path / "g", HOMOLOGS, pd.DataFrame({**keys, "group": NAMES}))
    assert read_homologs(tmp_path / "g").groups.to_numpy().T.tolist() == [NAMES[::-1], NAMES, NAMES]
    numbers = dict.fromkeys(HOMOLOG_PAIRS.required[4:], 0.5)
    pairs = pd.DataFrame({**keys, "species_2": NAMES, "id_2": NAMES[::-1], **numbers})
    write_table(tmp_path / "p", HOMOLOG_PAIRS, pairs)
    assert read_homologs(tmp_path / "p").pairs["id_2"].tolist() == NAMES[::-1]
    write_held_out(tmp_path / "h", list(zip(NAMES[::-1], NAMES, strict=True)))
    assert read_held_out(tmp_path / "h") == set(zip(NAMES[::-1], NAMES, strict=True))
    assert (tmp_path / "h").read_bytes().count(b"\n") == COUNT


def test_predictions_preserve_all_names_including_those_of_classes(tmp_path):
    classes = ['logit:"a"', "logit:#b", "logit: NA "]
    named = dict.fromkeys(("species", "id", "condition", "chrom", "fold", "role"), NAMES)
    numbers = {"logit": 0.5, "probability": 0.5, "target": 1.0, "called": 2.0, **dict.fromkeys(classes, 0.25)}
    write_predictions(tmp_path / "p", pd.DataFrame({**named, **numbers}))
    again = read_predictions(tmp_path / "p")
    assert all(again[column].tolist() == NAMES for column in named)
    assert list(again)[-3:] == classes


def test_inspect_reads_splits_with_quotes_in_ids(tmp_path):
    ids = ['"a', "b", '"c', "d"]
    table = pd.DataFrame(
        {"id": ids, "species": ".", "length": 8, "sequence": ["A" * 8, "C" * 7 + "A", "CG" * 4, "GATC" * 2]}
    )
    (tmp_path / "list.json").write_text(json.dumps(ids[:1]))
    options = {"by": "list", "gene_list": tmp_path / "list.json"}
    split(SequenceSet(table, Geometry.plain(8)), output=tmp_path / "splits.tsv", **options)
    facts = inspect(tmp_path / "splits.tsv").fields
    assert (facts["genes"], facts["roles"]) == (4, {"list": {"test": 1, "train": 3}})
