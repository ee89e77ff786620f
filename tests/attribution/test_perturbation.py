import numpy as np
import pytest

from kanseq.attribution.perturbation import in_silico_mutagenesis, occlude_tokens
from kanseq.attribution.references import References
from kanseq.attribution.shares import MethodOptions
from kanseq.geometry import Geometry
from tests.attribution.conftest import build_model

GEOMETRY = Geometry(upstream=12, downstream=8, pad=4)
"""44 columns: five tokens of 8 columns and one of 4."""


@pytest.fixture
def codes():
    codes = np.random.default_rng(0).integers(0, 4, (2, 44)).astype(np.uint8)
    codes[:, 20:24] = 4
    return GEOMETRY.hide(codes)


@pytest.fixture(params=["mlp", "gc"])
def model(request, codes):
    model = build_model(request.param, GEOMETRY, {})
    if request.param == "gc":
        many = np.random.default_rng(1).integers(0, 4, (40, 44)).astype(np.uint8)
        model.predictor.estimator.fit(many, np.arange(40) % 2, groups=np.arange(40), seed=0)
    return model


def test_a_token_has_the_drop_of_the_logit_without_it(model, codes):
    found = occlude_tokens(model, codes, "ab", References("n", 1), MethodOptions())
    logit = model.logits(codes)
    for row in range(2):
        for token in range(6):
            columns = slice(8 * token, 8 * token + 8)
            without = codes[row : row + 1].copy()
            without[0, columns] = 4
            fall = logit[row] - model.logits(without)[0]
            assert found.values[row, columns].sum() == pytest.approx(fall, abs=1e-5)
            known = codes[row, columns] != 4
            assert (found.values[row, columns][~known] == 0).all()
            assert (
                np.ptp(
                    found.values[row, columns][known],
                )
                < 1e-6
            )
    np.testing.assert_allclose(found.reference_logits[:, 0], model.logits(np.full_like(codes, 4)), atol=1e-6)


def test_shuffles_of_tokens_are_averaged(codes):
    model = build_model("mlp", GEOMETRY, {})
    references = References("shuffle:4", 4)
    found = occlude_tokens(model, codes, "ab", references, MethodOptions())
    given = references.of_tokens(codes, "ab")
    changed = codes[:1].copy()
    falls = []
    for index in range(4):
        changed[0, 8:16] = given[0, index, 8:16]
        falls.append(model.logits(codes)[0] - model.logits(changed)[0])
    assert found.values[0, 8:16].sum() == pytest.approx(np.mean(falls), abs=1e-5)
    assert found.errors.shape == (2, 4)


def test_a_base_has_the_mean_drop_of_the_logit_over_other_bases(model, codes):
    found = in_silico_mutagenesis(model, codes, "ab", References("n", 1), MethodOptions(hypothetical=True))
    for column in (0, 7, 30, 43):
        each = []
        for base in range(4):
            mutant = codes[:1].copy()
            mutant[0, column] = base
            each.append(model.logits(mutant)[0])
        others = [value for base, value in enumerate(each) if base != codes[0, column]]
        expected = 0 if codes[0, column] == 4 else model.logits(codes)[0] - np.mean(others)
        assert found.values[0, column] == pytest.approx(expected, abs=1e-5)
        if codes[0, column] != 4:
            np.testing.assert_allclose(found.hypothetical[0, :, column], each - np.mean(each), atol=1e-5)
    assert (found.values[codes == 4] == 0).all()
    assert found.errors.shape == (2, 0)
