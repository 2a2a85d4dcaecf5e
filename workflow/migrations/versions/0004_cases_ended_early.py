"""cases ended early

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("case", sa.Column("end_reason", sa.Text(), nullable=True))
    op.add_column("case", sa.Column("end_confirmed", sa.Text(), nullable=True))
