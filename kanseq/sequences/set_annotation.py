"""Find the annotation from which a set was extracted, and match names by it.

In: a set, which stores the name and the checksum of its annotation. Out: the file, if it is near, and a remedy.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from kanseq.errors import KanseqError, Remedy
from kanseq.genome.annotation.annotated_names import read_transcript_genes
from kanseq.genome.names.resolver import LEAST, KnownNames, match_names
from kanseq.io.files import PathLike, fingerprint
from kanseq.sequences.sequence_set import SequenceSet


def id_key_of(genes: PathLike | SequenceSet | None) -> str | None:
    """Return the attribute that contains the ids of a set, if it was made with ``kanseq extract --id``."""
    if genes is None:
        return None
    options = _opened(genes).metadata.get("options")
    key = options.get("id") if isinstance(options, dict) else None
    return None if key is None else str(key)


def annotation_remedy(genes: PathLike | SequenceSet, names: Sequence[str]) -> Remedy | str | None:
    """Return how the annotation of a set matches names that the set does not know.

    The annotation is searched in the folder of the set and in the working folder, and recognised by its checksum.

    Args:
        genes: the set, or its file.
        names: names of genes or transcripts.

    Returns:
        A remedy that was tested on the names, if the annotation was found and matches them. A hint to use the
        annotation, if it was not found. None if it does not match the names, or the set states no annotation.
    """
    of_set = _opened(genes)
    recorded = _annotation_of(of_set)
    if recorded is None:
        return None
    for path in _near(genes, str(recorded["name"])):
        if path.stat().st_size == recorded["bytes"] and fingerprint(path) == recorded:
            return _tested(path, of_set, names)
    return f"use --annotation {recorded['name']} (the annotation of the set) to look up other names of its genes"


def _tested(path: Path, genes: SequenceSet, names: Sequence[str]) -> Remedy | None:
    """Return a remedy with ``--annotation`` if this matches enough names."""
    known = list(genes.table["id"].astype(str))
    try:
        gene_of = read_transcript_genes(path, known, id_key_of(genes))
    except KanseqError:
        # An annotation that cannot be read is no remedy.
        return None
    found = match_names(names, KnownNames(list(gene_of), list(gene_of.values())), many=True).found
    if found < max(1, LEAST * min(len(names), len(known))):
        return None
    return Remedy(f"with --annotation {path} {found:,} would match", {"--annotation": str(path)})


def _annotation_of(genes: SequenceSet) -> dict[str, str | int] | None:
    """Return name, size and checksum of the annotation in the metadata of a set; None if there are none."""
    inputs = genes.metadata.get("inputs")
    if genes.metadata.get("kind") != "genes" or not isinstance(inputs, list) or len(inputs) < 2:
        return None
    # The inputs of extract are the genome, the annotation and the table of aliases.
    return inputs[1] if isinstance(inputs[1], dict) and {"name", "bytes", "sha256"} <= set(inputs[1]) else None


def _near(genes: PathLike | SequenceSet, name: str) -> Iterator[Path]:
    """Yield the files of this name in the working folder and in the folder of the set."""
    folders = [Path()] if isinstance(genes, SequenceSet) else [Path(), Path(genes).parent]
    for path in dict.fromkeys(folder / Path(name).name for folder in folders):
        if path.is_file():
            yield path


def _opened(genes: PathLike | SequenceSet) -> SequenceSet:
    """Return a set with its ids."""
    return genes if isinstance(genes, SequenceSet) else SequenceSet.read(genes, ["species", "id"])
