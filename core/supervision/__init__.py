"""Duty: who works and who does not, by a person's word or because nothing was heard of them."""
