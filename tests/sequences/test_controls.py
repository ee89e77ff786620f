"""What each control removes and keeps; models fall to chance if there is nothing else to learn."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.registry import architecture, make_config
from kanseq.sequences.controls import check_control, disturbed, disturbed_targets
from kanseq.sequences.sequence_set import SequenceSet

GENES = Geometry(upstream=40, downstream=24, pad=8)
"""136 columns, 17 tokens; tokens 5 and 11 have 3 masked columns each, token 8 is padding."""

MOVABLE = [0, 1, 2, 3, 4, 6, 7, 9, 10, 12, 13, 14, 15, 16]
"""Tokens with all columns visible."""

WORD, DECOY = "TTACTCCATT", "TTTCACCTAT"
"""Both hold TT twice, and TA, AC, CT, TC, CC, CA and AT once, between the same ends; they share no 3-mer."""


def a_set(sequences, geometry, species="."):
    columns = {"species": species, "length": [len(sequence) for sequence in sequences], "sequence": sequences}
    return SequenceSet(pd.DataFrame({"id": [f"g{row}" for row in range(len(sequences))], **columns}), geometry)


def random_genes(count, geometry=GENES, seed=0):
    letters = np.random.default_rng(seed).choice(list("ACGT"), (count, geometry.columns))
    if geometry.has_genes:
        letters[:, geometry.window : geometry.window + geometry.pad] = "N"
    return letters


def joined(letters):
    return ["".join(row) for row in letters]


def sequences_of(genes):
    return list(genes.table["sequence"])


def pairs(sequence):
    return Counter(pairwise(sequence))


def tokens(sequence):
    return [sequence[start : start + 8] for start in range(0, len(sequence), 8)]


def test_shuffled_sequences_keep_the_dinucleotides_of_every_run_and_hidden_columns():
    genes = a_set(joined(random_genes(5)), GENES)
    shuffled = disturbed(genes, "sequence", 0)
    for before, after in zip(sequences_of(genes), sequences_of(shuffled), strict=True):
        for start, end in ((0, 40), (43, 64), (72, 93), (96, 136)):
            assert pairs(after[start:end]) == pairs(before[start:end])
            assert after[start:end] != before[start:end]
        for start, end in ((40, 43), (64, 72), (93, 96)):
            assert after[start:end] == before[start:end]


def test_hidden_letters_stay_hidden():
    genes = a_set(joined(random_genes(4)), replace(GENES, visible="flanks"))
    for control in ("sequence", "positions"):
        for before, after in zip(sequences_of(genes), sequences_of(disturbed(genes, control, 0)), strict=True):
            assert after[40:96] == before[40:96]
            assert after[:40] != before[:40]
            assert after[96:] != before[96:]
            assert Counter(after[:40] + after[96:]) == Counter(before[:40] + before[96:])


def test_letters_that_are_not_bases_and_lengths_stay():
    genes = a_set(["ACGTRACGTTGCANNAC", "ACGTTGCATTAC", ""], Geometry.plain(20))
    shuffled = sequences_of(disturbed(genes, "sequence", 0))
    assert [len(sequence) for sequence in shuffled] == [17, 12, 0]
    assert (shuffled[0][4], shuffled[0][13:15]) == ("R", "NN")
    assert pairs(shuffled[1]) == pairs("ACGTTGCATTAC")
    # Two complete tokens, swapped or not; then one token and four further bases; then an empty sequence.
    first, second, third = sequences_of(disturbed(genes, "positions", 0))
    assert first in ("ACGTRACGTTGCANNAN", "TTGCANNAACGTRACGN")
    assert (second, third) == ("ACGTTGCANNNN", "")


def test_tokens_are_permuted_across_both_windows_in_a_different_order_per_gene():
    # Each token starts with its number as a word that no other token has.
    numbers = ["".join("ACGT"[number >> shift & 3] for shift in (4, 2, 0)) + "CCCCC" for number in range(17)]
    sequence = "".join(numbers)
    sequence = sequence[:64] + "N" * 8 + sequence[72:]
    found = sequences_of(disturbed(a_set([sequence] * 300, GENES), "positions", 0))
    orders = np.array([[numbers.index(tokens(row)[place]) for place in MOVABLE] for row in found])
    assert (np.sort(orders, axis=1) == MOVABLE).all()
    for row in found:
        # The masked letters stay, and the bases next to them in their tokens become N.
        assert tokens(row)[5] == numbers[5][:3] + "NNNNN"
        assert tokens(row)[11] == "NNNNN" + numbers[11][5:]
        assert tokens(row)[8] == "N" * 8
    # Every token gets to every position in 300 / 14 = 21 genes, plus or minus four standard deviations of 4.5.
    for token in MOVABLE:
        assert all(3 <= count <= 40 for count in (orders == token).sum(axis=0))


def test_eighteen_bases_of_the_default_windows_are_outside_complete_tokens():
    sequence = "A" * 1500 + "N" * 20 + "C" * 1500
    (found,) = sequences_of(disturbed(a_set([sequence], Geometry()), "positions", 0))
    lost = [column for column in range(3020) if found[column] == "N" and not 1500 <= column < 1520]
    # Next to the masks, before the padding, and after the last complete token; the rest of tokens 187 and 377.
    assert lost == [*range(1003, 1008), *range(1496, 1500), 2016, *range(2020, 2024), *range(3016, 3020)]
    assert "C" in found[:1000]


@pytest.mark.parametrize("control", ["sequence", "positions"])
def test_results_depend_only_on_seed_name_and_sequence_and_the_set_stays_unchanged(control):
    genes = a_set(joined(random_genes(6)), GENES)
    before = sequences_of(genes)
    found = sequences_of(disturbed(genes, control, 0))
    assert sequences_of(genes) == before
    assert sequences_of(disturbed(genes.select(np.array([4, 1])), control, 0)) == [found[4], found[1]]
    assert sequences_of(disturbed(genes, control, 1)) != found
    assert sequences_of(disturbed(a_set(before, GENES, species="other"), control, 0)) != found
    others = disturbed(genes, control, 0).table.drop(columns="sequence")
    pd.testing.assert_frame_equal(others, genes.table.drop(columns="sequence"))


def test_shuffled_sequences_are_the_same_in_every_version():
    genes = a_set(["ACGTTGCAAGCTTACCGATAGGCTCCATGGTA"], Geometry.plain(32))
    assert sequences_of(disturbed(genes, "sequence", 0)) == ["ATTTGGCAGGCCTACTGAGCCACGTCGTATAA"]
    assert sequences_of(disturbed(genes, "positions", 0)) == ["CCATGGTAGATAGGCTACGTTGCAAGCTTACC"]
    assert disturbed_targets(np.arange(8), "labels", 0, "1").tolist() == [5, 2, 6, 4, 3, 7, 1, 0]


def test_targets_are_permuted_by_seed_and_fold_only_under_the_control_labels():
    targets = np.repeat([0, 1], [300, 100])
    permuted = disturbed_targets(targets, "labels", 0, "1")
    assert np.bincount(permuted).tolist() == [300, 100]
    # A quarter of the first 100 is of class 1, plus or minus four standard deviations of 3.8.
    assert 10 <= permuted[:100].sum() <= 40
    assert (disturbed_targets(targets, "labels", 0, "1") == permuted).all()
    assert (disturbed_targets(targets, "labels", 1, "1") != permuted).any()
    assert (disturbed_targets(targets, "labels", 0, "2") != permuted).any()
    assert disturbed_targets(targets, "sequence", 0, "1") is targets
    assert len(disturbed_targets(targets[:0], "labels", 0, "1")) == 0


def test_targets_of_several_conditions_are_permuted_together():
    targets = np.stack([np.arange(50.0), 100 + np.arange(50.0)], axis=1)
    permuted = disturbed_targets(targets, "labels", 3, "1")
    assert (permuted[:, 1] - permuted[:, 0] == 100).all()
    assert sorted(permuted[:, 0]) == list(range(50))


def test_other_controls_return_the_set_itself_and_unknown_ones_are_refused():
    genes = a_set(["ACGT"], Geometry.plain(4))
    assert disturbed(genes, "none", 0) is genes
    assert disturbed(genes, "labels", 0) is genes
    for call in (
        lambda: check_control("chaos"),
        lambda: disturbed(genes, "chaos", 0),
        lambda: disturbed_targets(np.zeros(2), "chaos", 0, "1"),
    ):
        with pytest.raises(BadOption, match="no control 'chaos'; choose none, labels, sequence, positions"):
            call()


TRAINING = np.arange(400)
HELD_OUT = np.arange(400, 800)
TOLERANCE = 3 * (401 / (12 * 200 * 200)) ** 0.5
"""Three standard deviations, 0.087, of the auROC of random scores for 200 genes against 200 (Mann & Whitney 1947)."""


def plant(letters, row, start, word):
    letters[row, start : start + len(word)] = list(word)


def word_against_decoy():
    """Classes that differ in one word among random bases; its decoy is a dinucleotide shuffle of it."""
    geometry = Geometry.plain(160)
    letters, targets = random_genes(800, geometry), np.tile([0, 1], 400)
    starts = np.random.default_rng(1).integers(0, 150, 800)
    for row in range(800):
        plant(letters, row, starts[row], WORD if targets[row] else DECOY)
    return a_set(joined(letters), geometry), targets


def word_at_its_place():
    """Classes that differ in the token that holds a word: the third one, or any other."""
    letters, targets = random_genes(800), np.tile([0, 1], 400)
    others = np.random.default_rng(1).choice([token for token in MOVABLE if token != 2], 800)
    for row in range(800):
        plant(letters, row, 8 * (2 if targets[row] else others[row]), "GATTACCA")
    return a_set(joined(letters), GENES), targets


def plain_score(genes, targets, **options):
    """Fit ``kmer-logistic`` to the training genes and score the held-out ones."""
    model = architecture("kmer-logistic").build(make_config("kmer-logistic", genes.geometry, options))
    model.fit(genes.codes(TRAINING), targets[TRAINING])
    return model.logits(genes.codes(HELD_OUT))


def network_score(genes, targets):
    """Fit a small perceptron in the same way."""
    torch.manual_seed(0)
    network = architecture("mlp").build(make_config("mlp", genes.geometry, {"hidden": 16}))
    codes, labels = torch.from_numpy(genes.codes(TRAINING)), torch.from_numpy(targets[TRAINING])
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(30):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(codes), labels).backward()
        optimiser.step()
    with torch.inference_mode():
        outputs = network(torch.from_numpy(genes.codes(HELD_OUT)))
    return (outputs[:, 1] - outputs[:, 0]).numpy()


def auroc(targets, logits):
    return roc_auc_score(targets[HELD_OUT], logits)


def test_a_word_is_learned_but_not_from_shuffled_sequences():
    genes, targets = word_against_decoy()
    assert auroc(targets, plain_score(genes, targets, bin=160)) > 0.8
    shuffled = disturbed(genes, "sequence", 0)
    assert abs(auroc(targets, plain_score(shuffled, targets, bin=160)) - 0.5) < TOLERANCE
    # Its position carries no information, so it is still learned from permuted tokens.
    displaced = disturbed(genes, "positions", 0)
    assert auroc(targets, plain_score(displaced, targets, bin=160)) > 0.65


@pytest.mark.parametrize("score", [lambda *given: plain_score(*given, bin=8), network_score])
def test_a_position_is_learned_but_not_from_permuted_tokens(score):
    genes, targets = word_at_its_place()
    assert auroc(targets, score(genes, targets)) > 0.8
    displaced = disturbed(genes, "positions", 0)
    assert abs(auroc(targets, score(displaced, targets)) - 0.5) < TOLERANCE


def test_permuted_labels_give_chance_on_average_over_seeds():
    # A single permutation may by chance rank the 16 counts of the word correctly or in reverse.
    genes, targets = word_against_decoy()
    scores = []
    for seed in range(5):
        permuted = targets.copy()
        permuted[TRAINING] = disturbed_targets(targets[TRAINING], "labels", seed, "1")
        scores.append(auroc(targets, plain_score(genes, permuted, bin=160)))
    assert abs(np.mean(scores) - 0.5) < TOLERANCE
