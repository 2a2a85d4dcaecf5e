"""``python -m workflow.migrations "what changes"``: write the next revision from the tables as declared.

It compares them with a throw-away database at the newest revision. Read what it wrote: it does not see
renamed columns, and what no table declares belongs into ``by_hand``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from workflow.cluster import OWNER
from workflow.database import make_engine, migrate, migrations
from workflow.keeper import Keeper


def write_revision(message: str) -> None:
    number = len(list(ScriptDirectory.from_config(migrations()).walk_revisions())) + 1
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        with Keeper(Path(folder) / "postgres") as keeper:
            engine = make_engine(keeper.url("postgres", role=OWNER))
            if number > 1:
                migrate(engine)
            with engine.connect() as connection:
                command.revision(migrations(connection), message, autogenerate=True, rev_id=f"{number:04}")
            engine.dispose()


if __name__ == "__main__":
    write_revision(sys.argv[1])
