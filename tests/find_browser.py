"""Print the path of a Chromium for the browser tests; install one where none is (``make test``)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hatch_build import npm  # noqa: E402

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGE = "@sparticuz/chromium@147.0.0"  # a Chromium inside an npm package
SAYS_PATH = "import('@sparticuz/chromium').then(m => m.default.executablePath()).then(p => console.log(p))"


def find() -> str:
    """The first that runs; SystemExit with what to do when there is none."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if runs(named) else sys.exit(f"CHROMIUM={named} does not run")
    return (
        on_path()
        or from_debian()
        or from_npm()
        or sys.exit(
            "The browser tests need Chromium. Install it (Debian: apt install chromium fonts-noto-cjk), "
            "or set CHROMIUM to the path of one."
        )
    )


def on_path() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name)) and runs(path)), None)


def from_debian() -> str | None:
    """As root on Debian: the distribution's own, with a Chinese font and the PDF tools."""
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        return None
    say("installing chromium with apt-get")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    packages = ["chromium", "fonts-noto-cjk", "poppler-utils"]
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        if subprocess.run(["apt-get", *command], env=environment, stdout=sys.stderr).returncode != 0:
            return None
    return on_path()


def from_npm() -> str | None:
    say(f"installing {PACKAGE} with npm")
    folder = ROOT / ".stamps" / "chromium"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true, "type": "module"}\n')
    command, environment = npm()
    environment |= {"TMPDIR": str(folder)}
    install = [*command, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", PACKAGE]
    if subprocess.run(install, cwd=folder, env=environment, stdout=sys.stderr).returncode != 0:
        return None
    said = subprocess.run(
        ["node", "-e", SAYS_PATH], cwd=folder, env=environment, capture_output=True, text=True
    )
    path = said.stdout.strip()
    if not runs(path):
        say(said.stderr.strip() or f"{path} does not run")
        return None
    return path


def runs(path: str) -> bool:
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def say(text: str) -> None:
    print(f"==> {text}", file=sys.stderr)


if __name__ == "__main__":
    print(find())
