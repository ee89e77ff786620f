"""Curves of position: sums match explicit loops, are standardised, and agree for kinds and mixtures."""

import numpy as np
import pytest
import torch

from kanseq.nn.positional import PlacedCurves, Stretch

STRETCHES = [
    Stretch(2, 9, tuple(9 - column - 0.5 for column in range(2, 9)), (0.0, 2.0, 4.0, 7.0)),
    Stretch(9, 20, tuple(column - 9 + 0.5 for column in range(9, 20)), (0.0, 3.0, 11.0)),
]


def build(order=3, outputs=2, gain=1.5):
    torch.manual_seed(0)
    layer = PlacedCurves(5, outputs, 24, STRETCHES, order=order, gain=gain).double()
    torch.nn.init.normal_(layer.weight)
    return layer


def onehot(kinds):
    return (kinds[:, None] == torch.arange(5)[:, None]).double()


@pytest.mark.parametrize("order", range(5))
def test_splines_add_up_to_one_on_their_stretch_and_to_zero_outside(order):
    layer = build(order)
    assert [part.stop - part.start for part in layer.functions] == [3 + order, 2 + order]
    for (start, stop), functions in zip(layer.stretches, layer.functions, strict=True):
        sums = layer.splines[:, functions].sum(1)
        torch.testing.assert_close(sums[start:stop], torch.ones(stop - start, dtype=torch.float64))
        assert (sums[:start] == 0).all()
        assert (sums[stop:] == 0).all()


def test_a_sum_adds_the_curves_at_the_columns_of_items():
    layer = build()
    kinds = torch.randint(0, 6, (7, 24))
    amounts = torch.rand(7, 24, dtype=torch.float64)
    layer.standardise(counted(layer, onehot(kinds)))
    curves = layer.curves().detach()
    mean = torch.stack(
        [(layer.weight.detach() * layer.gain / layer.scale * layer.mean)[:, :, f].sum((1, 2)) for f in layer.functions],
        1,
    )
    found = layer(kinds, amounts).detach()
    assert found.shape == (7, 2, 2)
    for n in range(7):
        for output in range(2):
            for at, (start, stop) in enumerate(layer.stretches):
                expected = sum(
                    amounts[n, t] * curves[output, kinds[n, t], t] for t in range(start, stop) if kinds[n, t] < 5
                )
                assert found[n, output, at].item() == pytest.approx(float(expected - mean[output, at]), abs=1e-12)


def test_mixtures_of_one_kind_each_match_those_kinds():
    layer, kinds = build(), torch.randint(0, 6, (7, 24))
    amounts = torch.rand(7, 24, dtype=torch.float64)
    torch.testing.assert_close(layer(kinds), layer.of_mixtures(onehot(kinds)))
    torch.testing.assert_close(layer(kinds, amounts), layer.of_mixtures(onehot(kinds) * amounts[:, None]))


def counted(layer, *mixtures):
    moments = layer.moments()
    for mixture in mixtures:
        moments.add(mixture)
    return moments


def test_moments_do_not_depend_on_batches_and_constant_values_have_scale_one():
    layer = build()
    kinds = torch.randint(0, 4, (30, 24))
    x = onehot(kinds)
    x[:, 3] = 0.25
    layer.standardise(counted(layer, x[:1], x[1:11], x[11:]))
    counts = (x @ layer.splines).numpy()
    np.testing.assert_allclose(layer.mean, counts.mean(0), atol=1e-12)
    std = counts.std(0)
    np.testing.assert_allclose(layer.scale, np.where(std > 1e-9, np.maximum(std, 30**-0.5), 1), rtol=1e-9)
    assert (layer.scale[3:] == 1).all()


def test_mean_sequences_score_zero_and_one_standard_deviation_adds_the_weight():
    layer, kinds = build(gain=2.0), torch.randint(0, 5, (400, 24))
    layer.standardise(counted(layer, onehot(kinds)))
    found = layer(kinds)
    torch.testing.assert_close(found.mean(0), torch.zeros(2, 2, dtype=torch.float64), atol=1e-10, rtol=0)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 1, 2] = 0.5
    assert layer(kinds)[:, 0].sum(1).std(correction=0).item() == pytest.approx(2.0 * 0.5)
