"""Members stacked on one device: a step of still shapes, equal to what each would learn alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

from rnnsweep.data import EncodedPart, gather
from rnnsweep.launchers.fused.stack.cuda_graph import bucket
from rnnsweep.launchers.fused.stack.optimizer.stackable import StackableOptimizer
from rnnsweep.launchers.fused.stack.stack import MemberSteps
from rnnsweep.launchers.fused.stack.stacks import Stacks, Work
from rnnsweep.networks import ModelConfig, build
from rnnsweep.optim.config import OptimizerConfig

VOCABULARY, CLASSES, TEXTS, ROWS = 40, 3, 4, 60
SMALL = {"embedding_size": 5, "hidden_size": 4, "embedding_dropout": 0.0, "dropout": 0.0}


def part_of(draw, rows=ROWS):
    lengths = draw.integers(1, 12, rows)
    ids = np.concatenate([draw.integers(1, VOCABULARY, n) for n in lengths]).astype(np.int32)
    return EncodedPart(ids, np.concatenate([[0], lengths.cumsum()]), draw.integers(0, CLASSES, rows))


class Training:
    """One training: its network, its optimiser, and batches of its own."""

    def __init__(self, part, config, optimizer, *, seed, dtype=torch.double, device="cpu"):
        torch.manual_seed(seed)
        self.network = build(config, vocabulary=VOCABULARY, classes=CLASSES).to(device, dtype)
        table = self.network.embedding.weight
        others = [weight for weight in self.network.parameters() if weight is not table]
        self.optimizer = StackableOptimizer(optimizer, self.network.embedding, others)
        self.part, self.seed, self.done = part, seed, 0
        self._draw = np.random.default_rng(seed)

    def batches(self, count):
        """Full batches, but for some that are smaller."""
        sizes = [TEXTS - (n % 5 == 3) for n in range(self.done, self.done + count)]
        return [self._draw.integers(0, len(self.part), size) for size in sizes]

    def rates(self, count):
        return [self.optimizer.config.lr * 0.99 ** (self.done + n) for n in range(count)]

    def alone(self, count):
        """Learn as a separate training does; give the losses."""
        losses = []
        for rows_B, rate in zip(self.batches(count), self.rates(count), strict=True):
            batch = gather(self.part, rows_B)
            self.optimizer.look(batch.tokens_BT.t())
            logits_BC = self.network.read(self.optimizer.vectors(slice(None)), batch.lengths_B)
            loss = cross_entropy(logits_BC, batch.targets_B, reduction="sum")
            (loss / len(rows_B)).backward()
            self.optimizer.clip()
            self.optimizer.step(lr=rate)
            losses.append(loss.item())
        self.done += count
        return losses

    def work(self, count):
        member_steps = MemberSteps(self.batches(count), self.rates(count))
        done, self.done = self.done, self.done + count
        return Work(
            self, self.network, self.optimizer, self.part, TEXTS, 64, member_steps, done=done, seed=self.seed
        )

    def weights(self):
        self.optimizer.catch_up()
        return {name: value.clone() for name, value in self.network.state_dict().items()}


def stacked(trainings, counts, stacks):
    """Hand chunks in; give each training's losses."""
    losses = [[] for _ in trainings]
    for count in counts:
        works = [training.work(count) for training in trainings]
        for own, results in zip(losses, stacks.learn(stacks.kind(works[0]), works), strict=True):
            own += results.losses_S.tolist()
    return losses


def pairs(config, optimizers, *, part, dtype=torch.double):
    """Make each training twice."""
    return [
        [Training(part, config, each, seed=n, dtype=dtype) for n, each in enumerate(optimizers)]
        for _ in range(2)
    ]


ADAMS = (
    OptimizerConfig(lr=0.01),
    OptimizerConfig(lr=0.003, beta1=0.8, beta2=0.99, gradient_clip=None),
    OptimizerConfig(name="adamw", lr=0.02, weight_decay=0.1, gradient_clip=0.1),
)
SGDS = (
    OptimizerConfig(name="sgd", lr=0.1, momentum=0.9),
    OptimizerConfig(name="sgd", lr=0.3, gradient_clip=None),
)


def assert_equal(config, optimizers, *, counts, worth_it, dtype=torch.double, atol=1e-9):
    part = part_of(np.random.default_rng(1))
    one, other = pairs(config, optimizers, part=part, dtype=dtype)
    losses = stacked(one, counts, Stacks(everywhere=True, worth_it=worth_it))
    for own, training, double in zip(losses, one, other, strict=True):
        torch.testing.assert_close(own, double.alone(sum(counts)), rtol=0, atol=atol)
        torch.testing.assert_close(training.weights(), double.weights(), rtol=0, atol=atol)


CELLS = ("bag", "rnn", "gru", "lstm")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("worth_it", [0, 10**9], ids=["lazy", "dense"])
def test_members_learn_what_each_would_learn_alone(cell, worth_it):
    assert_equal(ModelConfig(cell=cell, **SMALL), ADAMS, counts=[5, 4, 3], worth_it=worth_it, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("worth_it", [0, 10**9], ids=["lazy", "dense"])
def test_members_with_momentum_learn_what_each_would_learn_alone(worth_it):
    assert_equal(ModelConfig(cell="gru", **SMALL), SGDS, counts=[5, 4], worth_it=worth_it)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings_of_one",
    [
        {"cell": "lstm", "biases": "one"},
        {"cell": "rnn", "masked": False, "pooling": "mean"},
        {"cell": "rnn", "masked": False, "pooling": "last", "bidirectional": True},
        {"cell": "lstm", "bidirectional": True, "pooling": "last", "join": "backward_only"},
        {"cell": "gru", "initialisation": "shifted", "embedding_rows": 50},
        {"cell": "gru", "freeze_embedding": True},
    ],
)
def test_other_settings_of_a_network_are_learned_alike_too(settings_of_one):
    config = ModelConfig(**SMALL, **settings_of_one)
    assert_equal(config, ADAMS, counts=[4, 4], worth_it=0, atol=1e-7)


def test_weight_decay_in_the_gradient_moves_every_row_and_is_not_lazy():
    coupled = (OptimizerConfig(lr=0.01, weight_decay=0.1), OptimizerConfig(lr=0.02, weight_decay=0.01))
    assert_equal(ModelConfig(cell="rnn", **SMALL), coupled, counts=[6], worth_it=0, atol=1e-9)


shapes = st.fixed_dictionaries(
    {
        "cell": st.sampled_from(CELLS[1:]),
        "bidirectional": st.booleans(),
        "num_layers": st.integers(1, 3),
        "pooling": st.sampled_from(["last", "mean", "max", "mean_max"]),
    }
)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(shape=shapes)
def test_cells_directions_and_depths_equal_separate_trainings(shape):
    assert_equal(ModelConfig(**SMALL, **shape), ADAMS[:2], counts=[6], worth_it=0, atol=1e-7)


@pytest.mark.slow
@settings(max_examples=18, deadline=None)
@given(shape=shapes)
def test_a_hundred_steps_in_single_precision_equal_separate_trainings_to_a_ten_thousandth(shape):
    part, config = part_of(np.random.default_rng(1)), ModelConfig(**SMALL, **shape)
    one, other = pairs(config, ADAMS[:2], part=part, dtype=torch.float)
    for own, double in zip(stacked(one, [64, 36], Stacks(everywhere=True)), other, strict=True):
        assert own == pytest.approx(double.alone(100), abs=1e-4 * TEXTS)


# ---- lazy rows


@pytest.mark.slow
@pytest.mark.parametrize("optimizers", [ADAMS, SGDS], ids=["adam", "sgd"])
def test_lazy_rows_equal_the_optimisers_of_pytorch_after_600_steps(optimizers):
    part, config = part_of(np.random.default_rng(1)), ModelConfig(cell="bag", **SMALL)
    one, other = pairs(config, optimizers, part=part, dtype=torch.float)
    stacked(one, [64] * 9 + [24], Stacks(everywhere=True, worth_it=0))
    for training, double in zip(one, other, strict=True):
        double.alone(600)
        torch.testing.assert_close(training.weights(), double.weights(), rtol=0, atol=1e-5)


def test_the_optimiser_of_pytorch_goes_on_from_what_a_stack_did():
    part, config = part_of(np.random.default_rng(1)), ModelConfig(cell="rnn", **SMALL)
    (one, beside), (other, _) = pairs(config, ADAMS[:2], part=part)
    stacks = Stacks(everywhere=True, worth_it=0)
    stacked([one, beside], [7], stacks)
    stacks.leave(one)
    again = Training(part, config, ADAMS[0], seed=0)
    again.network.load_state_dict(one.network.state_dict())
    again.optimizer.load_state_dict(one.optimizer.state_dict())
    again.batches(7)
    again.done = 7
    assert again.alone(6) == pytest.approx(other.alone(13)[7:], abs=1e-8)


def test_a_stack_goes_on_from_what_the_optimiser_of_pytorch_did():
    part, config = part_of(np.random.default_rng(1)), ModelConfig(cell="rnn", **SMALL)
    (one, late), (other, _) = pairs(config, ADAMS[:2], part=part)
    one.alone(6)
    (own, _) = stacked([one, late], [7], Stacks(everywhere=True, worth_it=0))
    assert own == pytest.approx(other.alone(13)[6:], abs=1e-8)


# ---- still shapes


WAITING = {
    *("_local_scalar_dense", "nonzero", "is_nonzero", "unique", "_unique2", "unique_dim", "masked_select"),
    *("unique_consecutive", "equal", "item", "bincount", "repeat_interleave"),
}


class NothingWaits(TorchDispatchMode):
    """Refuses what makes a host wait for its device, or gives a shape that depends on numbers."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.__name__.split(".")[0]
        self.seen.add(name)
        assert name not in WAITING, f"{name} waits for the device"
        masks = [each for each in _tensors(args[1:]) if each.dtype == torch.bool]
        assert not (name.startswith("index") and masks), f"{name} by a mask has no still shape"
        return func(*args, **(kwargs or {}))


def _tensors(args):
    for each in args:
        if isinstance(each, torch.Tensor):
            yield each
        elif isinstance(each, list | tuple):
            yield from _tensors(each)


SOME_SLOWLY = [*(pytest.param(cell, marks=pytest.mark.slow) for cell in CELLS[:2]), *CELLS[2:]]
EVERYTHING = {
    "embedding_size": 5,
    "hidden_size": 4,
    "embedding_dropout": 0.3,
    "layer_dropout": 0.2,
    "dropout": 0.5,
    "num_layers": 2,
    "bidirectional": True,
    "pooling": "mean_max",
}


def stack_of_members(config, optimizers, *, worth_it=0):
    part, stacks = part_of(np.random.default_rng(1)), Stacks(everywhere=True, worth_it=worth_it)
    trainings = [Training(part, config, each, seed=n) for n, each in enumerate(optimizers)]
    stacked(trainings, [3], stacks)
    return trainings, stacks, stacks.stack_of(trainings[0])


def test_the_checks_refuse_what_waits():
    values = torch.arange(3.0)
    for waits in (lambda: values[0].item(), lambda: values.nonzero(), lambda: values[values > 1]):
        with NothingWaits(), pytest.raises(AssertionError, match="waits for the device|no still shape"):
            waits()
    with NothingWaits(), pytest.raises(AssertionError):
        bool(values.sum() > 1)


@pytest.mark.parametrize("cell", SOME_SLOWLY)
@pytest.mark.parametrize("worth_it", [0, 10**9], ids=["lazy", "dense"])
@pytest.mark.parametrize("optimizers", [ADAMS, SGDS], ids=["adam", "sgd"])
def test_nothing_in_a_step_waits_for_the_device(cell, worth_it, optimizers):
    _, _, stack = stack_of_members(ModelConfig(cell=cell, **EVERYTHING), optimizers, worth_it=worth_it)
    stack.chunk.at.zero_()
    with NothingWaits() as watched:
        stack.step(16)
    assert {"index_select", "index_add_"} <= watched.seen


def everything_of(stack):
    table, chunk = stack.table, stack.chunk
    named = {
        **{f"dense {n}": each for n, each in enumerate(stack.weights.values)},
        **{f"table {n}": each[:-1] for n, each in enumerate(table.values)},  # the last row is nobody's
        **{f"number {name}": each for name, each in stack.members.numbers.items()},
        **{"steps": stack.members.steps_K, "keys": stack.members.keys_K2},
        **{name: getattr(chunk, name) for name in ("rows_SKB", "texts_SK", "rates_SK", "at")},
    }
    if hasattr(table, "sums"):
        sums = table.sums
        named |= {"last": table.last_R[:-1], "now": sums.now_K, "moments": sums.moments_KQL}
        named |= {"logarithm": sums.logarithm_KL, "powers": sums.powers_KQW}
    return named


@pytest.mark.parametrize("worth_it", [0, 10**9], ids=["lazy", "dense"])
def test_a_step_in_which_nobody_takes_part_leaves_no_trace(worth_it):
    _, _, stack = stack_of_members(ModelConfig(cell="gru", **EVERYTHING), ADAMS, worth_it=worth_it)
    before = {name: each.clone() for name, each in everything_of(stack).items()}
    with stack.idle():
        stack.step(16)
        stack.step(8)
    after = everything_of(stack)
    assert [name for name in before if not torch.equal(before[name], after[name])] == []


@pytest.mark.slow
@pytest.mark.parametrize("worth_it", [0, 10**9], ids=["lazy", "dense"])
def test_members_that_leave_and_come_need_no_new_graph_and_move_no_memory(worth_it):
    trainings, stacks, stack = stack_of_members(ModelConfig(cell="lstm", **SMALL), ADAMS, worth_it=worth_it)
    stacked(trainings, [12], stacks)
    addresses = {name: each.data_ptr() for name, each in everything_of(stack).items()}
    graphs = stack.graphs
    stacks.leave(trainings[1])
    config, part = ModelConfig(cell="lstm", **SMALL), trainings[0].part
    newcomer, double = (Training(part, config, ADAMS[1], seed=9) for _ in range(2))
    (_, losses) = stacked([trainings[0], newcomer], [12], stacks)
    assert losses == pytest.approx(double.alone(12), abs=1e-7)
    assert stacks.stack_of(newcomer) is stack
    assert stack.graphs == graphs
    assert {name: each.data_ptr() for name, each in everything_of(stack).items()} == addresses


def test_a_stack_that_is_too_small_grows_and_its_members_go_on():
    part, config = part_of(np.random.default_rng(1)), ModelConfig(cell="gru", **SMALL)
    one, other = pairs(config, ADAMS, part=part)
    stacks = Stacks(everywhere=True, worth_it=0)
    first = stacked(one[:1], [5], stacks)
    then = stacked(one, [6], stacks)
    assert first[0] + then[0] == pytest.approx(other[0].alone(11), abs=1e-7)
    assert then[2] == pytest.approx(other[2].alone(6), abs=1e-7)


def test_a_member_that_diverged_leaves_the_others_as_they_are():
    part, config = part_of(np.random.default_rng(1)), ModelConfig(cell="gru", **SMALL)
    (one, bad), (other, _) = pairs(config, ADAMS[:2], part=part)
    with torch.no_grad():
        bad.network.layers.weight_hh_l0.fill_(float("nan"))
    good, lost = stacked([one, bad], [6], Stacks(everywhere=True, worth_it=0))
    assert np.isnan(lost).all()
    assert good == pytest.approx(other.alone(6), abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("worth_it", [0, 10**9], ids=["lazy", "dense"])
@pytest.mark.parametrize("cell", SOME_SLOWLY)
def test_a_step_runs_on_a_device_that_holds_no_numbers(cell, worth_it):
    # nothing is read, and nothing lies on the host: the meta device refuses both
    training, _, stack = stack_of_members(ModelConfig(cell=cell, **EVERYTHING), ADAMS[:1], worth_it=worth_it)
    network = training[0].network
    shapes = {name: tuple(each.shape) for name, each in everything_of(stack).items()}
    with torch.device("meta"):
        elsewhere = type(stack)(network.to("meta"), training[0].part, stack.plan)
        elsewhere.step(16)
    assert {name: tuple(each.shape) for name, each in everything_of(elsewhere).items()} == shapes
    assert all(each.device.type == "meta" for each in everything_of(elsewhere).values())


# ---- dropout


def test_a_members_dropout_is_its_own_whoever_sits_beside_it():
    part, config = part_of(np.random.default_rng(1)), ModelConfig(cell="lstm", **EVERYTHING)
    one, other = pairs(config, ADAMS, part=part)
    together = stacked(one, [8], Stacks(everywhere=True, worth_it=0))
    for training, own in zip(other, together, strict=True):
        (alone,) = stacked([training], [8], Stacks(everywhere=True, worth_it=0))
        assert alone == pytest.approx(own, abs=1e-9)


def test_dropout_goes_on_where_a_member_left_off():
    part, config = part_of(np.random.default_rng(1)), ModelConfig(cell="lstm", **EVERYTHING)
    (one,), (other,) = pairs(config, ADAMS[:1], part=part)
    (whole,) = stacked([one], [9], Stacks(everywhere=True))
    (first,) = stacked([other], [4], stacks := Stacks(everywhere=True))
    stacks.leave(other)
    (second,) = stacked([other], [5], Stacks(everywhere=True))
    assert first + second == pytest.approx(whole, abs=1e-9)


@given(steps=st.integers(1, 5000))
def test_lengths_are_rounded_up_by_an_eighth_at_most(steps):
    assert steps <= bucket(steps) <= max(steps + 7, steps * 9 / 8)
    assert bucket(bucket(steps)) == bucket(steps)
