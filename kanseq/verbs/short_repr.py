"""Short text representations of command results for interactive Python: one line per field, long values shortened.

In: a named tuple. Out: text. For tables, only the size and the columns are shown.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result", bound=type)

LISTED = 4
"""Maximum number of items of a list or mapping to show."""

WIDTH = 88
"""Maximum number of characters of a value to show."""


def brief(result: Result) -> Result:
    """Replace the ``repr`` of a named tuple (class decorator) with its name and a line ``field: value`` for each field.

    Fields that are None are omitted. Otherwise the tuple is unchanged: it unpacks, compares and pickles as before.

    >>> from typing import NamedTuple
    >>> @brief
    ... class Count(NamedTuple):
    ...     genes: int
    ...     folds: list[str]
    ...     output: str | None
    >>> Count(7156, ["1", "2", "3", "4", "5"], None)
    Count
      genes: 7,156
      folds: 1, 2, 3, 4, … (5)
    """
    result.__repr__ = _lines  # type: ignore[method-assign]
    return result


def _lines(result: object) -> str:
    """Return the short ``repr`` of a named tuple that is decorated with :func:`brief`."""
    fields = result._asdict().items()  # type: ignore[attr-defined]
    shown = [f"  {name}: {_short(value)}" for name, value in fields if value is not None]
    return "\n".join([type(result).__name__, *shown])


def _short(value: object) -> str:
    """Format a value of any type in one short line."""
    if hasattr(value, "columns") and hasattr(value, "index"):
        return f"table of {len(value):,} rows: {_listed(list(value.columns))}"  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        return _listed([f"{key}: {_short(item)}" for key, item in value.items()])
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return f"{len(value):,} {'entry' if len(value) == 1 else 'entries'}"
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return _listed([_short(item) for item in value])
    if isinstance(value, str) and "\n" in value.rstrip("\n"):
        return f"text of {len(value.splitlines()):,} lines"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value) if isinstance(value, str | Path) else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _listed(items: list[str]) -> str:
    """Join the first items (at most :data:`LISTED`) with commas. If there are more, append the total number."""
    shown = ", ".join(map(str, items[:LISTED]))
    shown = shown if len(items) <= LISTED else f"{shown}, … ({len(items):,})"
    return shown or "none"
