"""Translate coding sequences. In: bases, the number of a genetic code. Out: amino acids."""

import numpy as np

from kanseq.errors import BadOption

_STANDARD = b"FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
"""NCBI translation table 1, with bases in the order T, C, A, G."""

_OTHER_TABLES = {
    2: "AGA* AGG* ATAM TGAW",
    3: "ATAM CTTT CTCT CTAT CTGT TGAW",
    4: "TGAW",
    5: "AGAS AGGS ATAM TGAW",
    6: "TAAQ TAGQ",
    9: "AAAN AGAS AGGS TGAW",
    10: "TGAC",
    11: "",
    12: "CTGS",
    13: "AGAG AGGG ATAM TGAW",
    14: "AAAN AGAS AGGS TAAY TGAW",
    16: "TAGL",
    21: "TGAW ATAM AGAS AGGS AAAN",
    22: "TCA* TAGL",
    23: "TTA*",
    24: "AGAS AGGK TGAW",
    25: "TGAG",
    26: "CTGA",
}
"""Other NCBI translation tables: the codons that differ from table 1, each followed by its amino acid."""

CODON_TABLES = (1, *_OTHER_TABLES)

_BASE = np.full(256, 4, dtype=np.uint8)
for _code, _letters in enumerate(("TtUu", "Cc", "Aa", "Gg")):
    for _letter in _letters:
        _BASE[ord(_letter)] = _code


def translate(sequence: bytes, table: int = 1) -> bytes:
    """Translate a sequence from its first base; ``*`` is a stop, ``X`` a codon with a letter other than ACGTU.

    Args:
        sequence: bases in the direction of translation; up to two bases after the last complete codon are ignored.
        table: NCBI number of the genetic code; initiation codons are translated like all others.

    >>> translate(b"ATGNAATGGTAAC")
    b'MXW*'
    >>> translate(b"TGACTG", table=12)
    b'*S'
    """
    codes = _BASE[np.frombuffer(sequence, dtype=np.uint8)][: len(sequence) // 3 * 3].reshape(-1, 3)
    index = codes.astype(np.int64) @ np.array([16, 4, 1])
    index[(codes == 4).any(axis=1)] = 64
    return _amino_acids(table)[index].tobytes()


def longest_frame(sequence: bytes, table: int = 1) -> bytes:
    """Return the protein of the longest open reading frame in the three forward frames of a transcript.

    An open reading frame lies between stops or ends of the transcript. It begins at its first ``M``, or at its first
    codon if it has no ``M``. Ties are broken by the order of frames, then of positions.

    >>> longest_frame(b"TAATTAATTAACATGAATAATCTAAATAATTAATTAATTAA")
    b'MNNLNN'
    """
    stretches = [piece for frame in range(3) for piece in translate(sequence[frame:], table).split(b"*")]
    return max((piece[max(piece.find(b"M"), 0) :] for piece in stretches), key=len, default=b"")


def check_table(table: int) -> None:
    """Check that a genetic code is supported.

    Raises:
        BadOption: NCBI has no such table, or the table translates one codon in two ways.
    """
    if table not in CODON_TABLES:
        raise BadOption(f"--codon-table {table}: unknown", hint=f"choose one of {', '.join(map(str, CODON_TABLES))}")


def _amino_acids(table: int) -> np.ndarray:
    """Return the amino acid of every codon in a genetic code, uint8 ``(65,)``; the last one is for ambiguous codons."""
    letters = np.frombuffer(_STANDARD + b"X", dtype=np.uint8).copy()
    for change in _OTHER_TABLES.get(table, "").split():
        codes = _BASE[np.frombuffer(change[:3].encode(), dtype=np.uint8)].astype(np.int64)
        letters[codes @ np.array([16, 4, 1])] = ord(change[3])
    return letters
