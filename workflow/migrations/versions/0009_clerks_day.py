"""the clerk's day: visits, possible duplicates, agents, collection, contacts with others

Revision 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

from workflow.migrations import by_hand

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "visit",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("no", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("enterprise", sa.Text(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("void_at", moment, nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("void_actor", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_visit_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("no", name=op.f("uq_visit_no")),
    )
    op.create_index(op.f("ix_visit_at"), "visit", ["at"])
    op.create_index(op.f("ix_visit_person_id"), "visit", ["person_id"])
    op.create_table(
        "case_relation",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("earlier_id", sa.BigInteger(), nullable=False),
        sa.Column("later_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.CheckConstraint("earlier_id <> later_id", name=op.f("ck_case_relation_two")),
        sa.ForeignKeyConstraint(["earlier_id"], ["case.id"], name=op.f("fk_case_relation_earlier_id")),
        sa.ForeignKeyConstraint(["later_id"], ["case.id"], name=op.f("fk_case_relation_later_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_relation")),
        sa.UniqueConstraint("earlier_id", "later_id", name=op.f("uq_case_relation_earlier_id_later_id")),
    )
    op.create_index(op.f("ix_case_relation_later_id"), "case_relation", ["later_id"])
    for column in (
        sa.Column("merged_into_id", sa.BigInteger(), nullable=True),
        sa.Column("visit_id", sa.BigInteger(), nullable=True),
        sa.Column("agent_id", sa.BigInteger(), nullable=True),
        sa.Column("agent_relation", sa.Text(), nullable=True),
        sa.Column("agent_authorised", sa.Boolean(), nullable=True),
        sa.Column("collection", sa.Text(), nullable=True),
        sa.Column("collected_at", moment, nullable=True),
        sa.Column("collector_id", sa.BigInteger(), nullable=True),
        sa.Column("collection_check", sa.Text(), nullable=True),
    ):
        op.add_column("case", column)
    for name, table in (
        ("merged_into_id", "case"),
        ("visit_id", "visit"),
        ("agent_id", "person"),
        ("collector_id", "person"),
    ):
        op.create_foreign_key(op.f(f"fk_case_{name}"), "case", table, [name], ["id"])
    op.create_index(op.f("ix_case_merged_into_id"), "case", ["merged_into_id"])
    op.create_unique_constraint(op.f("uq_case_visit_id"), "case", ["visit_id"])
    op.add_column("outbox", sa.Column("tried_at", moment, nullable=True))
    op.add_column("contact", sa.Column("party", sa.Text(), server_default="client", nullable=False))
    op.add_column("contact", sa.Column("unit", sa.Text(), server_default="", nullable=False))
    by_hand.after_tables(op.get_bind())
