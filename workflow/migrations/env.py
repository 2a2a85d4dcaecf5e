"""Alembic runs this for each of its commands; the connection (and its transaction) is the caller's."""

from alembic import context

from workflow.migrations.tables import import_all, is_ours
from workflow.schema import Base

import_all()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_name=is_ours,
)
with context.begin_transaction():
    context.run_migrations()
