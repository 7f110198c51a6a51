"""Controls: what a person does to an agent without a text: interrupting it, and answering what its window asks."""
