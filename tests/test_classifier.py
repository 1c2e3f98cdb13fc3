"""Lazy optimisers are PyTorch's; schedules are PyTorch's; metrics are scikit-learn's."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from sklearn.metrics import accuracy_score, f1_score

from rnnsweep.errors import UserError
from rnnsweep.optim.config import OptimizerConfig, TrainerConfig
from rnnsweep.optim.distinct import Distinct
from rnnsweep.optim.lazy import LazyAdam, LazySGD
from rnnsweep.optim.optimizer import Optimizer, dense_because
from rnnsweep.optim.schedule import Plateau, factor
from rnnsweep.optim.skipped import quadrature
from rnnsweep.tasks import Facts, TaskConfig, spec_named
from rnnsweep.training.metrics import Tally

ROWS, WIDTH = 200, 6


def adam(betas=(0.9, 0.999), eps=1e-8):
    return (
        lambda weights: torch.optim.Adam(weights, lr=1.0, betas=betas, eps=eps),
        lambda table: LazyAdam(table, betas=betas, eps=eps),
    )


def adamw(decay, betas=(0.9, 0.999), eps=1e-8):
    return (
        lambda weights: torch.optim.AdamW(weights, lr=1.0, betas=betas, eps=eps, weight_decay=decay),
        lambda table: LazyAdam(table, betas=betas, eps=eps, decay=decay),
    )


def sgd(momentum):
    return (
        lambda weights: torch.optim.SGD(weights, lr=1.0, momentum=momentum),
        lambda table: LazySGD(table, momentum=momentum),
    )


KINDS = {
    "adam": adam(),
    "adam, other betas": adam((0.8, 0.98)),
    "adam without momentum": adam((0.0, 0.99)),
    "adam, slow moments": adam((0.95, 0.999)),
    "adam, large eps": adam(eps=1e-4),
    "adamw": adamw(0.1),
    "adamw, other betas and eps": adamw(0.01, (0.7, 0.95), 1e-6),
    "sgd": sgd(0.0),
    "sgd with momentum": sgd(0.9),
}


def touched(generator, scale, dtype):
    """Rows as texts have them: a few very often, most seldom; and their gradient."""
    rows_U = torch.unique((torch.rand(8, generator=generator) ** 4 * ROWS).long())
    return rows_U, torch.randn(len(rows_U), WIDTH, generator=generator, dtype=dtype) * scale


def dense_and_lazy(kind, *, scale, rate, steps=600, interrupt_at=None, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    table_VD = torch.randn(ROWS, WIDTH, generator=generator, dtype=dtype)
    dense_VD = torch.nn.Parameter(table_VD.clone())
    make_dense, make_lazy = KINDS[kind]
    dense, lazy = make_dense([dense_VD]), make_lazy(table_VD)
    for step in range(steps):
        rows_U, gradient_UD = touched(generator, scale, dtype)
        dense.param_groups[0]["lr"] = rate(step)
        dense_VD.grad = torch.zeros_like(dense_VD)
        dense_VD.grad[rows_U] = gradient_UD
        dense.step()
        lazy.read(rows_U).grad = gradient_UD.clone()
        lazy.step(lr=rate(step))
        if step == interrupt_at:
            state = lazy.state_dict()
            lazy = make_lazy(table_VD)
            lazy.load_state_dict(state)
    lazy.catch_up()
    return dense_VD.detach(), table_VD


@pytest.mark.parametrize(
    ("kind", "scale"),
    # small gradients, as large as eps or smaller, are where the closed form is hardest
    [
        *((kind, 1.0) for kind in KINDS),
        ("adam", 1e-3),
        ("adam", 1e-7),
        ("adamw", 1e-7),
        ("adam, large eps", 1e-3),
    ],
)
def test_lazy_rows_equal_the_dense_optimiser_after_600_steps(kind, scale):
    def rate(step):
        return 0.01 * factor("cosine", step=step, total=600)

    dense_VD, lazy_VD = dense_and_lazy(kind, scale=scale, rate=rate)

    torch.testing.assert_close(lazy_VD, dense_VD, atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd with momentum"])
def test_in_double_precision_they_agree_to_eleven_digits(kind):
    dense_VD, lazy_VD = dense_and_lazy(kind, scale=1.0, rate=lambda _: 1e-2, dtype=torch.float64)

    torch.testing.assert_close(lazy_VD, dense_VD, atol=1e-11, rtol=0)


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd with momentum"])
def test_a_saved_and_restored_lazy_optimiser_goes_on_as_the_dense_one(kind):
    dense_VD, lazy_VD = dense_and_lazy(kind, scale=1.0, rate=lambda _: 1e-3, interrupt_at=300)

    torch.testing.assert_close(lazy_VD, dense_VD, atol=1e-5, rtol=0)


def test_rows_read_for_training_are_up_to_date_and_the_others_may_not_be():
    table_VD = torch.zeros(3, 2)
    lazy = LazyAdam(table_VD, betas=(0.9, 0.999))
    for step, row in enumerate((0, 1, 2, 1, 1)):
        lazy.read(torch.tensor([row])).grad = torch.ones(1, 2)
        lazy.step(lr=0.1)
        assert lazy.steps == step + 1

    before = table_VD[0].clone()
    current = lazy.read(torch.tensor([0])).detach()

    assert (current < before).all()
    assert torch.equal(table_VD[0], before)


@given(
    st.lists(
        st.tuples(st.floats(0.01, 1), st.floats(0.1, 10)), min_size=2, max_size=6, unique_by=lambda x: x[1]
    )
)
def test_the_quadrature_keeps_the_first_four_moments(points):
    weights_P, nodes_P = np.array(points).T
    moments_4 = np.array([(weights_P * nodes_P**order).sum() for order in range(4)])

    weights_21, nodes_21 = quadrature(moments_4[:, None])

    kept_4 = [(weights_21 * nodes_21**order).sum() for order in range(4)]
    np.testing.assert_allclose(kept_4, moments_4, rtol=1e-5)
    assert nodes_P.min() * 0.999 <= nodes_21.min() <= nodes_21.max() <= nodes_P.max() * 1.001


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(0, 9))
def test_distinct_ids_and_places_give_the_tokens_back(tokens, asked):
    distinct = Distinct(10)
    distinct.find(torch.arange(10).view(2, 5))  # what was found before does not matter
    tokens_TB = torch.tensor(tokens).unsqueeze(1)

    ids_U, places_TB = distinct.find(tokens_TB)

    assert torch.equal(ids_U[places_TB], tokens_TB)
    assert sorted(ids_U.tolist()) == sorted(set(tokens))
    place = distinct.place(asked)
    assert (ids_U[place] == asked) if asked in tokens else place is None


def one_network(vocabulary=8000):
    torch.manual_seed(0)
    return torch.nn.Embedding(vocabulary, 40, padding_idx=0).double(), torch.nn.Linear(40, 2).double()


def losses_of(config, batches, scaler=None):
    embedding, output = one_network()
    optimizer = Optimizer(config, embedding, output.parameters())
    losses = []
    for tokens_TB in batches:
        optimizer.look(tokens_TB)
        loss = output(optimizer.vectors(slice(None)).mean(0)).square().sum()
        (scaler.scale(loss) if scaler else loss).backward()
        optimizer.clip(scaler=scaler)
        optimizer.step(lr=config.lr, scaler=scaler)
        losses.append(loss.item())
    optimizer.catch_up()
    return optimizer, embedding.weight.detach(), losses


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_training_with_clipped_gradients_is_the_same_lazy_and_dense(name):
    decay = 0.1 if name == "adamw" else 0.0
    torch.manual_seed(3)
    batches = [torch.randint(0, 3000, (5, 4)) for _ in range(60)]
    settings_ = {"name": name, "lr": 0.01, "gradient_clip": 0.05, "weight_decay": decay, "momentum": 0.9}

    lazy, lazy_VD, lazy_losses = losses_of(OptimizerConfig(**settings_), batches)
    dense, dense_VD, losses = losses_of(OptimizerConfig(**settings_, lazy_embedding="off"), batches)

    assert lazy.lazy is not None
    assert dense.lazy is None
    torch.testing.assert_close(lazy_VD, dense_VD, atol=1e-5, rtol=0)
    np.testing.assert_allclose(lazy_losses, losses, rtol=1e-6)
    assert lazy_VD[0].abs().sum() == 0  # the padding row stays zero


def test_scaled_gradients_are_clipped_and_stepped_as_plain_ones():
    torch.manual_seed(3)
    batches = [torch.randint(0, 3000, (5, 4)) for _ in range(20)]
    config = OptimizerConfig(lazy_embedding="off", gradient_clip=0.05)

    _, plain_VD, _ = losses_of(config, batches)
    _, scaled_VD, _ = losses_of(config, batches, torch.amp.GradScaler("cpu"))

    torch.testing.assert_close(scaled_VD, plain_VD, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("settings_", "vocabulary", "reason"),
    [
        ({}, 8000, None),
        ({"name": "adamw", "weight_decay": 0.1}, 8000, None),
        ({"name": "sgd", "momentum": 0.9}, 8000, None),
        ({"lazy_embedding": "off"}, 8000, "optimizer.lazy_embedding=off"),
        ({}, 30, "it is small"),
        ({"weight_decay": 0.1}, 8000, "weight decay gives every row a gradient at every step"),
        ({"beta1": 0.99, "beta2": 0.9}, 8000, "beta1 is too near to beta2"),
    ],
)
def test_rows_are_lazy_where_it_is_exact_and_pays(settings_, vocabulary, reason, caplog):
    config = OptimizerConfig(**settings_)
    embedding, output = one_network(vocabulary)

    with caplog.at_level("INFO", logger="rnnsweep"):
        Optimizer(config, embedding, output.parameters())

    assert dense_because(config, embedding.weight) == reason
    how = f"dense, because {reason}" if reason else "exact lazy update"
    assert caplog.messages == [f"embedding rows: {how}"]


@pytest.mark.parametrize("total", [10, 137])
def test_schedules_are_those_of_pytorch(total):
    weight = torch.nn.Parameter(torch.zeros(1))
    schedulers = torch.optim.lr_scheduler
    one, other = torch.optim.SGD([weight], lr=0.5), torch.optim.SGD([weight], lr=0.5)
    cosine = schedulers.CosineAnnealingLR(one, T_max=total)
    cycle = schedulers.OneCycleLR(other, max_lr=0.5, total_steps=total, cycle_momentum=False)
    for step in range(total):
        assert 0.5 * factor("none", step=step, total=total) == 0.5
        assert 0.5 * factor("cosine", step=step, total=total) == pytest.approx(cosine.get_last_lr()[0])
        assert 0.5 * factor("one_cycle", step=step, total=total) == pytest.approx(cycle.get_last_lr()[0])
        for optimizer, schedule in ((one, cosine), (other, cycle)):
            optimizer.step()
            if step + 1 < total:
                schedule.step()


@pytest.mark.parametrize("total", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("name", ["cosine", "none", "one_cycle", "plateau"])
def test_schedules_of_very_short_trainings_are_finite(name, total):
    factors = [factor(name, step=step, total=total) for step in range(total + 1)]

    assert all(math.isfinite(each) and 0 <= each <= 1 for each in factors)


def test_plateau_is_pytorchs_with_patience_1_and_factor_one_half():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, threshold=0)
    ours = Plateau()
    for loss in (1.0, 0.9, 0.95, 0.97, 0.8, 0.8, 0.8, 0.9, 0.9, 0.9, 0.1):
        theirs.step(loss)
        ours.update(loss)
        assert ours.factor == optimizer.param_groups[0]["lr"]
        again = Plateau()
        again.load_state_dict(ours.state_dict())
        ours = again


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40),
    st.integers(1, 5),
)
@settings(deadline=None)
def test_metrics_are_those_of_scikit_learn(pairs, pieces):
    targets_N, predictions_N = torch.tensor(pairs).T
    logits_NC = torch.nn.functional.one_hot(predictions_N, 4).double()
    spec = spec_named("classification")
    task = spec.make(TaskConfig(), Facts(("a", "b", "c", "d"), np.arange(4)))
    tally = Tally(spec, task)
    for targets, logits in zip(targets_N.chunk(pieces), logits_NC.chunk(pieces), strict=True):
        tally.add(logits, targets, torch.tensor(2.0 * len(targets)))

    result = tally.result()

    assert result["accuracy"] == pytest.approx(accuracy_score(targets_N, predictions_N))
    assert result["macro_f1"] == pytest.approx(f1_score(targets_N, predictions_N, average="macro"))
    assert result["loss"] == 2.0


@pytest.mark.parametrize(
    ("kind", "name", "value", "message"),
    [
        (OptimizerConfig, "name", "adm", "optimizer.name='adm' is not one of adam, adamw, sgd."),
        (OptimizerConfig, "lr", 0.0, "optimizer.lr=0.0: must be above 0"),
        (OptimizerConfig, "beta1", 1.0, "optimizer.beta1=1.0: must be at least 0 and below 1"),
        (OptimizerConfig, "gradient_clip", -1.0, "optimizer.gradient_clip=-1.0: must be above 0, or null"),
        (TrainerConfig, "validate_every", 2.0, "trainer.validate_every=2.0: must be above 0 and at most 1"),
        (TrainerConfig, "accumulate", 0, "trainer.accumulate=0: must be 1 or more"),
        (TrainerConfig, "patience", 0, "trainer.patience=0: must be 1 or more, or null"),
        (TrainerConfig, "max_epochs", 0, "trainer.max_epochs=0: must be 1 or more"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(kind, name, value, message):
    with pytest.raises(UserError) as caught:
        kind(**{name: value})

    assert str(caught.value).startswith(message)
