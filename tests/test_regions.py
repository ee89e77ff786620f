import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanseq.geometry import Geometry
from kanseq.regions import region_at, regions_of


def shown(geometry, **options):
    return [(region.name, region.start, region.stop, region.distances) for region in regions_of(geometry, **options)]


def test_regions_of_the_default_windows():
    assert shown(Geometry()) == [
        ("upstream", 0, 950, range(-1000, -50)),
        ("core promoter", 950, 1000, range(-50, 0)),
        ("5' transcribed", 1000, 1500, range(500)),
        ("padding", 1500, 1520, range(1500, 1520)),
        ("3' transcribed", 1520, 2020, range(-499, 1)),
        ("downstream", 2020, 3020, range(1, 1001)),
    ]
    assert [region.transcribed for region in regions_of(Geometry())] == [False, False, True, False, True, False]


def test_short_windows_shorten_regions():
    assert shown(Geometry(upstream=30, downstream=0, pad=0)) == [
        ("core promoter", 0, 30, range(-30, 0)),
        ("downstream", 30, 60, range(1, 31)),
    ]
    assert shown(Geometry(upstream=0, downstream=5, pad=1), core=100) == [
        ("5' transcribed", 0, 5, range(5)),
        ("padding", 5, 6, range(5, 6)),
        ("3' transcribed", 6, 11, range(-4, 1)),
    ]


def test_without_a_core_promoter_its_columns_are_upstream():
    assert shown(Geometry(), core=0)[:2] == [
        ("upstream", 0, 1000, range(-1000, 0)),
        ("5' transcribed", 1000, 1500, range(500)),
    ]


def test_a_plain_sequence_is_one_region():
    assert shown(Geometry.plain(70)) == [("sequence", 0, 70, range(70))]
    assert regions_of(Geometry.plain(70))[0].site is None


@given(st.tuples(*[st.integers(0, 90)] * 3).filter(lambda sizes: sizes[0] + sizes[1] > 0), st.integers(0, 120))
def test_every_column_is_in_one_region(sizes, core):
    geometry = Geometry(*sizes)
    regions = regions_of(geometry, core)
    assert [column for region in regions for column in range(region.start, region.stop)] == list(
        range(geometry.columns)
    )


def test_region_at_returns_the_region_of_a_column():
    region = region_at(Geometry(), 2019)
    assert (region.name, region.distance(2019)) == ("3' transcribed", 0)
    with pytest.raises(IndexError, match="no column 3020"):
        region_at(Geometry(), 3020)
