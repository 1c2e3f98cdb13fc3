"""What this project uses of other libraries' private parts: where, of which version, and that it is there.

A part that is gone, or a version that nobody looked at, fails here by name: look at the module that the
table names, mend it, and move the bound in pyproject.toml and the version here together.
"""

import ast
import inspect
import re
import sqlite3
import tomllib
from contextlib import closing
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import rnnsweep
from rnnsweep.tracking.store import tables

PACKAGE = Path(rnnsweep.__file__).parent
# distribution -> newest minor version that was looked at
NEWEST = {
    "hydra-core": "1.3",
    "pytorch-lightning": "2.6",
    "mlflow": "3.17",
    "numba": "0.68",
    "optuna": "5.0",
    "ray": "2.60",
    "torch": "2.13",
}
_STORE = "mlflow.store.tracking.sqlalchemy_store:SqlAlchemyStore"
_TPE = "optuna.samplers._tpe.sampler"
_REPOSITORIES = "mlflow.store.artifact.artifact_repository_registry"
# private part -> the module of this package that alone may use it
PARTS = {
    "hydra._internal.config_repository:CachingConfigRepository.load_config": "config/hydra_files.py",
    "hydra._internal.config_repository:ConfigRepository.load_config": "config/hydra_files.py",
    "hydra._internal.core_plugins.file_config_source:FileConfigSource": "config/hydra_files.py",
    "hydra._internal.defaults_list:create_defaults_list": "config/hydra_files.py",
    "multiprocessing.forkserver:ForkServer._stop": "launchers/local/server.py",
    "multiprocessing.forkserver:_forkserver": "launchers/local/server.py",
    "numba.core.caching:CompileResultCacheImpl.get_filename_base": "runtime/kept_code.py",
    "numba.core.caching:FunctionCache._impl_class": "runtime/kept_code.py",
    "numba.core.caching:FunctionCache.load_overload": "runtime/kept_code.py",
    "numba.core.caching:FunctionCache.save_overload": "runtime/kept_code.py",
    "numba.core.registry:cpu_target": "runtime/compiled.py",
    "numba.core.sigutils:normalize_signature": "runtime/compiled.py",
    "torch:_meta_registrations": "runtime/spared_imports.py",
    "torch._decomp:decompositions": "runtime/spared_imports.py",
    f"{_TPE}:_get_infeasible_trial_score": "methods/tpe.py",
    f"{_TPE}:_get_pruned_trial_score": "methods/tpe.py",
    f"{_TPE}:default_gamma": "methods/tpe.py",
    "optuna.storages.journal._storage:JournalOperation": "search/replay.py",
    "ray._private.state:GlobalState.get_draining_nodes": "launchers/ray/driver.py",
    "ray._private.state:state": "launchers/ray/driver.py",
    "torch._dynamo:OptimizedModule": "runtime/spared_imports.py",
    "torch._dynamo:disable": "runtime/spared_imports.py",
    "torch._dynamo:graph_break": "runtime/spared_imports.py",
    "mlflow.store.db.utils:_get_alembic_config": "tracking/store/schema.py",
    "mlflow.store.db.utils:_upgrade_db": "tracking/store/schema.py",
    "mlflow.store.db.utils:create_sqlalchemy_engine": "tracking/store/schema.py",
    f"{_STORE}.sanitize_metric_value": "tracking/store/bulk.py",
    "mlflow.utils.validation:_validate_batch_log_data": "tracking/store/bulk.py",
    f"{_STORE}._engine_map": "tracking/store/store.py",
    f"{_STORE}._hard_delete_run": "tracking/store/deleted.py",
    f"{_STORE}._hard_delete_experiment": "tracking/store/sweep_runs.py",
    f"{_STORE}._hard_delete_logged_model": "tracking/store/deleted.py",
    f"{_REPOSITORIES}:_artifact_repository_registry": "tracking/ui/contained.py",
}
LOOPS = "training/lightning_loops.py"
# attributes that only an object has: text of the library's source -> where it is
ATTRIBUTES = {
    (
        "pytorch_lightning.loops.training_epoch_loop:_TrainingEpochLoop",
        "_batches_that_stepped",
    ): LOOPS,
    (
        "pytorch_lightning.loops.training_epoch_loop:_TrainingEpochLoop",
        "manual_optimization",
    ): LOOPS,
    (
        "pytorch_lightning.loops.optimization.manual:_ManualOptimization",
        "optim_step_progress",
    ): LOOPS,
    ("mlflow.tracking:MlflowClient", "_tracking_client"): "tracking/store/bulk.py",
    (_STORE, "ManagedSessionMaker"): "tracking/store/bulk.py",
    ("multiprocessing.forkserver:ForkServer", "_forkserver_pid"): "launchers/local/server.py",
    ("pytorch_lightning.loops.fit_loop:_FitLoop", "epoch_progress"): LOOPS,
    ("pytorch_lightning.loops.fit_loop:_FitLoop", "val_check_batch"): LOOPS,
    **{
        (f"{_TPE}:TPESampler", name): "methods/tpe.py"
        for name in (
            *("_compare", "_compute_acquisition_func", "_constant_liar", "_gamma", "_get_params"),
            *("_n_ei_candidates", "_parzen_estimator_cls", "_parzen_estimator_parameters", "_rng"),
            *("_sample", "_search_space"),
        )
    },
    **{
        ("optuna.study:Study", name): "methods/tpe.py"
        for name in ("_get_trials", "_is_multi_objective", "_storage", "_study_id")
    },
}


def found(part: str):
    module, _, path = part.partition(":")
    thing = import_module(module)
    for name in path.split("."):
        thing = getattr(thing, name)
    return thing


@pytest.mark.parametrize("part", PARTS)
def test_a_private_part_is_still_there(part):
    try:
        found(part)
    except (ImportError, AttributeError) as error:
        pytest.fail(f"{part} is gone ({error}): mend src/rnnsweep/{PARTS[part]}")


@pytest.mark.parametrize(("owner", "name"), ATTRIBUTES)
def test_an_attribute_is_still_there(owner, name):
    assert name in inspect.getsource(found(owner)), f"mend src/rnnsweep/{ATTRIBUTES[owner, name]}"


STATEMENTS = {
    f"{name}[{number}]": statement
    for name, value in vars(tables).items()
    if name.isupper()
    for number, statement in enumerate(value if isinstance(value, list) else [value])
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_fits_the_tables_of_the_installed_mlflow(name, template):
    with closing(sqlite3.connect(template / "mlflow.db")) as connection:
        connection.execute("CREATE TEMP TABLE chosen (run_uuid)")
        statement = STATEMENTS[name].removeprefix("\nCREATE TEMP TABLE chosen AS ")
        named = re.findall(r":(\w+)", statement)
        holes = dict.fromkeys(named, "x") if named else ["x"] * statement.count("?")
        try:
            connection.execute(f"EXPLAIN {statement}", holes)
        except sqlite3.OperationalError as error:
            pytest.fail(f"{error}: mend {name} in src/rnnsweep/tracking/store/tables.py")


def test_no_other_module_names_the_tables_of_mlflow():
    named = re.compile(r"\b(run_uuid|latest_metrics|logged_models|\w+_model_aliases|alembic_version)\b")
    homes = [
        str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if named.search(path.read_text())
    ]
    assert homes == ["tracking/store/tables.py"]


@pytest.mark.parametrize("distribution", NEWEST)
def test_the_installed_version_was_looked_at_and_the_next_one_is_out_of_bounds(distribution):
    have, newest = version(distribution).split(".")[:2], NEWEST[distribution].split(".")
    assert [int(n) for n in have] <= [int(n) for n in newest], (
        f"look at PARTS for {distribution} {'.'.join(have)}"
    )
    project = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["cluster"]]
    line = next(one for one in declared if re.match(rf"{distribution}[><=]", one))
    bound = f"<{newest[0]}.{int(newest[1]) + 1}"
    assert line.endswith(bound), f"{line}: must end with {bound}"


def test_each_private_module_is_imported_by_one_module_alone():
    places = {part.partition(":")[0]: place for part, place in PARTS.items()}
    for path in PACKAGE.rglob("*.py"):
        here = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                private = module.startswith(("hydra._internal", "numba.core")) or any(
                    part.startswith("_") for part in module.split(".") if module.split(".")[0] != "rnnsweep"
                )
                if private and module != "__future__":
                    assert places.get(module) == here, f"{here} imports {module}"


def test_lightnings_counters_are_set_in_one_module():
    words = (
        "_batches_that_stepped",
        "optim_step_progress",
        "epoch_progress",
        "val_check_batch",
        "limit_val_batches",
    )
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).as_posix() != LOOPS:
            assert not any(word in path.read_text() for word in words), path


def test_every_distribution_that_is_imported_is_declared():
    """Names of modules are those of their distributions, but for some."""
    import sys

    project = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text())["project"]
    lines = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    declared = {re.split(r"[\[><=; ]", line)[0].lower().replace("-", "_") for line in lines}
    called = {"sklearn": "scikit_learn", "yaml": "pyyaml", "hydra": "hydra_core", "pynvml": "nvidia_ml_py"}
    called |= {
        "google": "google",
        "vl_convert": "vl_convert_python",
        "pydantic_core": "pydantic",
        "botocore": "boto3",
    }
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                first = name.partition(".")[0]
                if first not in sys.stdlib_module_names and first not in ("rnnsweep", "__future__"):
                    assert called.get(first, first).lower() in declared, f"{path}: {first} is not declared"
