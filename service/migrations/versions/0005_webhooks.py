"""Webhook subscriptions, events and their deliveries."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0005_webhooks"
down_revision = "0004_images"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_subscriptions()
    _create_events()
    _create_deliveries()
    _create_attempts()


def downgrade() -> None:
    for table in ("webhook_attempts", "webhook_deliveries", "webhook_events", "webhook_subscriptions"):
        op.drop_table(table)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BIGINT, sa.Identity(), primary_key=True)


def _belongs_to(owner: str, column: str) -> sa.Column[int]:
    return sa.Column(column, sa.BIGINT, sa.ForeignKey(f"{owner}.id", ondelete="CASCADE"), nullable=False)


def _created_at() -> sa.Column[datetime]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def _create_subscriptions() -> None:
    op.create_table(
        "webhook_subscriptions",
        _id(),
        _belongs_to("users", "user_id"),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("events", ARRAY(sa.Text), nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        _created_at(),
    )
    op.create_index("ix_webhook_subscriptions_user_id", "webhook_subscriptions", ["user_id"])


def _create_events() -> None:
    op.create_table(
        "webhook_events",
        _id(),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        _created_at(),
    )
    op.create_index("ix_webhook_events_created_at", "webhook_events", ["created_at"])


def _create_deliveries() -> None:
    table = "webhook_deliveries"
    op.create_table(
        table,
        _id(),
        _belongs_to("webhook_events", "event_id"),
        sa.Column("subscription_id", sa.BIGINT, nullable=False),
        sa.Column("status", sa.Text, server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("turn", sa.Integer, server_default="1", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
        sa.UniqueConstraint(
            "event_id", "subscription_id", name=op.f("uq_webhook_deliveries_event_id_subscription_id")
        ),
    )
    op.create_index("ix_webhook_deliveries_subscription_id_id", table, ["subscription_id", "id"])
    op.create_index(
        "ix_webhook_deliveries_subscription_id_status_id", table, ["subscription_id", "status", "id"]
    )


def _create_attempts() -> None:
    op.create_table(
        "webhook_attempts",
        _id(),
        _belongs_to("webhook_deliveries", "delivery_id"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.Text),
    )
    op.create_index("ix_webhook_attempts_delivery_id_id", "webhook_attempts", ["delivery_id", "id"])
