"""Run by alembic: applies the migrations on the connection that `service.migrations.run` hands in."""

from alembic import context

from service.migrations.run import target_metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=target_metadata())
with context.begin_transaction():
    context.run_migrations()
