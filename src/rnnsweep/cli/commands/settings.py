"""`config`, `version` and `completion`: what a run would be, and what this installation is."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from rnnsweep.cli.command import command, json_option
from rnnsweep.cli.output import consoles, echo, one_json_object

if TYPE_CHECKING:
    from rnnsweep.config import Setting

# bash puts a space after a completed word, which ends `model=` before its value
_NO_SPACE_AFTER_KEYS = (
    "COMPREPLY+=($value)",
    "COMPREPLY+=($value); [[ $value == *= ]] && compopt -o nospace",
)


class Overrides(click.ParamType[str]):
    """Hydra's overrides, completed by groups, files and keys."""

    name = "override"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete ``mod`` to ``model=`` and model's keys, and ``model=`` to the files of conf/model."""
        group, sign, begun = incomplete.partition("=")
        before: Sequence[str] = ctx.params.get(param.name or "") or ()
        if sign and group:
            return [CompletionItem(f"{group}={name}") for name in _files(group, begun)]
        # bash breaks words at "=": "model" "=" "gr"; click makes nothing of a last "="
        if before and "=" not in before[-1]:
            return [CompletionItem(name) for name in _files(before[-1], "")]
        if len(before) > 1 and before[-1] == "=":
            return [CompletionItem(name) for name in _files(before[-2], incomplete)]
        return [CompletionItem(f"{key}=") for key in _keys() if key.startswith(incomplete)]


def overrides_argument(function: Any) -> Any:
    """Add the argument that takes overrides."""
    return click.argument("overrides", nargs=-1, type=Overrides(), metavar="[KEY=VALUE]...")(function)


@command(
    "config",
    ("rnnsweep config", "every value of a run without overrides, and where it comes from"),
    ("rnnsweep config model=bilstm optimizer.lr=0.01", "the same with overrides"),
    ("rnnsweep config experiment=mine --json", "one JSON object, for programs"),
)
@overrides_argument
@json_option
def config_command(overrides: Sequence[str], as_json: bool) -> None:
    """Print a composed run and where each value came from."""
    from rnnsweep.config import origins

    with one_json_object(as_json) as emit:
        found = origins(overrides)
        emit({s.key: {"value": s.value, "origin": str(s.origin)} for s in found})
    if not as_json:
        _print_settings(found)


@command("version", ("rnnsweep version", "the versions to name when something goes wrong"))
@json_option
def version_command(as_json: bool) -> None:
    """Print versions of rnnsweep and of what it stands on."""
    import platform
    from importlib.metadata import version

    from rnnsweep.paths import find_paths

    places = find_paths()
    names = ("rnnsweep", "torch", "pytorch-lightning", "hydra-core", "optuna", "mlflow")
    found = {name: version(name) for name in names} | {"python": platform.python_version()}
    folders = {"conf": str(places.conf), "mlruns": str(places.mlruns)}
    with one_json_object(as_json) as emit:
        emit(found | folders)
    if not as_json:
        for name, value in (found | folders).items():
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


def _files(group: str, begun: str) -> list[str]:
    from rnnsweep.config import options
    from rnnsweep.config.files import conf_folders

    return [name for name in options(group, conf_folders()) if name.startswith(begun)]


def _keys() -> list[str]:
    from rnnsweep.config import GROUPS, known_keys

    return [*GROUPS, *known_keys()]


def _print_settings(settings: "Sequence[Setting]") -> None:
    """Print YAML with the origin of each value as its comment, so that it can be pasted into a file."""
    console, _ = consoles()
    lines = [(_line(setting), str(setting.origin)) for setting in settings]
    width = min(44, max(len(line) for line, _ in lines))
    for line, origin in lines:
        style = {"command line": "bold green", "default": "dim"}.get(origin, "cyan")
        console.print(line.ljust(width), end="  ", markup=False, soft_wrap=True)
        console.print(f"# {origin}", style=style, markup=False, soft_wrap=True)


def _line(setting: "Setting") -> str:
    import yaml

    text = yaml.safe_dump(setting.value, default_flow_style=True, allow_unicode=True, width=10**6)
    return f"{setting.key}: {text.removesuffix('...' + chr(10)).strip()}"
