"""Convert sequences, names and labels from Python objects to text.

In: lists, arrays and series of strings, bytes or numbers. Out: lists of str.
"""

from collections.abc import Iterable

import pandas as pd

from kanseq.errors import BadTable


def sequence_texts(sequences: Iterable[object]) -> list[str]:
    """Return sequences as upper-case strings; bytes are decoded.

    Raises:
        BadTable: a value is neither a string nor bytes; the message names its position, from 1.

    >>> sequence_texts(["acgt", b"TTN"])
    ['ACGT', 'TTN']
    """
    return [_decoded(value, f"sequence {at}").upper() for at, value in enumerate(sequences, 1)]


def name_texts(names: Iterable[object]) -> list[str]:
    """Return names as strings; numbers become text, bytes are decoded.

    Raises:
        BadTable: a value is missing, or is not a single string or number; the message names its position, from 1.

    >>> name_texts(["a", 7])
    ['a', '7']
    """
    return [_cell(value, f"id {at}") for at, value in enumerate(names, 1)]


def label_texts(labels: Iterable[object]) -> list[str]:
    """Return labels as strings; numbers become text, bytes are decoded, a missing value becomes ``""`` (no label).

    Raises:
        BadTable: a value is not a single string or number; the message names its position, from 1.

    >>> label_texts(["low", 1, None, float("nan")])
    ['low', '1', '', '']
    """
    return ["" if _is_missing(value) else _cell(value, f"label {at}") for at, value in enumerate(labels, 1)]


def _cell(value: object, what: str) -> str:
    """Return a string, bytes or a number as text; raise BadTable for other values, which the message calls ``what``."""
    if _is_missing(value) or not (isinstance(value, bytes) or pd.api.types.is_scalar(value)):
        raise BadTable(f"{what} is neither text nor a number ({_named(value)})")
    return _decoded(value, what) if isinstance(value, bytes) else str(value)


def _decoded(value: object, what: str) -> str:
    """Return a string or bytes as str; raise BadTable for other values, which the message calls ``what``."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise BadTable(f"{what} is not UTF-8 text") from error
    if not isinstance(value, str):
        raise BadTable(f"{what} is not text ({_named(value)})", hint="pass strings or bytes")
    return str(value)


def _is_missing(value: object) -> bool:
    """Return whether a value is missing: None, NaN or ``pd.NA``."""
    return pd.api.types.is_scalar(value) and bool(pd.isna(value))  # type: ignore[call-overload]


def _named(value: object) -> str:
    """Describe an invalid value for messages: the missing value itself, or the type of the value."""
    return str(value) if _is_missing(value) else f"its type is {type(value).__name__}"
