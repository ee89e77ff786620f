"""Folders of runs: defaults of options that older runs do not record."""

from dataclasses import fields, replace

import pytest

from kanseq.errors import BadOption
from kanseq.runs.description import describe_run
from kanseq.runs.run_folder import begin
from kanseq.specification.optimisation import Settings

LATER = [each.name for each in fields(Settings) if each.metadata["later"]]


@pytest.mark.parametrize("name", LATER)
def test_a_run_without_a_later_option_was_started_with_its_default(tmp_path, name):
    older = describe_run("predictor", "kan", {}, {"epochs": 3}, {}, {})
    begin(tmp_path, older)
    begin(tmp_path, replace(older, settings={"epochs": 3, name: getattr(Settings(), name)}))
    with pytest.raises(BadOption, match=f"started with {name} {getattr(Settings(), name)}, and not"):
        begin(tmp_path, replace(older, settings={"epochs": 3, name: 0.5}))


def test_penalties_are_marked_as_later_options():
    assert {"l1", "entropy", "smoothness"} <= set(LATER)
