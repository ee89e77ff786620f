"""Arguments that several layers and bases have in common.

In: an argument. Out: nothing, or one clear error.
"""


def check_whole(name: str, number: int, least: int = 1) -> None:
    """Insist on a whole number.

    Raises:
        ValueError: ``number`` is none, or less than ``least``.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise ValueError(f"{name} must be an int of at least {least}: {number!r}")
