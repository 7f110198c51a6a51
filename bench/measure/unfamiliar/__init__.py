"""Chats in programs for which Octet was not tuned. They share no code with Octet and know nothing of it.

Each takes a heard file: one JSON string per line for each message that its user sent. Only tests and benches read it.
"""
