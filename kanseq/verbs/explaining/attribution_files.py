"""Read and write ``attributions.parquet``.

In: row groups of attributions, or a file. Out: a Parquet file with one row per gene, or the content of the file.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from kanseq.attribution.attribution_sums import COLUMNS, ROW_GROUP
from kanseq.errors import BadTable, TruncatedFile
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike, check_input
from kanseq.io.tables.model_tables import ATTRIBUTIONS

FORMAT = ATTRIBUTIONS.version
"""Version of the format in which ``attributions.parquet`` is written. Older versions can be read, too."""

KIND = "attributions"
"""Value of ``kind`` in the metadata of ``attributions.parquet``."""


def as_pandas(tables: Iterator[pa.Table]) -> pd.DataFrame:
    """Concatenate row groups; the columns ``attributions`` and ``tokens`` contain one float32 array per row."""
    return pa.concat_tables(tables).to_pandas()


def write_attributions(path: PathLike, tables: Iterator[pa.Table], described: dict[str, object]) -> None:
    """Write row groups to ``attributions.parquet``, with ``described`` as metadata; the bytes are reproducible."""
    metadata = json.dumps({"kind": KIND, "format": FORMAT, **described}, allow_nan=False)
    schema = COLUMNS.with_metadata({b"kanseq": metadata.encode()})
    repeated = ["species", "method", "model"]
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=3, use_dictionary=repeated) as writer:
        for table in tables:
            writer.write_table(table.cast(schema), row_group_size=ROW_GROUP)


@dataclass(frozen=True)
class Attributions:
    """Content of ``attributions.parquet``.

    Attributes:
        table: one row per gene; the columns ``attributions`` and ``tokens`` contain one float32 array per row.
        geometry: the layout of the columns that the models read.
        metadata: method, reference, models, inputs, contigs.
    """

    table: pd.DataFrame
    geometry: Geometry
    metadata: dict[str, object]


def read_attributions(path: PathLike) -> Attributions:
    """Read ``attributions.parquet``.

    Raises:
        MissingFile, TruncatedFile: the file does not exist, or is not a complete Parquet file.
        BadTable: the file was not written by ``kanseq explain``, or it was written by a newer version of kanseq.
    """
    path = check_input(path)
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise TruncatedFile("this is not a complete Parquet file", where=path, hint="create it again") from error
    metadata = json.loads((table.schema.metadata or {}).get(b"kanseq", b"{}"))
    if metadata.get("kind") != KIND:
        raise BadTable("this Parquet file has no attributions", where=path, hint="create it with kanseq explain -o")
    if metadata.get("format", 0) > FORMAT:
        raise BadTable(f"its format {metadata['format']} is newer than this kanseq", where=path, hint="update kanseq")
    return Attributions(table.to_pandas(), Geometry.from_json(metadata["geometry"]), metadata)
