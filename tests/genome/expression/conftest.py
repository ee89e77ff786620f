"""Columns of expression tables, and a function that writes them as a file."""

from pathlib import Path

import pytest

COLUMNS = {
    "genes": ["LOC_1", "LOC_2", "LOC_3", "LOC_4"],
    "transcripts": ["LOC_1.1", "LOC_1.2", "LOC_2.1", "LOC_3.1"],
    "genes_of_transcripts": ["LOC_1", "LOC_1", "LOC_2", "LOC_3"],
    "symbols": ["ABC", "DEF", "GHI", "JKL"],
    "same": ["A. thaliana"] * 4,
    "text": ["x", "x", "y", "x"],
    "a": [12.5, 0.0, 3.75, 250.1],
    "b": [8.25, 1.5, 0.0, 310.9],
    "c": [1.25, 33.5, 4.0, 95.2],
    "counts": [120, 0, 33, 2501],
    "more counts": [88, 12, 0, 3300],
    "lengths": [2269, 2809, 2066, 8082],
    "starts": [3631, 6788, 11649, 23121],
    "ends": [5899, 9130, 13714, 31227],
    "chromosomes": [1, 1, 2, 2],
    "strands": [1, -1, 1, -1],
    "entrez": [839580, 839569, 839321, 839574],
    "rows": [0, 1, 2, 3],
    "shares": [0.41, 0.38, 0.39, 0.42],
    "p": [0.01, 0.5, 0.99, 1e-10],
    "changes": [-1.5, 0.2, 3.1, -0.01],
    "logs": [1.1, 0.2, 0.7, 2.4],
    "few": [3, 1, 7, 2],
    "mean of a and b": [10.375, 0.75, 1.875, 280.5],
    "max of a, b and c": [12.5, 33.5, 4.0, 310.9],
    "deviations": [3.0, 1.06, 2.65, 43.0],
}


@pytest.fixture
def table(tmp_path):
    """Return a function that writes a table; each header is ``name=kind`` (a key of :data:`COLUMNS`)."""

    def write(headers: list[str], name: str = "table.tsv") -> Path:
        pairs = [header.rsplit("=", 1) for header in headers]
        rows = zip(*(COLUMNS[kind] for _name, kind in pairs), strict=True)
        lines = [[title for title, _kind in pairs], *([str(cell) for cell in row] for row in rows)]
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join("\t".join(line) + "\n" for line in lines))
        return path

    return write
