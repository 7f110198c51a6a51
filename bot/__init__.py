"""TALKS: the interfaces for users and programs. They translate; they do not decide."""
