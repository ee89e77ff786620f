"""A GUE folder with one small task: sequences with an inserted word (k-mer), and networks that learn it in seconds."""

import numpy as np
import pytest

TINY = ["widths=6,4", "batch_size=16", "learning_rate=0.01"]


def sequences(number, seed, word="TATAAA", length=30):
    """Return random sequences with labels; every second one contains the word."""
    rng = np.random.default_rng(seed)
    rows = []
    for row in range(number):
        letters = "".join(rng.choice(list("ACGT"), length))
        if row % 2:
            at = int(rng.integers(0, length - len(word)))
            letters = letters[:at] + word + letters[at + len(word) :]
        rows.append((letters, row % 2))
    return rows


def write_task(folder, sizes=(120, 30, 40), seed=0):
    folder.mkdir(parents=True)
    for number, (split, size) in enumerate(zip(("train", "dev", "test"), sizes, strict=True)):
        lines = [f"{letters},{label}" for letters, label in sequences(size, [seed, number])]
        (folder / f"{split}.csv").write_text("\n".join(["sequence,label", *lines]) + "\n")
    return folder


@pytest.fixture
def gue(tmp_path):
    write_task(tmp_path / "GUE" / "prom" / "prom_core_tata")
    return tmp_path / "GUE"
