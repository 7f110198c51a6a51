"""Alembic's entry: runs the migrations on the connection of core.store.schema."""

from alembic import context
from sqlalchemy import Connection

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=False, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
