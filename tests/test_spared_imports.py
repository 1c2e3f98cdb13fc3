"""Processes of ours import PyTorch and Lightning without what no training uses."""

import subprocess
import sys

import pytest

SHOWN = "import sys; print([name for name in ('matplotlib', 'scipy.signal', 'PIL') if name in sys.modules])"
SPARE = "from rnnsweep.runtime.spared_imports import spare_imports; spare_imports(); "


def printed(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.slow
def test_lightning_is_imported_without_plots_and_signal_processing():
    assert printed(SPARE + "import pytorch_lightning; " + SHOWN) == "[]"


COMPILER = """
import sys, torch, pytorch_lightning
from pytorch_lightning.utilities.compile import OptimizedModule
layer = torch.nn.Linear(2, 2)
adam = torch.optim.Adam(layer.parameters())
layer(torch.ones(1, 2)).sum().backward()
adam.step()
adam.zero_grad()
print("sympy" in sys.modules, isinstance(layer, OptimizedModule))
import torch._dynamo.eval_frame as inner
fast = torch.compile(layer, backend="eager")
print("sympy" in sys.modules, inner is torch._dynamo.eval_frame, inner.__spec__.origin is not None)
print(isinstance(fast, OptimizedModule), isinstance(layer, OptimizedModule), len(fast(torch.ones(1, 2))))
"""


@pytest.mark.slow
def test_pytorchs_compiler_is_loaded_when_somebody_compiles_and_not_before():
    assert printed(SPARE + COMPILER).splitlines() == ["False False", "True True True", "True False 1"]


BY_HAND = """
import sys, torch
from rnnsweep.networks.config import ModelConfig
from rnnsweep.networks.network import Embedded, build
network = build(ModelConfig(pooling="max"), vocabulary=9, classes=2)
embedded = network.embedding(torch.ones(4, 3, dtype=torch.long))
network.learn(Embedded(embedded), torch.tensor([4, 3, 2]), lambda outputs: (outputs.sum(), torch.ones(3, 2)))
print("sympy" in sys.modules, bool(network.embedding.weight.grad[1].any()))
"""


@pytest.mark.slow
def test_learning_without_autograd_does_not_load_symbolic_mathematics():
    assert printed(SPARE + BY_HAND) == "False True"


SHAPES = """
import sys, torch
layer = torch.nn.LSTM(2, 2)
loss = layer(torch.ones(3, 1, 2))[0].sum()
loss.backward()
torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
torch.optim.Adam(layer.parameters(), fused=True).step()
print("torch._decomp" in sys.modules, "torch._refs" in sys.modules)
"""
FAKE = """
from torch._subclasses.fake_tensor import FakeTensorMode
with FakeTensorMode():
    rows, starts = torch.tensor([1, 2]), torch.tensor([0])
    print(tuple(torch.nn.functional.embedding_bag(rows, torch.ones(3, 4), starts).shape))
"""
EXPORTED = """
network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())
program = torch.export.export(network, (torch.ones(1, 2),))
print(tuple(program.run_decompositions().module()(torch.ones(1, 2)).shape))
"""
ASKED = """
from torch._meta_registrations import meta_index_Tensor
import torch._meta_registrations as shapes
is_real = shapes.__spec__.origin is not None
print(shapes.meta_index_Tensor is meta_index_Tensor, is_real, torch._meta_registrations is shapes)
"""
# a module that was run twice would have empty tables of its own, and no attribute for its parts
ONCE = """
import torch._decomp as decomposed
from torch._meta_registrations import global_decomposition_table
table = decomposed.global_decomposition_table
print(table is global_decomposition_table, len(table) > 0, hasattr(decomposed, "decompositions"))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "line"),
    [(FAKE, "(1, 4)"), (EXPORTED, "(1, 3)"), (ASKED, "True True True"), (ONCE, "True True True")],
)
def test_the_shapes_of_operators_are_loaded_by_who_needs_them_and_by_no_training(code, line):
    assert printed(SPARE + SHAPES + code).splitlines() == ["False False", line]


def test_other_packages_are_answered_as_ever(monkeypatch):
    from lightning_utilities.core import imports

    from rnnsweep.runtime.spared_imports import _answer_no

    for owner, name in ((imports.RequirementCache, "__bool__"), (imports, "package_available")):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # put back afterwards
    _answer_no()
    assert imports.package_available("numpy")
    assert not imports.package_available("matplotlib")
    assert not imports.package_available("no_such_package")
    assert imports.RequirementCache("numpy")
    assert not imports.RequirementCache("scipy")
