"""Rich's console; apart, because importing rich takes a while."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from rnnsweep.cli.control_characters import escape_control_characters
from rnnsweep.cli.wrapping import wrapped


class QuietConsole(Console):
    """A console that lets the command line decide what a closed pipe means; rich would exit with 1."""

    def print(self, *objects: Any, soft_wrap: bool | None = None, **more: Any) -> None:
        """Print; a text is broken as an error line is: rich would break paths and commands too."""
        if soft_wrap is None and len(objects) == 1 and isinstance(objects[0], str):
            objects = (wrapped(escape_control_characters(objects[0]), self.width),)
            soft_wrap = True
        super().print(*objects, soft_wrap=soft_wrap, **more)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, with control characters in texts of others made visible."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable() or segment.text == "\n":
                yield segment
            else:
                yield Segment(escape_control_characters(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Pass it on."""
        raise BrokenPipeError
