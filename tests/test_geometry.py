"""Columns, tokens, masks and windows."""

import numpy as np
import pytest

from kanseq.geometry import Geometry


def test_default_geometry_has_the_documented_columns() -> None:
    geometry = Geometry()
    assert (geometry.columns, geometry.window, geometry.tokens) == (3020, 1500, 378)
    assert geometry.masked == ((1000, 1003), (2017, 2020))


@pytest.mark.parametrize(
    ("strand", "tss", "tts", "tss_window", "tts_window"),
    [
        # Plus: column 1000 is base 2000; column 2019 is base 4999.
        ("+", 2000, 4999, (1000, 2500), (4500, 6000)),
        # Minus: transcription proceeds from 4999 down to 2000.
        ("-", 4999, 2000, (4500, 6000), (1000, 2500)),
    ],
)
def test_windows_of_both_strands_are_mirror_images(
    strand: str, tss: int, tts: int, tss_window: tuple[int, int], tts_window: tuple[int, int]
) -> None:
    geometry = Geometry()
    assert geometry.tss_window(tss, strand) == tss_window
    assert geometry.tts_window(tts, strand) == tts_window


def test_mask_is_never_wider_than_the_transcribed_part() -> None:
    assert Geometry(upstream=10, downstream=2, pad=4).masked == ((10, 12), (16, 18))
    assert Geometry(upstream=10, downstream=0, pad=0).masked == ()
    assert Geometry(mask=False).masked == ()


def test_flanks_hides_transcribed_columns_and_transcribed_hides_flanks() -> None:
    flanks, transcribed = Geometry(visible="flanks"), Geometry(visible="transcribed")
    assert flanks.masked == ((1000, 1500), (1520, 2020))
    assert flanks.windows == ((0, 1000), (2020, 3020))
    # The codons on the transcribed side of each site are still masked.
    assert transcribed.masked == ((0, 1003), (2017, 3020))
    assert transcribed.windows == ((1000, 1500), (1520, 2020))
    assert Geometry().windows == ((0, 1500), (1520, 3020))
    assert (flanks.columns, flanks.tokens) == (transcribed.columns, transcribed.tokens) == (3020, 378)


@pytest.mark.parametrize(
    ("geometry", "seen"),
    [
        # 0-3 | 4-6 | padding 7, 8 | 9-11 | 12-15
        (Geometry(4, 3, 2, mask=False, visible="all"), [*range(7), *range(9, 16)]),
        (Geometry(4, 3, 2, mask=False, visible="flanks"), [*range(4), *range(12, 16)]),
        (Geometry(4, 3, 2, mask=False, visible="transcribed"), [4, 5, 6, 9, 10, 11]),
        (Geometry(4, 3, 0, mask=True, visible="flanks"), [*range(4), *range(10, 14)]),
        (Geometry(2, 5, 1, mask=True, visible="transcribed"), [5, 6, 8, 9]),
        (Geometry(0, 5, 1, mask=True, visible="transcribed"), [3, 4, 6, 7]),
        (Geometry(3, 0, 1, mask=True, visible="flanks"), [0, 1, 2, 4, 5, 6]),
    ],
)
def test_visible_columns_of_windows_of_any_size(geometry: Geometry, seen: list[int]) -> None:
    padding = range(geometry.window, geometry.window + geometry.pad)
    codes = geometry.hide(np.zeros((1, geometry.columns), dtype=np.uint8))
    assert [column for column in np.flatnonzero(codes[0] == 0).tolist() if column not in padding] == seen


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"visible": "introns"}, "one of all, flanks, transcribed"),
        ({"visible": "flanks", "upstream": 0}, "no column of these windows would be left"),
        ({"visible": "transcribed", "downstream": 3}, "no column of these windows would be left"),
        ({"visible": "transcribed", "downstream": 0, "mask": False}, "no column of these windows would be left"),
        ({"visible": "flanks", "length": 70}, "only gene windows"),
    ],
)
def test_a_part_without_columns_cannot_be_visible(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Geometry(**fields)  # type: ignore[arg-type]


def test_masked_columns_are_hidden_in_a_copy() -> None:
    codes = np.zeros((2, 12), dtype=np.uint8)
    hidden = Geometry(upstream=2, downstream=3, pad=2).hide(codes)
    assert hidden.tolist() == [[0, 0, 4, 4, 4, 0, 0, 4, 4, 4, 0, 0]] * 2
    assert not codes.any()


def test_json_round_trip_and_invalid_numbers() -> None:
    for geometry in (Geometry(upstream=7), Geometry(visible="flanks"), Geometry.plain(70)):
        assert Geometry.from_json(geometry.to_json()) == geometry
    with pytest.raises(ValueError, match="must not be negative"):
        Geometry(upstream=-1)
    with pytest.raises(ValueError, match="not all 0"):
        Geometry(upstream=0, downstream=0, pad=0)


def test_files_without_visible_are_read_as_all_and_written_unchanged() -> None:
    old = {"upstream": 1000, "downstream": 500, "pad": 20, "mask": True, "length": None}
    assert Geometry.from_json(old).visible == "all"
    assert Geometry().to_json() == old
    assert Geometry(visible="transcribed").to_json() == {**old, "visible": "transcribed"}
