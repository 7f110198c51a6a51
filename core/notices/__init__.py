"""Notices: what people still have to be told. Written with the change they tell of; the outbox takes them out."""
