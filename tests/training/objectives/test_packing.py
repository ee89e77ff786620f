"""Nested values are stored as arrays and JSON and restored unchanged."""

import json
import math

import numpy as np
import pytest
import torch

from kanseq.training.objectives.packing import is_table, pack, unpack, unpack_table


def test_nested_values_are_restored_with_their_types():
    tree = {
        0: {"d": torch.tensor([1.5, -2.0]), "al": [None, torch.tensor(3)], "t": 0.1, "n": 7, "on": True},
        "betas": (0.9, math.inf),
        "empty": [],
    }
    arrays, order = pack(tree, "lbfgs")
    assert sorted(arrays) == ["lbfgs.0.al.1", "lbfgs.0.d"]
    again = unpack(arrays, json.loads(json.dumps(order, allow_nan=False)))
    assert list(again) == [0, "betas", "empty"]
    assert again["betas"] == (0.9, math.inf)
    assert again["empty"] == []
    assert again[0]["d"].tolist() == [1.5, -2.0]
    assert again[0]["al"] == [None, torch.tensor(3)]
    assert (again[0]["t"], again[0]["n"], again[0]["on"]) == (0.1, 7, True)
    assert math.isnan(unpack({}, pack(math.nan, "x")[1]))


def test_the_moments_of_adam_need_no_json():
    layer = torch.nn.Linear(2, 1)
    adam = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    adam.step()
    arrays, order = pack(adam.state_dict()["state"], "optimizer")
    assert is_table(order)
    assert sorted(arrays)[:3] == ["optimizer.0.exp_avg", "optimizer.0.exp_avg_sq", "optimizer.0.step"]
    again = unpack_table({**arrays, "model.weight": arrays["optimizer.0.exp_avg"]}, "optimizer")
    assert {number: sorted(values) for number, values in again.items()} == {
        number: ["exp_avg", "exp_avg_sq", "step"] for number in (0, 1)
    }
    assert again[0]["exp_avg"].tolist() == adam.state[layer.weight]["exp_avg"].tolist()
    assert not is_table(pack({"average": {"weight": layer.weight}}, "memory")[1])
    assert not is_table(pack({0: {"step": 3}}, "optimizer")[1])


def test_numpy_scalars_and_bfloat16_are_restored():
    moments = torch.tensor([1.0, -0.3], dtype=torch.bfloat16)
    tree = {"n": np.int64(7), "t": np.float32(0.5), "on": np.bool_(True), "no": np.float64("nan"), "m": moments}
    arrays, order = pack(tree, "memory")
    again = unpack(arrays, json.loads(json.dumps(order, allow_nan=False)))
    assert (again["n"], again["t"], again["on"]) == (7, 0.5, True)
    assert [type(again[name]) for name in ("n", "t", "on", "no")] == [int, float, bool, float]
    assert arrays["memory.m"].dtype == np.float32
    assert again["m"].dtype == torch.bfloat16
    assert torch.equal(again["m"], moments)
    # The names do not contain the dtype.
    assert not is_table(pack({0: {"exp_avg": moments}}, "optimizer")[1])


def test_values_that_a_file_cannot_store_are_refused():
    with pytest.raises(TypeError, match=r"memory\.x is a set: a state can only contain tensors, numbers"):
        pack({"x": {1}}, "memory")
    with pytest.raises(TypeError, match=r"memory\.x is a tensor of torch\.float8_e5m2, torch\.strided"):
        pack({"x": torch.zeros(2).to(torch.float8_e5m2)}, "memory")
