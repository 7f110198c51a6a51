"""Notices: what people still have to be told. Written with the change they tell of; an outbox takes them to the channel."""
