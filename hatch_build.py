"""What a wheel and an sdist hold: files that git tracks, and nothing else that lies beside them."""

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKED = {"conf": "rnnsweep/conf", "sweeps/quickstart.yaml": "rnnsweep/sweeps/quickstart.yaml"}  # in a wheel


class TrackedFiles(BuildHookInterface):
    """Leaves out what git does not track; without git, as in an unpacked sdist, takes the YAML files."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Choose the files of a build."""
        root = Path(self.root)
        tracked, others = self._listed("--cached"), self._listed("--others")
        if others:
            excluded = self.build_config.target_config.setdefault("exclude", [])
            excluded.extend(f"/{name}" for name in others)
        if self.target_name != "wheel" or version == "editable":
            return
        for source, target in PACKED.items():
            files = [path for path in [root / source, *(root / source).rglob("*.yaml")] if path.is_file()]
            for path in files:
                name = path.relative_to(root).as_posix()
                if tracked is None or name in tracked:
                    build_data["force_include"][str(path)] = target + name.removeprefix(source)

    def _listed(self, kind: str) -> set[str] | None:
        """List files as git knows them; None where this is no clone."""
        if not (Path(self.root) / ".git").exists():
            return None
        command = ["git", "-c", "core.fsmonitor=false", "ls-files", "-z", kind]
        exclude = ["--exclude-standard"] if kind == "--others" else []
        done = subprocess.run([*command, *exclude], cwd=self.root, capture_output=True, text=True, check=True)
        return set(done.stdout.split("\0")) - {""}
