"""Folders of runs: what older runs did about options that came later."""

from dataclasses import fields

from kanseq.specification.optimisation import Settings
from kanseq.training.runs import LATER


def test_older_runs_had_the_defaults_of_all_later_options():
    later = {each.name: each.default for each in fields(Settings) if each.metadata["later"]}
    assert later.items() <= LATER["settings"].items()
    assert (LATER["settings"]["l1"], LATER["settings"]["task"]) == (0.0, "binary")
