import io
import sys

import pytest

from kanseq.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_terminal_shows_a_bar_with_loss_and_rate_and_a_file_gets_one_line_per_epoch(monkeypatch, caplog, kind):
    caplog.set_level("INFO", logger="kanseq")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", kind())
    with Progress("mlp, fold 1", epochs=2, genes=64) as progress:
        progress.step(64, 0.5)
        progress.epoch(1, 0.5, 0.25)
    text, lines = sys.stderr.getvalue(), caplog.messages
    if kind is Terminal:
        assert "loss 0.5000" in text
        assert lines == []
    else:
        assert "\x1b" not in text
        (line,) = lines
        assert line.startswith("mlp, fold 1: epoch 1 of 2, loss 0.5000, tune loss 0.2500, ")
