"""`config`, `version` and `completion`: what a run would be, and what this installation is."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import get_completion_class

from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.names import complete_key, overrides_argument
from rnnsweep.cli.output import echo, one_json_object, out
from rnnsweep.cli.wrapping import wrapped

if TYPE_CHECKING:
    from rnnsweep.config import Setting
    from rnnsweep.settings import Explanation

# bash puts a space after a completed word, which ends `model=` before its value
_NO_SPACE_AFTER_KEYS = (
    "COMPREPLY+=($value)",
    "COMPREPLY+=($value); [[ $value == *= ]] && compopt -o nospace",
)


@command(
    "config",
    ("rnnsweep config", "every value of a run without overrides, and where it comes from"),
    ("rnnsweep config model=bilstm optimizer.lr=0.01", "the same with overrides"),
    ("rnnsweep config --explain optimizer.schedule", "what a key means and may be"),
    ("rnnsweep config experiment=mine --json", "one JSON object, for programs"),
)
@overrides_argument
@click.option(
    "--explain", shell_complete=complete_key, metavar="KEY", help="Explain a key of a run or of a sweep file."
)
@json_option
def config_command(overrides: Sequence[str], explain: str | None, as_json: bool) -> None:
    """Print a composed run and where each value came from.

    With --explain: the type, the choices, the default, the meaning and an example of one key.
    """
    if explain is not None:
        _explain(explain, as_json)
        return
    from rnnsweep.config import origins

    with one_json_object(as_json) as emit:
        settings = origins(overrides)
        emit({s.key: {"value": s.value, "origin": str(s.origin)} for s in settings})
    if not as_json:
        _print_settings(settings)


@command("version", ("rnnsweep version", "the versions to name when something goes wrong"))
@json_option
def version_command(as_json: bool) -> None:
    """Print versions of rnnsweep and of the libraries it uses."""
    import platform
    from importlib.metadata import version

    from rnnsweep.paths import find_paths

    places = find_paths()
    names = ("rnnsweep", "torch", "pytorch-lightning", "hydra-core", "optuna", "mlflow")
    versions = {name: version(name) for name in names} | {"python": platform.python_version()}
    folders = {"conf": str(places.conf), "mlruns": str(places.mlruns)}
    with one_json_object(as_json) as emit:
        emit(versions | folders)
    if not as_json:
        for name, value in (versions | folders).items():
            echo(f"{name:<18} {value}")


@command(
    "completion",
    ("rnnsweep completion bash >> ~/.bashrc", "complete commands, keys and files in bash"),
    ("rnnsweep completion zsh >> ~/.zshrc", "the same in zsh"),
    ("rnnsweep completion fish > ~/.config/fish/completions/rnnsweep.fish", "the same in fish"),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands in a shell."""
    complete = get_completion_class(shell)
    assert complete is not None
    script = complete(ctx.find_root().command, {}, "rnnsweep", "_RNNSWEEP_COMPLETE")
    text = script.source_template % script.source_vars()
    echo(text.replace(*_NO_SPACE_AFTER_KEYS) if shell == "bash" else text)


def _explain(key: str, as_json: bool) -> None:
    from rnnsweep.config import explain_key

    with one_json_object(as_json) as emit:
        first, *others = explain_key(key)
        emit({**first.to_json(), "also": [one.to_json() for one in others]})
    if not as_json:
        for number, one in enumerate((first, *others)):
            if number:
                echo()
            _print_explanation(one)


def _print_explanation(one: "Explanation") -> None:
    """Print a key as a few lines of 80 columns: its name and meaning, then what it may be."""
    where = {"run": "a run", "sweep": "a sweep file", "machine": "a file of conf/machine/"}[one.of]
    echo(f"{one.key}  (key of {where})")
    rows = {
        "meaning": one.meaning + (f"; null {one.null}" if one.null else ""),
        "type": one.type + (f", {one.range}" if one.range else ""),
        "choices": ", ".join(map(_written, one.choices)) if one.choices else "",
        "default": _written(one.default),
        "example": _example(one),
    }
    for name, text in rows.items():
        if text:
            echo(f"  {name:<9}" + wrapped(text, 69).replace("\n", "\n" + " " * 11))


def _example(one: "Explanation") -> str:
    if one.of == "run":
        return f"{one.key}={one.example}"
    return f"{one.key.rpartition('.')[2]}: {_written(one.example)}"


def _written(value: Any) -> str:
    """Write a value as a YAML file has it."""
    import yaml

    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _print_settings(settings: "Sequence[Setting]") -> None:
    """Print YAML with the origin of each value as its comment, so that it can be pasted into a file."""
    lines = [(_line(setting), str(setting.origin)) for setting in settings]
    width = min(44, max(len(line) for line, _ in lines))
    for line, origin in lines:
        style = {"command line": "bold green", "default": "dim"}.get(origin, "cyan")
        out().print(line.ljust(width), end="  ", soft_wrap=True)
        out().print(f"# {origin}", style=style, soft_wrap=True)


def _line(setting: "Setting") -> str:
    return f"{setting.key}: {_written(setting.value)}"
