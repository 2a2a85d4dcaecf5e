"""positions described anew

Revision 0003, after 0002.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("ck_position_change_kind"), "position_change")
    op.create_check_constraint(
        op.f("ck_position_change_kind"),
        "position_change",
        "kind IN ('create', 'describe', 'appoint', 'withdraw', 'activate', 'deactivate')",
    )
