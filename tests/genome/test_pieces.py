from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadTable
from kanseq.genome.pieces import find_pieces, letters_under, piece_template, sum_by_piece, sum_by_token
from kanseq.geometry import Geometry


def places(geometry, *genes):
    """Make a table of genes (chrom, strand, tss, tts)."""
    rows = []
    for number, (chrom, strand, tss, tts) in enumerate(genes):
        sites = (*geometry.tss_window(tss, strand), *geometry.tts_window(tts, strand))
        rows.append((f"g{number}", chrom, strand, tss, tts, *sites))
    names = ["id", "chrom", "strand", "tss", "tts", "tss_start", "tss_end", "tts_start", "tts_end"]
    return pd.DataFrame(rows, columns=names)


def walk(geometry, strand, tss, tts, length):
    """Return each piece by a loop over the columns: (token, first column, columns, start, end)."""
    step = -1 if strand == "-" else 1
    pieces = []
    for first, origin in (
        (0, tss - step * geometry.upstream),
        (geometry.window + geometry.pad, tts - step * (geometry.downstream - 1)),
    ):
        run = {}
        for offset in range(geometry.window):
            position = origin + step * offset
            if 0 <= position < length:
                run.setdefault((first + offset) // 8, []).append((first + offset, position))
        for token, spots in run.items():
            where = [position for _, position in spots]
            pieces.append((token, spots[0][0], len(spots), min(where), max(where) + 1))
    return pieces


def test_default_template_has_half_a_piece_for_token_187_and_none_for_the_padding():
    template = piece_template(Geometry())
    assert len(template.token) == 376
    at = template.token.tolist().index(187)
    assert (template.start[at], template.end[at]) == (1496, 1500)
    assert template.token[at + 1] == 190
    assert template.start[at + 1] == 1520
    assert (template.token[-1], template.start[-1], template.end[-1]) == (377, 3016, 3020)


def test_a_token_over_a_narrow_padding_has_two_pieces():
    template = piece_template(Geometry(upstream=10, downstream=3, pad=2))
    shared = template.token == 1
    assert template.start[shared].tolist() == [8, 15]
    assert template.end[shared].tolist() == [13, 16]


def test_invisible_columns_have_no_pieces():
    flanks = piece_template(Geometry(visible="flanks"))
    # 125 complete tokens before the TSS; after the TTS half a token, 124 complete tokens and half a token.
    assert len(flanks.token) == 125 + 126
    assert (flanks.start[124], flanks.end[124], flanks.start[125], flanks.end[125]) == (992, 1000, 2020, 2024)
    assert flanks.tts.tolist() == [False] * 125 + [True] * 126
    transcribed = piece_template(Geometry(visible="transcribed"))
    assert (transcribed.start[0], transcribed.end[62], transcribed.start[63], transcribed.end[-1]) == (
        1000,
        1500,
        1520,
        2020,
    )
    table = places(Geometry(), ("1", "+", 3000, 9000), ("1", "-", 9000, 3000))
    whole = find_pieces(table, Geometry(), {"1": 20_000})
    part = find_pieces(table, Geometry(visible="flanks"), {"1": 20_000})
    # The remaining pieces keep their coordinates; only the piece over the TTS is clipped.
    where = [set(zip(p.row.tolist(), p.start.tolist(), p.end.tolist(), strict=True)) for p in (whole, part)]
    assert where[1] - where[0] == {(0, 9001, 9005), (1, 2996, 3000)}


def test_pieces_of_both_strands_equal_values_computed_by_hand():
    geometry = Geometry(upstream=8, downstream=8, pad=8)
    table = places(geometry, ("1", "+", 100, 300), ("1", "-", 300, 100))
    pieces = find_pieces(table, geometry, {"1": 1000})
    of_plus, of_minus = pieces.row == 0, pieces.row == 1
    assert pieces.token[of_plus].tolist() == [0, 1, 3, 4]
    assert pieces.start[of_plus].tolist() == [92, 100, 293, 301]
    # Column 0 of the gene on the minus strand is base 308; its TSS, base 300, is column 8.
    assert pieces.start[of_minus].tolist() == [301, 293, 100, 92]
    assert pieces.end[of_minus].tolist() == [309, 301, 108, 100]
    assert pieces.minus.tolist() == [False] * 4 + [True] * 4


@pytest.mark.parametrize("pad", [0, 1, 3, 7, 8, 20])
@pytest.mark.parametrize("sizes", [(1000, 500), (10, 5), (3, 0), (0, 9)])
@pytest.mark.parametrize("strand", ["+", "-"])
def test_pieces_equal_a_loop_over_columns_even_past_contig_ends(pad, sizes, strand):
    geometry = Geometry(*sizes, pad)
    length = 900
    sites = [(4, 890), (450, 455), (0, 899), (896, 899)]
    sites = [(b, a) for a, b in sites] if strand == "-" else sites
    table = places(geometry, *(("1", strand, tss, tts) for tss, tts in sites))
    pieces = find_pieces(table, geometry, {"1": length})
    for row, (tss, tts) in enumerate(sites):
        of = pieces.row == row
        width = pieces.column_end - pieces.column_start
        columns = (pieces.token, pieces.column_start, width, pieces.start, pieces.end)
        assert list(zip(*(array[of].tolist() for array in columns), strict=True)) == walk(
            geometry, strand, tss, tts, length
        )


def test_letters_are_in_the_direction_of_transcription_with_masked_columns_as_n():
    geometry = Geometry(upstream=4, downstream=4, pad=4)
    codes = np.array([[0, 1, 2, 3] * 5], dtype=np.uint8)
    pieces = find_pieces(places(geometry, ("1", "-", 50, 20)), geometry, {"1": 100})
    letters, offsets = letters_under(geometry.hide(codes), pieces)
    words = [letters[a:b].tobytes().decode() for a, b in pairwise(offsets)]
    # Columns 4-6 and 13-15 are masked; the pieces are tokens 0, 1 (columns 12-15) and 2.
    assert words == ["ACGTNNNT", "ANNN", "ACGT"]
    assert codes[0, 4] == 0


def test_pieces_of_a_token_add_up_to_the_token():
    geometry = Geometry(upstream=10, downstream=3, pad=2)
    values = np.random.default_rng(0).normal(size=(3, geometry.columns))
    values[:, 13:15] = 0
    template = piece_template(geometry)
    by_piece, by_token = sum_by_piece(values, template), sum_by_token(values, geometry)
    assert by_token.shape == (3, 4)
    together = np.stack([by_piece[:, template.token == token].sum(axis=1) for token in range(4)], axis=1)
    np.testing.assert_allclose(together, by_token, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(by_token[:, 3], values[:, 24:28].sum(axis=1), rtol=1e-5)


def test_windows_of_another_width_or_an_unknown_contig_are_refused():
    geometry = Geometry(upstream=8, downstream=8, pad=8)
    table = places(geometry, ("1", "+", 100, 300))
    with pytest.raises(BadTable, match="not 32 bases wide"):
        find_pieces(table, Geometry(upstream=16, downstream=16), {"1": 1000})
    with pytest.raises(BadTable, match="the length of 1"):
        find_pieces(table, geometry, {"2": 1000})
    with pytest.raises(BadTable, match="strand"):
        find_pieces(table.assign(strand="."), geometry, {"1": 1000})
