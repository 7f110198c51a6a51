"""Deliveries: bringing one message to one lane, step by step, each step in the journal before or after its act."""
