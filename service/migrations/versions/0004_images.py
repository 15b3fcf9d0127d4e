"""Images of products, and their thumbnails."""

import sqlalchemy as sa
from alembic import op

revision = "0004_images"
down_revision = "0003_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "product_images",
        sa.Column(
            "product_id", sa.BIGINT, sa.ForeignKey("products.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("revision", sa.Integer, server_default="1", nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'ready', 'failed')", name=op.f("ck_product_images_state_known")
        ),
        sa.CheckConstraint(
            "(state = 'failed') = (reason IS NOT NULL)", name=op.f("ck_product_images_reason_of_failure")
        ),
    )
    op.create_table(
        "product_thumbnails",
        sa.Column(
            "product_id",
            sa.BIGINT,
            sa.ForeignKey("product_images.product_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("size", sa.SmallInteger, primary_key=True),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    # Compressed already: trying again took a third of the time of storing 8 MiB.
    for table in ("product_images", "product_thumbnails"):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    for table in ("product_thumbnails", "product_images"):
        op.drop_table(table)
