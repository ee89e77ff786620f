"""kanseq: from a genome, an annotation and expression tables to Kolmogorov-Arnold Networks and attribution tracks.

Every command is also a function with the same name and arguments. The module of a function is imported on first use::

    import kanseq
    kanseq.extract("genome.fa.gz", "genes.gtf.gz", output="genes.parquet")
"""

from importlib import import_module

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Return a public function or class of :mod:`kanseq.api`, importing its module on first access (PEP 562)."""
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(import_module("kanseq.api"), name)


def __dir__() -> list[str]:
    """List the public functions without importing their modules."""
    return [*import_module("kanseq.api").public_names(), "__version__"]
