"""Launchers by name: those of the package and of other distributions, their options, what they refuse."""

import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest
from simulation import FakeClock, FakeLauncher, write_sweep
from test_study import plain, run

from rnnsweep.cli import main
from rnnsweep.errors import UserError
from rnnsweep.launchers import (
    LocalLauncher,
    check_launcher,
    make_launcher,
    parse_launcher,
    registry,
    start_ahead,
)
from rnnsweep.launchers.fused.launcher import FusedLauncher
from rnnsweep.launchers.local.places import slots_here
from rnnsweep.sweepfile import Method


@pytest.fixture
def made(monkeypatch):
    """What was made of which launcher, in place of fork servers."""
    calls = []
    for launcher in (LocalLauncher, FusedLauncher):
        monkeypatch.setattr(
            launcher,
            "__init__",
            lambda self, slots, name=launcher.__name__, **more: calls.append((name, slots, more)),
        )
    return calls


@pytest.mark.parametrize(
    ("section", "wanted"),
    [
        (None, ("LocalLauncher", {})),
        ("local", ("LocalLauncher", {})),
        ("fused", ("FusedLauncher", {"fuse": 8})),
        ("{name: fused, fuse: 4}", ("FusedLauncher", {"fuse": 4})),
        ("{fuse: 4}", ("FusedLauncher", {"fuse": 4})),
        ("{fuse: off}", ("FusedLauncher", {"fuse": 1})),
        ("{}", ("LocalLauncher", {})),
    ],
)
def test_a_sweep_says_where_its_trials_run_and_older_files_stay_readable(tmp_path, made, section, wanted):
    sweep = write_sweep(tmp_path, **({} if section is None else {"launcher": section}))
    make_launcher(sweep, 2)
    name, slots, options = made[0]
    options.pop("preload", None)
    assert len(slots_here(slots)) == 2
    assert (name, {"fuse": 8} if name == "FusedLauncher" and not options else options) == wanted


@pytest.mark.parametrize(
    ("keys", "imported"),
    [
        ({}, True),
        ({"replicates": "{first: 6, most: 9, looks: 2}"}, True),
        ({"baseline": "false"}, False),
        ({"vary": "seed"}, False),
        ({"replicates": "0"}, False),
    ],
)
def test_what_fits_of_the_baseline_need_is_imported_once_where_there_are_several(
    tmp_path, made, keys, imported
):
    make_launcher(write_sweep(tmp_path, **{"replicates": "3", "baseline": "true", **keys}), 2)
    preload = made[0][2].get("preload", ())
    assert ("sklearn.linear_model" in preload) == imported


@pytest.mark.parametrize(("launcher", "is_begun"), [("local", True), ("fused", False)])
def test_what_is_begun_ahead_imports_what_the_launcher_will_import(
    tmp_path, made, monkeypatch, launcher, is_begun
):
    begun = []
    monkeypatch.setattr("rnnsweep.launchers.local.server.start_server_ahead", begun.append)
    sweep = write_sweep(tmp_path, replicates="3", baseline="true", launcher=launcher)
    start_ahead(sweep)
    make_launcher(sweep, 2)
    assert begun == ([made[0][2]["preload"]] if is_begun else [])


REFUSED = """
import sys
from multiprocessing import forkserver
from rnnsweep.cli import main

print(main(["sweep", sys.argv[1]]), forkserver._forkserver._forkserver_pid)
"""


def test_a_sweep_whose_data_are_refused_leaves_no_process_behind(tmp_path, home):
    path = write_sweep(tmp_path, overrides="[data=files, data.train=missing.csv]").path
    done = subprocess.run([sys.executable, "-c", REFUSED, path], capture_output=True, text=True, check=True)
    assert "missing.csv" in done.stderr
    assert done.stdout.split() == ["2", "None"]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{fuse: auto}", "launcher 'fused': fuse='auto': must be a number from 2 to 64, or off"),
        ("{fuse: 1}", "launcher 'fused': fuse=1: must be a number from 2 to 64, or off"),
        ("{fuse: 2.5}", "launcher 'fused': fuse=2.5: must be a number from 2 to 64, or off"),
        ("{fuse: true}", "launcher 'fused': fuse=True: must be a number from 2 to 64, or off"),
        ("{fuze: 3}", "launcher: unknown key 'fuze': known are name, fuse. Did you mean 'fuse'?"),
        ("{name: local, fuse: 3}", "launcher 'local': unknown option 'fuse': known are none."),
        ("fusd", "launcher='fusd' is not one of fused, local, ray, slurm. Did you mean 'fused'?"),
    ],
)
def test_what_no_launcher_takes_is_refused_with_the_right_one(tmp_path, section, message):
    with pytest.raises(UserError) as refused:
        check_launcher(write_sweep(tmp_path, launcher=section))
    assert str(refused.value) == message


@pytest.mark.parametrize("section", ["3", "[fused]", "{name: 3}"])
def test_a_section_of_another_kind_is_refused_with_its_file(tmp_path, section):
    with pytest.raises(UserError, match=r"toy.yaml: launcher"):
        write_sweep(tmp_path, launcher=section)


def test_the_memory_of_fused_runs_cannot_be_limited(tmp_path):
    sweep = write_sweep(tmp_path, launcher="fused", constraints="{memory: 1 GB}")
    with pytest.raises(UserError, match="runs that share a process have no memory of their own"):
        check_launcher(sweep)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("local", Method("local")),
        ("fused:fuse=4", Method("fused", {"fuse": "4"})),
        ("own: a=1, b=x=y", Method("own", {"a": "1", "b": "x=y"})),
    ],
)
def test_a_command_line_names_a_launcher_with_its_options(text, wanted):
    assert parse_launcher(text) == wanted


@pytest.mark.parametrize("text", ["", ":fuse=3", "fused:fuse", "fused:=3", "fused:fuse="])
def test_a_command_line_that_names_none_is_refused(text):
    with pytest.raises(UserError, match="must be a name, or a name with options as `fused:fuse=8`"):
        parse_launcher(text)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [(["--launcher", "fused:fuse=3"], "fused:fuse=3"), (["--fuse", "3"], "fused:fuse=3"), ([], None)],
)
@pytest.mark.parametrize("command", [("sweep", "quickstart"), ("replicate", "quickstart", "--n", "3")])
def test_the_older_option_fuse_names_the_fused_launcher(monkeypatch, command, options, wanted):
    asked = []

    def note(*args, launcher, **more):
        asked.append(launcher)
        raise UserError("stopped here")

    monkeypatch.setattr(f"rnnsweep.api.{command[0]}", note, raising=False)
    monkeypatch.setattr(
        "rnnsweep.api.corpora.description.describe_sweep_data", lambda file: {}
    )  # it reads the corpus
    assert main([*command, *options]) == 2
    assert asked == [wanted]


OWN = """
from rnnsweep.launchers import LauncherSpec

made = []

def make(slots, *, where="here"):
    from simulation import FakeClock, FakeLauncher, Script
    made.append((slots, where))
    return FakeLauncher(FakeClock(), lambda task, life: Script((0.5,)))

SPEC = LauncherSpec(make, {"where": str})
NO_SPEC = make
"""


@pytest.fixture
def own_launcher(tmp_path, monkeypatch):
    """A launcher of another distribution: one module, and its entry point."""
    (tmp_path / "own_launcher.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    every = [
        EntryPoint(name, f"own_launcher:{what}", registry.GROUP)
        for name, what in (("own", "SPEC"), ("bad", "NO_SPEC"))
    ]
    monkeypatch.setattr(
        registry, "entry_points", lambda group, name=None: [one for one in every if name in (None, one.name)]
    )
    yield
    sys.modules.pop("own_launcher", None)


@pytest.mark.usefixtures("own_launcher")
def test_a_launcher_of_another_distribution_is_one_module_and_an_entry_point(tmp_path):
    sweep = write_sweep(tmp_path, launcher="{name: own, where: there}", baseline="false")
    launcher = make_launcher(sweep, "2")
    assert sys.modules["own_launcher"].made == [("2", "there")]
    assert isinstance(launcher, FakeLauncher)
    with pytest.raises(
        UserError, match="launcher='owm' is not one of bad, fused, local, own, ray, slurm. Did you mean 'own'"
    ):
        check_launcher(write_sweep(tmp_path, launcher="owm"))
    with pytest.raises(UserError, match="its entry point must name a rnnsweep.launchers.LauncherSpec"):
        check_launcher(write_sweep(tmp_path, launcher="bad"))


def test_the_launcher_of_the_page_on_extending_writes_a_line_for_each_start(tmp_path, made, monkeypatch):
    page = (Path(__file__).parents[1] / "docs" / "extending.md").read_text()
    module = re.search(r"^# my_launcher.py.*?(?=^```)", page, re.M | re.S).group()
    (tmp_path / "my_launcher.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_launcher", raising=False)
    monkeypatch.setattr(
        registry,
        "entry_points",
        lambda group, name=None: [EntryPoint("logged", "my_launcher:SPEC", registry.GROUP)],
    )
    started = []
    monkeypatch.setattr(LocalLauncher, "start", lambda self, task, slot: started.append((task, slot)))
    file = tmp_path / "mine.log"
    launcher = make_launcher(write_sweep(tmp_path, launcher=f"{{name: logged, file: {file}}}"), 2)
    task, slot = SimpleNamespace(name="gru-0"), slots_here(2)[1]
    launcher.start(task, slot)
    assert file.read_text() == "gru-0 in slot 1\n"
    assert started == [(task, slot)]


def test_a_launcher_of_the_package_is_one_folder():
    folder = Path(registry.__file__).parent
    there = {path.parent.name for path in folder.glob("*/__init__.py") if "SPEC" in path.read_text()}
    assert there == set(registry._own()) >= {"fused", "local"}
    for name in there:
        assert isinstance(registry._find(name), registry.LauncherSpec)


def test_no_other_package_knows_of_fused_runs():
    package = Path(registry.__file__).parents[1]
    for path in package.rglob("*.py"):
        inside = path.relative_to(package).parts
        if inside[:2] == ("launchers", "fused"):
            continue
        text = path.read_text()
        for word in (
            "together=",
            "fused_workers",
            ".stackable",
            "shape_of",
            "FusedLauncher",
            "launchers.fused",
        ):
            assert word not in text, f"{path}: {word}"


def test_a_sweep_goes_on_where_another_launcher_left_it(tmp_path):
    first, then = (FakeLauncher(FakeClock(), plain) for _ in range(2))
    run(write_sweep(tmp_path, trials=2, replicates=0, launcher="local"), tmp_path, first)
    summary = run(write_sweep(tmp_path, trials=3, replicates=0, launcher="{fuse: 4}"), tmp_path, then)
    assert summary.state == "finished"
    assert {task.number for task in then.started} == {2}
