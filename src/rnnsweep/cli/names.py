"""Names of sweeps and machines, completed in the shell."""

import click
from click.shell_completion import CompletionItem

from rnnsweep.paths import find_paths


def sweep_names() -> list[str]:
    """Return the names of the files of sweeps/."""
    return sorted({file.stem for folder in find_paths().sweeps for file in folder.glob("*.yaml")})


class Question(click.ParamType[str]):
    """A file of sweeps/, or its name."""

    name = "file"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the names of sweeps/, and paths."""
        items = [CompletionItem(name) for name in sweep_names() if name.startswith(incomplete)]
        return items or [CompletionItem(incomplete, type="file")]


class StartedSweep(click.ParamType[str]):
    """A sweep that was started, by its name or its file."""

    name = "sweep"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the names of mlruns/sweeps/, and paths."""
        from rnnsweep.state.folder import SweepFolder

        known = [folder.name for folder in SweepFolder.every(find_paths().mlruns)]
        items = [CompletionItem(name) for name in known if name.startswith(incomplete)]
        return items or [CompletionItem(incomplete, type="file")]


class OnMachine(click.ParamType[str]):
    """A file of conf/machine/, or its name."""

    name = "name"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the names of conf/machine/."""
        from rnnsweep.machine import machine_names

        return [CompletionItem(name) for name in machine_names() if name.startswith(incomplete)]
