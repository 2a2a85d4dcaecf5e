"""${message}

Revision ${up_revision}, after ${down_revision | comma,n}.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from workflow.migrations import by_hand

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
% if down_revision is None:
    by_hand.before_tables(op.get_bind())
% endif
    ${upgrades if upgrades else "pass"}
    by_hand.after_tables(op.get_bind())


def downgrade() -> None:
    raise NotImplementedError("a station goes back by restoring its backup")
