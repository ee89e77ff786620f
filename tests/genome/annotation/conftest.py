"""Annotations written by the tests."""

from pathlib import Path

import pytest


def _gtf(line: str) -> str:
    """Make a row from ``contig source type start end strand attributes``, separated by single spaces."""
    contig, source, kind, start, end, strand, attributes = line.strip().split(" ", 6)
    return f"{contig}\t{source}\t{kind}\t{start}\t{end}\t.\t{strand}\t.\t{attributes}\n"


@pytest.fixture
def rows(tmp_path):
    """Return a function that writes rows, given as lines with spaces between the columns, to a file."""

    def write(text: str, name: str = "a.gtf") -> Path:
        path = tmp_path / name
        lines = [line for line in text.splitlines() if line.strip()]
        path.write_text("".join(line.strip() + "\n" if "#" in line[:12] else _gtf(line) for line in lines))
        return path

    return write
