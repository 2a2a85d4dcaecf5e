"""first contact

Revision 0007, after 0004.
"""

import sqlalchemy as sa
from alembic import op

from workflow.migrations import by_hand

revision = "0007"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "first_contact_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("from_id", sa.BigInteger(), nullable=False),
        sa.Column("to_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("on_behalf_of", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_first_contact_change_case_id")),
        sa.ForeignKeyConstraint(["from_id"], ["staff.id"], name=op.f("fk_first_contact_change_from_id")),
        sa.ForeignKeyConstraint(["to_id"], ["staff.id"], name=op.f("fk_first_contact_change_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_first_contact_change")),
    )
    op.create_index(
        op.f("ix_first_contact_change_case_id"), "first_contact_change", ["case_id"], unique=False
    )
    op.create_table(
        "first_contact_handover",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("from_id", sa.BigInteger(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("passed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.Column("accepted_for", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_first_contact_handover_case_id")),
        sa.ForeignKeyConstraint(["from_id"], ["staff.id"], name=op.f("fk_first_contact_handover_from_id")),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["instance.id"], name=op.f("fk_first_contact_handover_instance_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_first_contact_handover")),
    )
    op.create_index(
        op.f("ix_first_contact_handover_case_id"), "first_contact_handover", ["case_id"], unique=False
    )
    by_hand.after_tables(op.get_bind())


def downgrade() -> None:
    raise NotImplementedError("a station goes back by restoring its backup")
