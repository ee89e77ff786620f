"""Columns, tokens, masks and windows."""

import numpy as np
import pytest

from kanseq.geometry import Geometry


def test_default_geometry_is_that_of_the_design() -> None:
    geometry = Geometry()
    assert (geometry.columns, geometry.window, geometry.tokens) == (3020, 1500, 378)
    assert geometry.masked == ((1000, 1003), (2017, 2020))


@pytest.mark.parametrize(
    ("strand", "tss", "tts", "tss_window", "tts_window"),
    [
        # Plus: column 1000 is base 2000; column 2019 is base 4999.
        ("+", 2000, 4999, (1000, 2500), (4500, 6000)),
        # Minus: transcription runs down from 4999 to 2000.
        ("-", 4999, 2000, (4500, 6000), (1000, 2500)),
    ],
)
def test_windows_mirror_each_other(
    strand: str, tss: int, tts: int, tss_window: tuple[int, int], tts_window: tuple[int, int]
) -> None:
    geometry = Geometry()
    assert geometry.tss_window(tss, strand) == tss_window
    assert geometry.tts_window(tts, strand) == tts_window


def test_mask_is_never_wider_than_the_transcribed_part() -> None:
    assert Geometry(upstream=10, downstream=2, pad=4).masked == ((10, 12), (16, 18))
    assert Geometry(upstream=10, downstream=0, pad=0).masked == ()
    assert Geometry(mask=False).masked == ()


def test_masked_columns_are_hidden_in_a_copy() -> None:
    codes = np.zeros((2, 12), dtype=np.uint8)
    hidden = Geometry(upstream=2, downstream=3, pad=2).hide(codes)
    assert hidden.tolist() == [[0, 0, 4, 4, 4, 0, 0, 4, 4, 4, 0, 0]] * 2
    assert not codes.any()


def test_json_round_trip_and_impossible_numbers() -> None:
    for geometry in (Geometry(upstream=7), Geometry.plain(70)):
        assert Geometry.from_json(geometry.to_json()) == geometry
    with pytest.raises(ValueError, match="must not be negative"):
        Geometry(upstream=-1)
    with pytest.raises(ValueError, match="not all 0"):
        Geometry(upstream=0, downstream=0, pad=0)
