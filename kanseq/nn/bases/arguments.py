"""Checks of arguments that several layers and bases share.

In: an argument. Out: nothing, or an error of one line.
"""


def check_whole(name: str, number: int, least: int = 1) -> None:
    """Check that an argument is a whole number.

    Raises:
        ValueError: ``number`` is not an ``int``, or less than ``least``.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise ValueError(f"{name} must be an int of at least {least}: {number!r}")
