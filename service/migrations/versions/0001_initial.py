"""Catalogue, stock and users."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR

revision = "0001_initial"
down_revision = None
branch_labels = None
depends_on = None

SEARCH_DOCUMENT = (
    "setweight(to_tsvector('english'::regconfig, name), 'A') || "
    "setweight(to_tsvector('english'::regconfig, description), 'B')"
)


def upgrade() -> None:
    _create_products()
    _create_items()
    _create_users()
    _create_idempotency_keys()


def downgrade() -> None:
    for table in ("idempotency_keys", "users", "items", "products"):
        op.drop_table(table)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BIGINT, sa.Identity(), primary_key=True)


def _moment(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def _create_products() -> None:
    op.create_table(
        "products",
        _id(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("price", sa.Numeric(10, 2), nullable=False),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        sa.Column("search", TSVECTOR, sa.Computed(SEARCH_DOCUMENT, persisted=True), nullable=False),
        sa.CheckConstraint("price >= 0", name=op.f("ck_products_price_not_negative")),
    )
    op.create_index("ix_products_category_id", "products", ["category", "id"])
    op.create_index("ix_products_price_id", "products", ["price", "id"])
    op.create_index("ix_products_search", "products", ["search"], postgresql_using="gin")
    # With the default of 100 the planner takes a rare word for a common one and walks the primary key:
    # 40 ms instead of 2 ms for a word that no product of 100,000 has.
    op.execute("ALTER TABLE products ALTER COLUMN search SET STATISTICS 1000")


def _create_items() -> None:
    op.create_table(
        "items",
        _id(),
        sa.Column("product_id", sa.BIGINT, sa.ForeignKey("products.id", ondelete="CASCADE"), nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("warehouse", sa.Text, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        _moment("updated_at"),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_items_quantity_not_negative")),
        sa.UniqueConstraint("sku", name=op.f("uq_items_sku")),
    )
    op.create_index("ix_items_product_id_id", "items", ["product_id", "id"])


def _create_users() -> None:
    op.create_table(
        "users",
        _id(),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("scopes", ARRAY(sa.Text), server_default="{}", nullable=False),
        _moment("created_at"),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )


def _create_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.BIGINT, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("request_digest", sa.LargeBinary, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        _moment("created_at"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
