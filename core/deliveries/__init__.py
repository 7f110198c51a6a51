"""Deliveries: bringing one message to one lane, step by step, with every step in the journal before or after its act."""
