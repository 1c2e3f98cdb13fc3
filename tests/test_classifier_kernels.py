"""The optimiser's compiled loops do what PyTorch's calls do."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from rnnsweep.optim import distinct, kernels, lazy, optimizer, skipped
from rnnsweep.optim.adam import MovedAdam, may_move
from rnnsweep.optim.config import OptimizerConfig
from rnnsweep.optim.distinct import Distinct, looked_up
from rnnsweep.optim.lazy import LazyAdam
from rnnsweep.optim.optimizer import clip
from rnnsweep.runtime.compiled import compiled

KINDS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def weights(dtype=torch.float32):
    torch.manual_seed(0)
    return [torch.randn(7, 5, dtype=dtype).requires_grad_(), torch.randn(9, dtype=dtype).requires_grad_()]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("kind", KINDS)
def test_a_compiled_step_is_pytorchs_over_600_steps_and_a_restart_by_pytorch(kind, decay, dtype):
    ours, theirs = weights(dtype), weights(dtype)
    options = {"lr": 0.01, "weight_decay": decay, "betas": (0.8, 0.98)}
    own, other = KINDS[kind](ours, **options), KINDS[kind](theirs, **options)
    moved = MovedAdam(own)
    for step in range(600):
        rate = 0.01 / (1 + step / 100)
        for one, two in zip(ours, theirs, strict=True):
            one.grad = torch.randn_like(one)
            two.grad = one.grad.clone()
        if step == 300:
            other.load_state_dict(deepcopy(own.state_dict()))  # the state is PyTorch's own
            own.load_state_dict(deepcopy(other.state_dict()))
            moved.adopt()
        other.param_groups[0]["lr"] = rate
        moved.step(lr=rate)
        other.step()

    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(ours, theirs, atol=tolerance, rtol=tolerance)
    assert ours[0].grad is None


def test_a_weight_without_a_gradient_stays_where_it_is():
    ours = weights()
    moved, before = MovedAdam(torch.optim.Adam(ours)), ours[1].detach().clone()
    ours[0].grad = torch.ones_like(ours[0])
    moved.step(lr=0.1)
    assert torch.equal(ours[1], before)
    assert not torch.equal(ours[0], weights()[0])


def test_only_adam_over_contiguous_weights_of_one_precision_is_moved_by_compiled_steps():
    assert may_move(torch.optim.AdamW(weights()))
    assert not may_move(torch.optim.SGD(weights(), lr=0.1))
    assert not may_move(torch.optim.Adam([*weights(), *weights(torch.float64)]))
    assert not may_move(torch.optim.Adam([torch.randn(3, 4).t().requires_grad_()]))


@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e3])
def test_clipping_is_pytorchs(limit):
    ours, theirs = weights(), weights()
    for one, two in zip(ours, theirs, strict=True):
        one.grad, two.grad = torch.full_like(one, 0.3), torch.full_like(two, 0.3)
    clip(ours, limit)
    torch.nn.utils.clip_grad_norm_(theirs, limit)
    torch.testing.assert_close([w.grad for w in ours], [w.grad for w in theirs])


@pytest.mark.parametrize("limit", [1e-3, 1e3])
@pytest.mark.parametrize("rows", [6000, 10])
def test_clipping_in_the_step_itself_is_pytorchs_for_lazy_and_for_dense_rows(limit, rows):
    """Rows too few to be lazy are dense weights."""
    config = OptimizerConfig(lr=0.05, gradient_clip=limit)
    tables = [nn.Embedding(rows, 64) for _ in range(2)]
    outputs = [nn.Linear(64, 3) for _ in range(2)]
    for pair in (tables, outputs):
        pair[1].load_state_dict(pair[0].state_dict())
    ours = optimizer.Optimizer(config, tables[0], outputs[0].parameters())
    assert (ours.lazy is None) == (rows == 10)
    theirs = torch.optim.Adam([*tables[1].parameters(), *outputs[1].parameters()], lr=0.05)
    for _ in range(20):
        tokens_TB = torch.randint(0, rows, (4, 3))
        ours.look(tokens_TB)
        outputs[0](ours.vectors(slice(None)).mean(0)).square().sum().backward()
        ours.clip()
        ours.step(lr=0.05)
        theirs.zero_grad()
        outputs[1](tables[1](tokens_TB).mean(0)).square().sum().backward()
        torch.nn.utils.clip_grad_norm_([*tables[1].parameters(), *outputs[1].parameters()], limit)
        theirs.step()
    ours.catch_up()
    torch.testing.assert_close(tables[0].weight, tables[1].weight, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(outputs[0].weight, outputs[1].weight, atol=1e-5, rtol=1e-5)


def test_a_gradient_that_is_no_number_is_not_clipped_away():
    (one, _) = weights()
    one.grad = torch.full_like(one, float("nan"))
    clip([one], 1.0)
    assert one.grad.isnan().all()


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=20), st.none() | st.integers(0, 6))
def test_looking_up_rows_has_the_gradient_of_pytorchs_embedding(places, padding):
    places_TB = torch.tensor(places).unsqueeze(1)
    ours, theirs = (torch.randn(7, 3).requires_grad_() for _ in range(2))
    theirs.data.copy_(ours.data)
    factors = torch.randn(len(places), 1, 3)

    (looked_up(ours, places_TB, padding) * factors).sum().backward()
    (torch.nn.functional.embedding(places_TB, theirs, padding) * factors).sum().backward()

    torch.testing.assert_close(ours.grad, theirs.grad)


@given(st.lists(st.floats(-1e3, 1e3, width=32), max_size=200))
@settings(deadline=None)
def test_the_sum_of_squares_is_one_in_double_precision(values):
    found = kernels.sum_of_squares(np.array(values, np.float32))
    assert found == pytest.approx(sum(value**2 for value in values), rel=1e-12)


@pytest.mark.parametrize("available", [True, False])
def test_rows_that_were_read_and_not_stepped_are_as_the_dense_optimiser_has_them(available, monkeypatch):
    for module in (lazy, skipped):
        monkeypatch.setattr(module, "AVAILABLE", available)
    torch.manual_seed(0)
    dense_VD = torch.randn(6, 4, dtype=torch.double, requires_grad=True)
    rows = LazyAdam(dense_VD.clone(), betas=(0.9, 0.99))
    usual = torch.optim.Adam([dense_VD], lr=0.05, betas=(0.9, 0.99))
    for step in range(40):
        touched_U = torch.tensor([step % 3, 5])
        rows.read(torch.tensor([0, 3, 4]))  # looked at, then another batch was taken
        leaf_UD = rows.read(touched_U)
        leaf_UD.grad = torch.full_like(leaf_UD, 0.1 * (1 + step % 5))
        dense_VD.grad = torch.zeros_like(dense_VD).index_copy_(0, touched_U, leaf_UD.grad)
        rows.step(lr=0.05)
        usual.step()
        if step % 7 == 0:
            rows.read(torch.tensor([0, 1, 2]))
            rows.catch_up()
            torch.testing.assert_close(rows.table_VD, dense_VD.detach(), atol=1e-9, rtol=1e-7)


def test_rows_read_before_all_were_brought_up_to_date_are_to_be_read_again():
    rows = LazyAdam(torch.ones(3, 2), betas=(0.9, 0.99))
    leaf_UD = rows.read(torch.tensor([1]))
    leaf_UD.grad = torch.ones_like(leaf_UD)
    rows.catch_up()
    with pytest.raises(AssertionError):
        rows.step(lr=0.1)


def test_rows_are_made_up_for_the_same_with_and_without_the_compiler(monkeypatch):
    def trained(available):
        for module in (distinct, lazy, optimizer, skipped):
            monkeypatch.setattr(module, "AVAILABLE", available)
        torch.manual_seed(1)
        table_VD = torch.randn(50, 4, dtype=torch.double) * 0.1
        rows, seen = LazyAdam(table_VD, betas=(0.9, 0.99), decay=0.05), Distinct(50)
        for _ in range(80):
            ids_U, _ = seen.find(torch.randint(0, 50, (3, 2)))
            ids_U = ids_U.sort().values
            leaf_UD = rows.read(ids_U)
            leaf_UD.square().sum().backward()
            rows.step(lr=0.02)
        rows.catch_up()
        return table_VD

    torch.testing.assert_close(trained(True), trained(False), atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize("decay", [1.0, 0.999])
@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=400))
@settings(max_examples=20, deadline=None)
def test_skipped_steps_add_up_the_same_with_and_without_the_compiler(decay, gains):
    """The window is 265 steps long: more of them than that are pushed."""
    found = []
    for available in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(skipped, "AVAILABLE", available)
            sums = skipped.Skipped(LazyAdam.ratios((0.9, 0.999)))
            for gain in gains:
                sums.push(gain * np.arange(1.0, 5.0), decay=decay)
            found.append(sums.since(np.arange(sums.now)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_learning_rate_past_all_numbers_makes_infinite_weights_without_a_warning():
    (weight,) = (torch.ones(3, requires_grad=True),)
    moved = MovedAdam(torch.optim.Adam([weight], lr=1e38))
    weight.grad = torch.ones(3)
    moved.step(lr=1e38)
    assert not weight.isfinite().any()


def test_a_function_whose_code_cannot_be_kept_on_disk_is_compiled_all_the_same():
    names = {}
    exec("def double(x):\n    return 2 * x", names)  # a function of no file, which Numba has no place for
    assert compiled(names["double"])(3) == 6
