"""TALKS: whatever a person or a program meets. Faces translate; they do not decide."""
