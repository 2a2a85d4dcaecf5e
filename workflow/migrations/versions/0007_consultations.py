"""consultations

Revision 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

from workflow.migrations import by_hand

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "library_answer",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("replaces_id", sa.BigInteger(), nullable=True),
        sa.Column("item_id", sa.BigInteger(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["service_item.id"], name=op.f("fk_library_answer_item_id")),
        sa.ForeignKeyConstraint(
            ["replaces_id"], ["library_answer.id"], name=op.f("fk_library_answer_replaces_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library_answer")),
        sa.UniqueConstraint("replaces_id", name=op.f("uq_library_answer_replaces_id")),
    )
    op.create_index(op.f("ix_library_answer_item_id"), "library_answer", ["item_id"], unique=False)
    op.create_table(
        "consultation",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), sa.Computed("'consultation:' || id", persisted=True), nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("no", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=True),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("first_contact_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.Column("library_answer_id", sa.BigInteger(), nullable=True),
        sa.Column("oral", sa.Boolean(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("on_behalf_of", sa.Text(), nullable=True),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("NOT oral OR channel = 'phone'", name=op.f("ck_consultation_oral")),
        sa.CheckConstraint(
            "answered_at IS NULL OR (answer <> '' AND basis <> '')", name=op.f("ck_consultation_answered")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_consultation_case_id")),
        sa.ForeignKeyConstraint(
            ["first_contact_id"], ["staff.id"], name=op.f("fk_consultation_first_contact_id")
        ),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name=op.f("fk_consultation_instance_id")),
        sa.ForeignKeyConstraint(["item_id"], ["service_item.id"], name=op.f("fk_consultation_item_id")),
        sa.ForeignKeyConstraint(
            ["library_answer_id"], ["library_answer.id"], name=op.f("fk_consultation_library_answer_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_consultation_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consultation")),
        sa.UniqueConstraint("instance_id", name=op.f("uq_consultation_instance_id")),
        sa.UniqueConstraint("key", name=op.f("uq_consultation_key")),
        sa.UniqueConstraint("no", name=op.f("uq_consultation_no")),
    )
    op.create_index(op.f("ix_consultation_case_id"), "consultation", ["case_id"], unique=False)
    op.create_index(
        op.f("ix_consultation_state_received_at"), "consultation", ["state", "received_at"], unique=False
    )
    op.create_table(
        "consultation_contact",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("consultation_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("paper_no", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("on_behalf_of", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["consultation_id"], ["consultation.id"], name=op.f("fk_consultation_contact_consultation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consultation_contact")),
    )
    op.create_index(
        op.f("ix_consultation_contact_consultation_id"),
        "consultation_contact",
        ["consultation_id"],
        unique=False,
    )
    by_hand.after_tables(op.get_bind())


def downgrade() -> None:
    raise NotImplementedError("a station goes back by restoring its backup")
