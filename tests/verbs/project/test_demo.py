"""The result of the demo: the fraction of top tokens on planted elements."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.project.demo import top_on_elements


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a set of two genes, one on each strand, with windows of 16 + 16 bases, and their attributions."""
    geometry = Geometry(upstream=8, downstream=8, pad=8)
    places = [("plus", "+", 100, 199), ("minus", "-", 399, 300)]
    rows = [
        {
            "id": name,
            "species": ".",
            "length": 100,
            "chrom": "1",
            "strand": strand,
            "tss": tss,
            "tts": tts,
            **dict(zip(("tss_start", "tss_end"), geometry.tss_window(tss, strand), strict=True)),
            **dict(zip(("tts_start", "tts_end"), geometry.tts_window(tts, strand), strict=True)),
            "sequence": "A" * geometry.columns,
        }
        for name, strand, tss, tts in places
    ]
    SequenceSet(pd.DataFrame(rows), geometry, {"contigs": {"1": {"length": 1000, "md5": ""}}}).write(
        tmp_path / "genes.parquet"
    )
    values = np.zeros((2, geometry.columns), dtype=np.float32)
    values[0, 3] = -2.0  # plus: columns 0-7 are bases 92-99
    values[1, 24] = 1.0  # minus: columns 24-31 are the last transcribed bases, 300-307 on the genome
    pd.DataFrame({"species": ".", "id": ["plus", "minus"], "attributions": list(values)}).to_parquet(
        tmp_path / "attributions.parquet"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("elements", "found", "chance"),
    [
        # Of the 2 x 4 pieces, the top piece of each gene overlaps an element.
        ("1\t95\t96\ta\n1\t307\t309\tb\n", 1.0, 2 / 8),
        # 100-107 is the second piece of the gene on the plus strand, which is not its top piece.
        ("1\t100\t101\ta\n", 0.0, 1 / 8),
        # An element that ends where a piece begins does not overlap it, nor does an element on another contig.
        ("1\t91\t92\ta\n2\t92\t99\tb\n", 0.0, 0.0),
    ],
)
def test_top_pieces_are_compared_with_elements_and_chance(
    folder: Path, elements: str, found: float, chance: float
) -> None:
    (folder / "truth.bed").write_text(elements)
    shares = top_on_elements(folder / "attributions.parquet", folder / "genes.parquet", folder / "truth.bed", top=1)
    assert shares == (found, chance)
