import numpy as np
import pytest

from kanseq.drawing.style import (
    LETTER_COLOURS,
    LOWERS,
    RAISES,
    check_picture_name,
    draw_letters,
    pad_limits,
    picture,
    running_mean,
    signed,
)
from kanseq.errors import BadOption, NotWritable


def draw(path):
    with picture(path, 2, 1) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 2], label="x")
        axes.set_title("height")
        axes.legend()
    return path.read_bytes()


@pytest.mark.parametrize(("ending", "head"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("PDF", b"%PDF")])
def test_the_same_drawing_gives_the_same_file_under_any_settings(tmp_path, monkeypatch, ending, head):
    import matplotlib

    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    first = draw(tmp_path / f"a.{ending}")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red"}):
        assert draw(tmp_path / f"b.{ending}") == first
        assert matplotlib.rcParams["font.size"] == 30
    assert first.startswith(head)


def test_a_failed_drawing_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError), picture(tmp_path / "a.png", 2, 1):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_other_endings_and_missing_folders_are_refused(tmp_path):
    for name in ("a", "a.jpg", "png"):
        with pytest.raises(BadOption, match=r"\.png, \.svg, \.pdf"):
            check_picture_name(tmp_path / name)
    with pytest.raises(BadOption), picture(tmp_path / "a.gif", 2, 1):
        pass
    with pytest.raises(NotWritable):
        draw(tmp_path / "none" / "a.png")


@pytest.mark.parametrize(
    ("values", "width", "means"),
    [
        ([1.0, 2, 3, 10], 3, [1.5, 2, 5, 6.5]),
        ([1.0, 2, 3, 10], 1, [1, 2, 3, 10]),
        ([1.0, 2, 6], 99, [3, 3, 3]),
        ([np.nan, 4, np.nan], 3, [np.nan, 4, np.nan]),
    ],
)
def test_a_running_mean_uses_the_known_neighbours(values, width, means):
    assert np.allclose(running_mean(np.array(values), width), means, equal_nan=True)


def test_letters_are_above_or_below_the_line(tmp_path):
    with picture(tmp_path / "a.png", 2, 1) as figure:
        axes = figure.subplots()
        draw_letters(axes, "ACNAG", np.arange(10, 15), 1.0, np.array([2.0, -3.0, 5.0, 0.5, 0.0]), width=0.5)
        shapes = {shape.get_facecolor()[:3]: shape.get_path().get_extents() for shape in axes.patches}
        reach = {colour: [*box.min.round(6), *box.max.round(6)] for colour, box in shapes.items()}
    from matplotlib.colors import to_rgb

    assert reach == {
        to_rgb(LETTER_COLOURS["A"]): [9.75, 1.0, 13.25, 3.0],
        to_rgb(LETTER_COLOURS["C"]): [10.75, -2.0, 11.25, 1.0],
    }


def test_limits_include_zero_and_all_known_numbers(tmp_path):
    with picture(tmp_path / "a.png", 2, 1) as figure:
        axes = figure.subplots()
        pad_limits(axes, np.array([2.0, np.nan, 10.0]), 0.1)
        assert axes.get_ylim() == (-1.0, 11.0)
        pad_limits(axes, np.array([np.nan]), 0.1)
        assert axes.get_ylim() == (-1.0, 1.0)


def test_colours_are_those_of_the_tracks():
    assert (RAISES, LOWERS) == ("#ca0020", "#0571b0")


def test_distances_have_a_sign():
    assert [signed(number) for number in (-1000, 0, 1)] == ["−1,000", "+0", "+1"]
