"""working with others: coordination, co-handling units, several bodies

Revision 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("case", sa.Column("lead_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_case_lead_id"), "case", "staff", ["lead_id"], ["id"])
    op.create_table(
        "co_handling_unit",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("item_version_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_version_id"], ["item_version.id"], name=op.f("fk_co_handling_unit_item_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_co_handling_unit")),
        sa.UniqueConstraint("item_version_id", "name", name=op.f("uq_co_handling_unit_item_version_id_name")),
    )
    op.create_table(
        "coordination",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), sa.Computed("'coordination:' || id", persisted=True), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=True),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("instance_id", sa.BigInteger(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("colleague_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("on_behalf_of", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["first_id"], ["coordination.id"], name=op.f("fk_coordination_first_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_coordination_case_id")),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name=op.f("fk_coordination_instance_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_coordination_person_id")),
        sa.ForeignKeyConstraint(["colleague_id"], ["staff.id"], name=op.f("fk_coordination_colleague_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coordination")),
        sa.UniqueConstraint("key", name=op.f("uq_coordination_key")),
        sa.UniqueConstraint("instance_id", name=op.f("uq_coordination_instance_id")),
    )
    op.create_index(op.f("ix_coordination_case_id"), "coordination", ["case_id"], unique=False)
    op.create_index(op.f("ix_coordination_first_id"), "coordination", ["first_id"], unique=False)
    op.create_table(
        "joint_part",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("looks_after_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("on_behalf_of", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_for", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_joint_part_case_id")),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name=op.f("fk_joint_part_instance_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_joint_part_person_id")),
        sa.ForeignKeyConstraint(["looks_after_id"], ["staff.id"], name=op.f("fk_joint_part_looks_after_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint_part")),
        sa.UniqueConstraint("instance_id", name=op.f("uq_joint_part_instance_id")),
    )
    op.create_index(op.f("ix_joint_part_case_id"), "joint_part", ["case_id"], unique=False)
