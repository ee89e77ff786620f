"""kanseq: from a genome, an annotation and expression tables to Kolmogorov-Arnold Networks and attribution tracks.

Every command is a function here with the same name and arguments, imported when it is first used::

    import kanseq
    kanseq.extract("genome.fa.gz", "genes.gtf.gz", output="genes.parquet")
"""

from importlib import import_module

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Look a function up in :mod:`kanseq.api` the first time it is asked for (PEP 562)."""
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(import_module("kanseq.api"), name)


def __dir__() -> list[str]:
    """Name the public functions without importing what they need."""
    return [*import_module("kanseq.api").public_names(), "__version__"]
