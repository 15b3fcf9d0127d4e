"""Which states the jobs of each name are in, for the planner: the depth of a long queue is its estimate.

Without it, it takes name and state for independent: of a name whose jobs all wait, beside another whose jobs are all dead,
it would say a fraction of what there is.
"""

from alembic import op

revision = "0006_queue_statistics"
down_revision = "0005_webhooks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE STATISTICS pgqueuer_entrypoint_status (mcv) ON entrypoint, status FROM pgqueuer")
    op.execute("ANALYZE pgqueuer")


def downgrade() -> None:
    op.execute("DROP STATISTICS pgqueuer_entrypoint_status")
