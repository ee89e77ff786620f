"""Remove what databases and programs add to the name of a gene, a transcript or a protein.

In: a name. Out: the name without prefix and database, without version, or without the suffix of a transcript.
"""

import re

_PREFIX = re.compile(r"^(?:[A-Za-z]\w*:|(?:gene|rna|cds|transcript)-(?=.*[A-Za-z]))(?=.)", re.IGNORECASE)
"""Matches ``gene:``, ``mRNA:`` and any other word before a colon, and NCBI's ``gene-``, ``rna-`` and ``cds-``. A number
after ``rna-`` is no name: ``rna-3`` and ``gene-3`` are unrelated."""

_DATABASES = frozenset(
    ("dbj", "emb", "ena", "gb", "lcl", "pat", "pdb", "pir", "prf", "ref", "sp", "tpd", "tpe", "tpg", "tr")
)
"""Databases whose name stands before that of a sequence, as in ``ref|NP_171609.1|`` (NCBI's FASTA identifiers)."""

_NO_NAMES = "BL_ORD_ID"
"""The database of ``gnl|BL_ORD_ID|7``: the number of a sequence, which BLAST reports if it was not told the names."""

_RELEASE = re.compile(r"(?:\.[A-Z]\w*)?(?:\.a\d+)?\.v\d+(?:\.\d+)*$")
"""Matches the assembly and annotation version that Phytozome appends, such as ``.v5.5`` or ``.Wm82.a2.v1``."""

_VERSION = re.compile(r"\.\d+$")

_VERSIONED = re.compile(r"(?:ENS[A-Z]*\d{6,}|Solyc\d\dg\d{6}|[A-Z]{2}_\d{6,})\.\d+$")
"""Matches names of which the last number is known to be a version: Ensembl, tomato (ITAG), and RefSeq. In other names,
such as SPAC1002.01, Y74C9A.3, AC004832.3 and MSTRG.7, it may distinguish genes."""

_ISOFORM = re.compile(
    r"(?:(?<=\d)[._-](?:t|T|P|m?RNA|cds|CDS|transcript|protein)[._-]?\d+(?:\.\d+)?|(?<=\d)-[PRT][A-Z]|\.\d+)$"
)
"""Matches the suffix of a transcript or protein: ``.1``, ``.t1``, ``_T001``, ``-mRNA-1``, ``-RA``."""

_RAP = re.compile(r"^(Os\d\d)t(\d{7})(?:-\d+)?$")
"""Matches the transcripts of RAP-DB (rice), whose genes have a ``g`` instead of the ``t``."""


def unprefixed(name: str) -> str:
    """Remove the database and the prefix of a name; of several names between ``|``, return the first.

    >>> [unprefixed(name) for name in ("gene:AT1G01010", "rna-NM_099983.2", "lcl|AT1G01010.1")]
    ['AT1G01010', 'NM_099983.2', 'AT1G01010.1']
    >>> unprefixed("ENST00000456328.2|ENSG00000290825.1|-|OTTHUMT00000362751.1|DDX11L2-202|DDX11L2|1657|lncRNA|")
    'ENST00000456328.2'
    >>> unprefixed("gi|15223276|ref|NP_171609.1|"), unprefixed("gnl|BL_ORD_ID|7")
    ('NP_171609.1', 'gnl|BL_ORD_ID|7')
    """
    if "|" in name:
        name = _of_fields(name)
    return _PREFIX.sub("", name)


def second_name(name: str) -> str:
    """Return the second of two names between ``|``, as StringTie's prepDE writes gene and reference gene.

    >>> second_name("MSTRG.7|AT1G01010"), second_name("lcl|AT1G01010"), second_name("AT1G01010")
    ('AT1G01010', 'AT1G01010', 'AT1G01010')
    """
    fields = name.split("|")
    return unprefixed(fields[1]) if len(fields) == 2 and fields[1] else unprefixed(name)


def unversioned(name: str) -> str:
    """Remove prefix, database and version of a name.

    >>> [unversioned(name) for name in ("ENSG00000290825.1", "gene:Solyc01g005000.3", "Cre01.g000017.v5.5")]
    ['ENSG00000290825', 'Solyc01g005000', 'Cre01.g000017']
    """
    name = unprefixed(name)
    shorter = _RELEASE.sub("", name)
    return shorter if shorter != name else _VERSION.sub("", name)


def gene_of_isoform(name: str) -> str:
    """Remove prefix, database and release of a transcript's or protein's name, and the suffix that its gene lacks.

    >>> [gene_of_isoform(name) for name in ("AT1G01010.1", "Zm00001eb000010_P001", "Glyma.01G000100.1.p")]
    ['AT1G01010', 'Zm00001eb000010', 'Glyma.01G000100']
    >>> [gene_of_isoform(name) for name in ("g12.t1", "AGAP004677-RA", "Os01t0100100-01", "Cre01.g000017.t1.1.v5.5")]
    ['g12', 'AGAP004677', 'Os01g0100100', 'Cre01.g000017']
    """
    name = _RELEASE.sub("", unprefixed(name)).removesuffix(".p")
    return _RAP.sub(r"\1g\2", _ISOFORM.sub("", name))


def without_known_version(name: str) -> str:
    """Remove prefix, database and version of a name, but only versions that cannot distinguish genes.

    >>> [without_known_version(name) for name in ("ENSG00000290825.1", "gene:Solyc01g005000.3", "Cr01.g1.v5.5")]
    ['ENSG00000290825', 'Solyc01g005000', 'Cr01.g1']
    >>> [without_known_version(name) for name in ("SPAC1002.01", "MSTRG.7", "Y74C9A.3")]
    ['SPAC1002.01', 'MSTRG.7', 'Y74C9A.3']
    """
    name = _RELEASE.sub("", unprefixed(name))
    return _VERSION.sub("", name) if _VERSIONED.fullmatch(name) else name


def gene_in_header(name: str) -> str | None:
    """Return the gene in the name of a GENCODE transcript, which lists transcript, gene and other names; else None.

    >>> gene_in_header("ENST00000456328.2|ENSG00000290825.1|-|OTTHUMT00000362751.1|DDX11L2-202|DDX11L2|1657|lncRNA|")
    'ENSG00000290825.1'
    >>> gene_in_header("ref|NP_171609.1|")
    """
    fields = name.split("|")
    is_list = len(fields) >= 7 and fields[0].lower() not in _DATABASES | {"gi", "gnl"}
    return fields[1] if is_list and fields[1] else None


def _of_fields(name: str) -> str:
    """Return the name of a sequence in an identifier with ``|``; return the identifier if it has no name."""
    fields = [field for field in name.split("|") if field]
    if fields and fields[0].lower() == "gi" and len(fields) > 3:
        fields = fields[2:]
    if len(fields) > 2 and fields[0].lower() == "gnl":
        return name if fields[1] == _NO_NAMES else fields[2]
    if len(fields) > 1 and fields[0].lower() in _DATABASES:
        return fields[1]
    return fields[0] if fields else name
