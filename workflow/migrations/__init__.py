"""Revisions of the tables, and what Alembic cannot guess from them (``by_hand``)."""
