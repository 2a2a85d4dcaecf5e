"""notices of deficiencies, declining, checks at the counter

Revision 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("case", sa.Column("check_started_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("case", sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("case", sa.Column("check_minutes", sa.BigInteger(), nullable=True))
    op.add_column("case", sa.Column("taken_back", sa.Text(), nullable=True))
    op.add_column("case", sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True))
    op.add_column("case", sa.Column("declined_on", sa.Text(), nullable=True))
    op.add_column("case", sa.Column("more_time_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("case", sa.Column("deemed", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("case_material", sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=True))
