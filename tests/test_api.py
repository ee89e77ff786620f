"""Every command is available as a function of the package, and modules are imported on first use."""

import inspect
import subprocess
import sys

import pytest
import torch

import kanseq
from kanseq import api


@pytest.mark.parametrize("name", sorted(api.DEFINED_IN))
def test_every_public_name_is_available_and_documented(name: str) -> None:
    assert callable(getattr(kanseq, name))
    assert inspect.getdoc(getattr(kanseq, name))
    assert name in dir(kanseq)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="kanseq has no 'fly'"):
        kanseq.fly  # noqa: B018


def test_layers_are_available_from_the_package() -> None:
    assert kanseq.nn.RBFLinear(3, 2)(torch.zeros(5, 3)).shape == (5, 2)
    assert "nn" in dir(kanseq)


def test_the_package_and_sequence_sets_do_not_import_torch() -> None:
    program = (
        "import sys, kanseq; dir(kanseq); kanseq.SequenceSet.from_strings(['ACGT']); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
