import numpy as np
import pytest

from kanseq.errors import BadOption, BadTable, UnknownGene
from kanseq.geometry import Geometry
from kanseq.sequences.shuffles import dinucleotide_shuffles
from kanseq.verbs.reference_option import find_references

GEOMETRY = Geometry(upstream=6, downstream=5, pad=2)
"""24 columns; 6-8 and 15-17 masked."""


@pytest.fixture
def codes():
    codes = np.random.default_rng(0).integers(0, 4, (2, 24)).astype(np.uint8)
    codes[:, 11:13] = 4
    return GEOMETRY.hide(codes)


def test_shuffles_are_made_from_the_gene_itself(codes):
    found = find_references("shuffle:3", 7, GEOMETRY)
    assert found.count == 3
    np.testing.assert_array_equal(found.of(codes, ["a", "b"]), dinucleotide_shuffles(codes, ["a", "b"], 3, 7))


def test_a_reference_can_have_no_bases(codes):
    found = find_references("n", 0, GEOMETRY)
    assert (found.of(codes, ["a", "b"]) == 4).all()
    assert found.of(codes, ["a", "b"]).shape == (2, 1, 24)
    assert (found.of_tokens(codes, ["a", "b"]) == 4).all()


def test_each_token_keeps_its_bases(codes):
    found = find_references("shuffle:5", 0, GEOMETRY).of_tokens(codes, ["a", "b"])
    assert found.shape == (2, 5, 24)
    for row in range(2):
        for index in range(5):
            for start in range(0, 24, 8):
                token = slice(start, start + 8)
                assert sorted(found[row, index, token]) == sorted(codes[row, token])
            np.testing.assert_array_equal(found[row, index] == 4, codes[row] == 4)
    alone = find_references("shuffle:5", 0, GEOMETRY).of_tokens(codes[1:], ["b"])
    np.testing.assert_array_equal(alone[0], found[1])


def test_sequences_of_a_file_are_masked_and_used_for_every_gene(codes, tmp_path):
    (tmp_path / "r.fa").write_text(">x\n" + "ACGT" * 6 + "\n>y\n" + "T" * 24 + "\n")
    found = find_references(str(tmp_path / "r.fa"), 0, GEOMETRY)
    given = found.of(codes, ["a", "b"])
    assert (found.count, given.shape) == (2, (2, 2, 24))
    assert given[0, 0].tolist() == [0, 1, 2, 3, 0, 1, 4, 4, 4, 1, 2, 3, 0, 1, 2, 4, 4, 4, 2, 3, 0, 1, 2, 3]
    np.testing.assert_array_equal(given[0], given[1])


def test_sequences_named_after_genes_are_used_for_those_genes(codes, tmp_path):
    records = {"b/1": "A", "a/1": "C", "b/2": "G", "a/2": "T"}
    (tmp_path / "r.fa").write_text("".join(f">{name}\n{letter * 24}\n" for name, letter in records.items()))
    found = find_references(str(tmp_path / "r.fa"), 0, GEOMETRY)
    assert found.of(codes, ["a", "b"])[:, :, 0].tolist() == [[1, 3], [0, 2]]
    with pytest.raises(UnknownGene, match="no reference for c; name records GENE/NUMBER"):
        found.of(codes, ["a", "c"])


@pytest.mark.parametrize(
    ("text", "content", "error", "words"),
    [
        ("shuffle:0", None, BadOption, "specify shuffle:N"),
        ("shuffle:x", None, BadOption, "specify shuffle:N"),
        ("zeros", None, BadOption, r"reference 'zeros' is invalid; specify shuffle:N .*, n .* or a file"),
        ("r.fa", ">x\nACGT\n", BadTable, "'x' has 4 bases, and the model reads 24 columns"),
        ("r.fa", f">x\n{'A' * 24}\n>g/1\n{'A' * 24}\n", BadTable, "all references or none must be named GENE/NUMBER"),
        ("r.fa", "".join(f">{n}\n{'A' * 24}\n" for n in ("g/1", "g/2", "h/1")), BadTable, "same number for each"),
    ],
)
def test_invalid_references_are_refused(tmp_path, monkeypatch, text, content, error, words):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / text).write_text(content)
    with pytest.raises(error, match=words):
        find_references(text, 0, GEOMETRY)
