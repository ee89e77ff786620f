"""Checks of arguments, used by several layers and families of basis functions.

In: an argument. Out: nothing, or an error.
"""


def check_whole(name: str, number: int, least: int = 1) -> None:
    """Check that the argument ``name`` is an integer of at least ``least``.

    Raises:
        ValueError: ``number`` is not an ``int``, or it is less than ``least``.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise ValueError(f"{name} must be an int of at least {least}: {number!r}")
