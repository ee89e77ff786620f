import sys

import pytest

from kanseq.io.progress import show_progress


def test_nothing_is_shown_if_standard_error_is_no_terminal(capsys):
    with show_progress("aligning", 3) as advance:
        advance(2)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("total", "shown"), [(2, "aligning"), (None, "aligning")])
def test_a_terminal_shows_title_and_time(capsys, monkeypatch, total, shown):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with show_progress("aligning", total) as advance:
        advance(1)
    output = capsys.readouterr()
    assert shown in output.err
    assert "0:00:0" in output.err or "-:--:--" in output.err
    assert output.out == ""
