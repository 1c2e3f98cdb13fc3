"""Cells: each file of networks/cells/ is tested by being there, and a user's own file is as good as one."""

import ast
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings, strategies as st

from rnnsweep.config import compose
from rnnsweep.errors import UserError
from rnnsweep.launchers.fused.shape import why_alone
from rnnsweep.networks import ModelConfig, build, cells, parameter_count
from rnnsweep.networks.backends import run
from rnnsweep.networks.cells import CellSpec, cell_files, cell_names, find_cell
from rnnsweep.networks.layers import EquationLayers, make_layers
from rnnsweep.safety.own_code import allow

RECURRENT = [name for name in cell_names() if find_cell(name).equations is not None]
ANY = pytest.mark.parametrize("cell", RECURRENT)
COMPILED = pytest.mark.parametrize(
    "cell", [name if name == "gru" else pytest.param(name, marks=pytest.mark.slow) for name in RECURRENT]
)

MINIMAL = '''
"""The minimal gated unit (Zhou et al. 2016): one gate forgets and resets."""
from rnnsweep.networks.cells import CellSpec, Step, gated


def minimal(weights, input_BE, before):
    of_input_BG = input_BE @ weights.W.T + weights.b
    of_state_BG = before.state_BH @ weights.H.T + weights.b_state
    (f, n), (f_s, n_s) = of_input_BG.chunk(2, dim=1), of_state_BG.chunk(2, dim=1)
    forget_BH = (f + f_s).sigmoid()
    candidate_BH = (n + forget_BH * n_s).tanh()
    state_BH = (1 - forget_BH) * before.state_BH + forget_BH * candidate_BH
    return Step(state_BH, None, {"forget": forget_BH, "candidate": candidate_BH})


MINIMAL = CellSpec(minimal, ("forget", "candidate"), gated(2))
WRONG = CellSpec(minimal, ("forget", "candidate"), gated(3))
NOTHING = 3
'''
PEEPHOLE = '''
"""An LSTM whose gates see the memory (Gers and Schmidhuber 2000): weights under a name of their own."""
from rnnsweep.networks.cells import CellSpec, Step


def peephole(weights, input_BE, before):
    sums_BG = input_BE @ weights.W.T + weights.b + before.state_BH @ weights.H.T
    i, f, n, o = sums_BG.chunk(4, dim=1)
    of_i, of_f, of_o = weights.more["peephole"]
    i, f = (i + of_i * before.memory_BH).sigmoid(), (f + of_f * before.memory_BH).sigmoid()
    memory_BH = f * before.memory_BH + i * n.tanh()
    return Step((o + of_o * memory_BH).sigmoid() * memory_BH.tanh(), memory_BH)


def shapes(inputs, units):
    return {"weight_ih": (4 * units, inputs), "weight_hh": (4 * units, units), "bias_ih": (4 * units,),
            "peephole": (3, units)}


PEEPHOLE = CellSpec(
    peephole, ("input", "forget", "candidate", "output"),
    lambda inputs, units, biases: 4 * units * (inputs + units + 1) + 3 * units, shapes,
)
'''
OWN = pytest.mark.parametrize("cell", ["cells/minimal.py:MINIMAL", "cells/peephole.py:PEEPHOLE"])


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with two cells of its own."""
    monkeypatch.setenv("RNNSWEEP_HOME", str(tmp_path))
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / "minimal.py").write_text(MINIMAL)
    (tmp_path / "cells" / "peephole.py").write_text(PEEPHOLE)
    allow(tmp_path / "cells")
    find_cell.cache_clear()
    yield tmp_path
    find_cell.cache_clear()


def texts(*lengths, inputs=3, dtype=torch.double):
    return torch.randn(max(lengths), len(lengths), inputs, dtype=dtype), torch.tensor(lengths)


def loop(layers, inputs_TBE, lengths_B):
    """Read each text alone and lay its outputs out; what stands behind its end is zero."""
    outputs = [layers(inputs_TBE[:length, [text]])[0] for text, length in enumerate(lengths_B.tolist())]
    filler = inputs_TBE.new_zeros(len(inputs_TBE), 1, outputs[0].shape[2])
    return torch.cat([torch.cat([one, filler[len(one) :]]) for one in outputs], dim=1)


def real(outputs_TBH, lengths_B):
    steps_T1 = torch.arange(len(outputs_TBH)).unsqueeze(1)
    return outputs_TBH * (steps_T1 < lengths_B).unsqueeze(2)


# ---- the cells of the package


@COMPILED  # each cell's loops cost half a minute of machine code once
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_equations_compute_what_pytorchs_module_and_the_time_loops_do(cell, bidirectional):
    torch.manual_seed(0)
    config = ModelConfig(cell=cell, hidden_size=4, num_layers=2, bidirectional=bidirectional)
    module = make_layers(config, 3).double()
    ours = EquationLayers(cell, 3, 4, num_layers=2, bidirectional=bidirectional).double()
    ours.load_state_dict(module.state_dict())
    inputs_TBE, lengths_B = texts(6, 2, 4, 1, 5)
    wanted = loop(module, inputs_TBE, lengths_B)
    backends = [("gathered", ours), ("packed", module)]
    backends += [("compiled", module), ("compiled", ours)] if find_cell(cell).loops else []
    for backend, layers in backends:
        found = real(run(layers, inputs_TBE, lengths_B, backend=backend), lengths_B)
        torch.testing.assert_close(found, wanted, atol=1e-11, rtol=0)


@ANY
def test_a_cell_of_pytorch_names_its_module_its_mode_and_its_gates(cell):
    spec = find_cell(cell)
    module = make_layers(ModelConfig(cell=cell, hidden_size=4), 3)
    assert module.mode == spec.mode
    assert len(module.weight_ih_l0) == 4 * len(spec.gates)
    assert len(set(spec.gates)) == len(spec.gates)


@pytest.mark.parametrize("cell", cell_names())
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_formula_counts_the_weights(cell, data):
    sizes = st.integers(1, 9)
    config = ModelConfig(
        cell=cell,
        hidden_size=data.draw(sizes),
        embedding_size=data.draw(sizes),
        num_layers=data.draw(st.integers(1, 3)),
        bidirectional=data.draw(st.booleans()),
        biases=data.draw(st.sampled_from(["one", "two"])),
    )
    network = build(config, vocabulary=7, classes=3)
    counted = sum(weight.numel() for weight in network.parameters())
    assert parameter_count(config, vocabulary=7, classes=3) == counted


def test_a_configuration_and_a_count_import_no_pytorch():
    code = (
        "import sys; from rnnsweep.networks import ModelConfig, parameter_count;"
        "parameter_count(ModelConfig(), vocabulary=9, classes=2); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_cell_is_one_file_that_no_other_file_of_the_package_names():
    """Beside it stand its time loops and colour, a default, kernels of PyTorch, fused runs and an example."""
    package = Path(cells.__file__).parents[2]
    loops = ("networks/cells", "networks/fast", "networks/backends.py", "networks/equations.py")
    others = ("launchers/fused", "drawing/palette.py", "networks/config.py")
    for path in package.rglob("*.py"):
        place = path.relative_to(package).as_posix()
        if not place.startswith((*loops, *others)):
            texts = {n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)}
            assert not texts & {"gru", "lstm", "rnn"}, place


# ---- cells of a project


@OWN
def test_an_own_cell_is_one_file_and_trains_like_another(project, cell):
    torch.manual_seed(0)
    config = ModelConfig(
        cell=cell, hidden_size=5, embedding_size=4, bidirectional=True, num_layers=2, dropout=0.0
    )
    network = build(config, vocabulary=9, classes=2)
    counted = sum(weight.numel() for weight in network.parameters())
    assert counted == parameter_count(config, vocabulary=9, classes=2)
    tokens_BT, lengths_B = torch.randint(2, 9, (16, 6)), torch.randint(1, 7, (16,))
    targets_B = (tokens_BT[:, 0] > 4).long()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    losses = []
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(network(tokens_BT, lengths_B), targets_B)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert all(weight.grad is not None for weight in network.parameters())


@OWN
def test_padding_changes_nothing_and_each_text_is_read_as_if_alone(project, cell):
    torch.manual_seed(0)
    network = (
        build(ModelConfig(cell=cell, hidden_size=5, bidirectional=True), vocabulary=9, classes=2)
        .double()
        .eval()
    )
    tokens_BT, lengths_B = torch.randint(2, 9, (4, 6)), torch.tensor([6, 1, 3, 2])
    logits_BC = network(tokens_BT, lengths_B)
    for text, length in enumerate(lengths_B.tolist()):
        alone_1C = network(tokens_BT[[text], :length], lengths_B[[text]])
        torch.testing.assert_close(logits_BC[[text]], alone_1C, atol=1e-12, rtol=0)


@OWN
def test_the_gradients_of_an_own_cell_are_right(project, cell):
    layers = EquationLayers(cell, 2, 3).double()
    inputs_TBE, lengths_B = texts(3, 1, inputs=2)
    names = [name for name, _ in layers.named_parameters()]

    def outputs(inputs, *weights):
        given = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(layers, given, (inputs,))[0]

    weights = [weight.detach().clone().requires_grad_() for weight in layers.parameters()]
    torch.autograd.gradcheck(outputs, (inputs_TBE.requires_grad_(), *weights))


def test_an_own_cell_is_composed_from_a_command_line_and_its_file_is_part_of_the_code(project):
    run = compose(["model=gru", "model.cell=cells/minimal.py:MINIMAL"])
    assert run.model.cell == "cells/minimal.py:MINIMAL"
    assert find_cell(run.model.cell).gates == ("forget", "candidate")
    assert cell_files(["gru", run.model.cell]) == [project / "cells" / "minimal.py"]


def test_what_an_own_cell_lacks_is_refused_by_name(project):
    from rnnsweep.models.onnx_graph import make_graph

    name = "cells/minimal.py:MINIMAL"
    run = compose(["model=gru", f"model.cell={name}"])
    assert why_alone(run) == f"model.cell={name}"
    network = build(run.model, vocabulary=9, classes=2)
    with pytest.raises(
        UserError, match=f"model.cell='{name}': cannot be exported: its CellSpec has no `onnx`"
    ):
        make_graph(network)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gri", "model.cell='gri' is not one of bag, gru, lstm, rnn, nor a file of the project as"),
        (
            "cells/minimal.py:MINIMA",
            "minimal.py defines no MINIMA; its cells are MINIMAL, WRONG. Did you mean 'MINIMAL'",
        ),
        ("cells/minimal.py:NOTHING", "is a int; it must be a CellSpec"),
        ("cells/minimum.py:MINIMAL", "there is no file .*minimum.py. Did you mean 'cells/minimal.py'"),
        ("cells/minimal.py:", "must be a file and what it defines, as cells/own.py:CELL"),
        ("cells/minimal.txt:X", "must be a file and what it defines, as cells/own.py:CELL"),
        ("evil.py:CELL", "must be a file of .*cells: code of other folders is not run"),
        ("cells/../evil.py:CELL", "must be a file of .*cells: code of other folders is not run"),
        ("/tmp/evil.py:CELL", "must be a file of .*cells: code of other folders is not run"),
        ("cells/link.py:CELL", "must be a file of .*cells: code of other folders is not run"),
        ("cells/broken.py:CELL", "cannot be imported: ZeroDivisionError: division by zero"),
    ],
)
def test_a_cell_that_is_not_there_or_not_the_users_is_refused_in_one_line(project, name, message):
    (project / "evil.py").write_text(f"open({str(project / 'ran')!r}, 'w')")
    (project / "cells" / "link.py").symlink_to(project / "evil.py")
    (project / "cells" / "broken.py").write_text("1 / 0")
    with pytest.raises(UserError, match=message) as refused:
        find_cell(name)
    assert "\n" not in str(refused.value)
    assert not (project / "ran").exists()


def test_a_formula_that_miscounts_is_refused_where_the_network_is_built(project):
    config = ModelConfig(cell="cells/minimal.py:WRONG", hidden_size=4, embedding_size=3)
    wanted = r"its formula counts 108 weights of 3 inputs and 4 units; its shapes have 72"
    with pytest.raises(UserError, match=wanted):
        build(config, vocabulary=9, classes=2)


def test_a_cell_of_another_distribution_is_one_module_and_an_entry_point(monkeypatch):
    class Entry:
        def load(self):
            return CellSpec(find_cell("rnn").equations, ("state",), find_cell("rnn").parameters)

    monkeypatch.setattr(cells, "entry_points", lambda group, name: [Entry()] if name == "theirs" else [])
    network = build(ModelConfig(cell="theirs", hidden_size=4), vocabulary=9, classes=2)
    assert isinstance(network.layers, EquationLayers)
    assert network(torch.ones(2, 3, dtype=torch.long), torch.tensor([3, 1])).shape == (2, 2)
    find_cell.cache_clear()


@pytest.mark.slow
def test_an_own_cell_is_trained_resumed_and_asked_from_the_command_line(project):
    rows = "text,label\n" + "".join(
        f"{'good fine' if n % 2 else 'bad poor'} word{n % 7},{n % 2}\n" for n in range(80)
    )
    (project / "rows.csv").write_text(rows)
    overrides = ("model=gru", "model.cell=cells/minimal.py:MINIMAL", "data=files", "data.train=rows.csv")
    command = [sys.executable, "-m", "rnnsweep", "train", *overrides, "trainer.max_epochs=2", "--json"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    assert math.isfinite(json.loads(done.stdout)["validation"])
