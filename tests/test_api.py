"""Every verb of the command line is a function of the package."""

import inspect

import pytest

import kanseq
from kanseq import api


@pytest.mark.parametrize("name", sorted(api.DOORS))
def test_every_door_opens(name: str) -> None:
    assert callable(getattr(kanseq, name))
    assert inspect.getdoc(getattr(kanseq, name))
    assert name in dir(kanseq)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="kanseq has no 'fly'"):
        kanseq.fly  # noqa: B018
