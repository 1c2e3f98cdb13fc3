"""The house keeps its own rules."""

import ast
import re
import statistics
import tomllib
from pathlib import Path

import grimp
import networkx as nx
import pytest

SOURCES = sorted((Path(__file__).parents[1] / "src" / "rnnsweep").rglob("*.py"))
LONGER_FOR_A_REASON: dict[str, str] = {}
INHERITED = {"on_train_batch_end", "sample_independent", "move"}  # the class above documents the parameters


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def test_there_are_sources_to_check():
    assert len(SOURCES) > 20


def test_the_median_function_has_at_most_twelve_lines():
    assert statistics.median(code_lines(f) for path in SOURCES for f in functions(path)) <= 12


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_a_module_has_at_most_300_lines_or_a_reason(path):
    if path.name not in LONGER_FOR_A_REASON:
        assert len(path.read_text().splitlines()) <= 300


def test_no_module_is_a_drawer_for_everything():
    drawers = {"utils", "util", "common", "helpers", "misc", "shared", "tools"}
    assert [p for p in SOURCES if p.stem in drawers or p.parent.name in drawers] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_public_functions_and_classes_say_what_they_do(path):
    tree = ast.parse(path.read_text())
    public = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    assert [node.name for node in public if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_functions_of_four_parameters_document_them_their_result_and_their_errors(path):
    if "commands" in path.parts:  # click prints the docstring of a command as its help
        return
    tree = ast.parse(path.read_text())
    scopes = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_")]
    missing = [lack for scope in scopes for each in scope.body for lack in _undocumented(each, scope)]
    assert missing == []


def test_no_configuration_file_names_code():
    folder = Path(__file__).parents[1]
    files = [*folder.glob("conf/**/*.yaml"), *folder.glob("sweeps/*.yaml")]
    assert len(files) > 15
    assert [f for f in files if re.search(r"_target_|!!python", f.read_text())] == []


def test_files_that_a_user_edits_fit_a_terminal():
    folder = Path(__file__).parents[1]
    files = [*folder.glob("conf/**/*.yaml"), *folder.glob("sweeps/*.yaml")]
    assert len(files) > 15
    lines = [(f.name, n, line) for f in files for n, line in enumerate(f.read_text().splitlines(), 1)]
    assert [line for line in lines if len(line[2]) > 80] == []


def test_nothing_above_the_tasks_names_a_score_or_an_answer_of_one_of_them():
    # keys and columns of a user's file are his own: data/ may say "label"
    words = re.compile(r"(?<![a-zA-Z.-])(accuracy|macro_f1|label|confusion)(?![a-zA-Z])")
    keys = re.compile(r"data\.label|aria-label|datum\.label")
    own = {"tasks": words, "models": words, "data": re.compile("label")}
    found = []
    for path in SOURCES:
        package = path.relative_to(Path(__file__).parents[1] / "src" / "rnnsweep").parts[0]
        tree = ast.parse(path.read_text())
        for text in _literals(tree):
            said = {match.group(1) for match in words.finditer(keys.sub("", text))}
            allowed = own.get(package)
            found += [(path.name, word) for word in said if allowed is None or not allowed.fullmatch(word)]
    assert found == []


def test_no_module_depends_on_itself_through_others():
    graph = grimp.build_graph("rnnsweep", exclude_type_checking_imports=True, cache_dir=None)
    imports = [(a, b) for a in graph.modules for b in graph.find_modules_directly_imported_by(a)]
    assert _circles(imports) == []


def test_no_module_knows_another_one_that_knows_it_not_even_by_a_type():
    graph = grimp.build_graph("rnnsweep", exclude_type_checking_imports=False, cache_dir=None)
    packages = {name.rpartition(".")[0] for name in graph.modules}  # which hand names on
    modules = graph.modules - packages
    imports = [(a, b) for a in modules for b in graph.find_modules_directly_imported_by(a) if b in modules]
    assert _circles(imports) == []


def _circles(imports):
    return [each for each in nx.strongly_connected_components(nx.DiGraph(imports)) if len(each) > 1]


def test_the_layers_of_the_architecture_page_are_those_that_are_checked():
    folder = Path(__file__).parents[1]
    contract = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    checked = [set(row.split(" | ")) for row in contract["layers"] if row != "__main__"]
    section = (folder / "ARCHITECTURE.md").read_text().partition("## Layers")[2].partition("## To add")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert [set(re.findall(r"`(\w+)`", row)) for row in rows] == checked


def _undocumented(node: ast.stmt, scope: ast.Module | ast.ClassDef) -> list[str]:
    """Name what the docstring of a public function of four parameters or more lacks."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name in INHERITED:
        return []
    if node.name.startswith("_") and node.name != "__init__":
        return []
    arguments = node.args
    named = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    names = [each.arg for each in named if each is not None and each.arg not in ("self", "cls")]
    if len(names) < 4:
        return []
    of_class = ast.get_docstring(scope) if node.name == "__init__" else ""
    text = ast.get_docstring(node) or of_class or ""
    about = text.partition("Args:")[2]
    # T, B and H are shapes, which the module's docstring explains
    lacks = [name for name in names if len(name) > 1 and not re.search(rf"^ +{name}: ", about, re.MULTILINE)]
    returns = node.returns is not None and ast.unparse(node.returns) != "None"
    if returns and not text.startswith(("Return ", "Yield ")) and "Returns:" not in text:
        lacks.append("Returns")
    raised = (ast.unparse(each.exc) for each in ast.walk(node) if isinstance(each, ast.Raise) and each.exc)
    if any("UserError" in each for each in raised) and "Raises:" not in text:
        lacks.append("Raises")
    return [f"{node.name}: {lack}" for lack in lacks]


def _literals(tree: ast.Module) -> list[str]:
    """Texts of a module that are no docstrings."""
    owners = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]
