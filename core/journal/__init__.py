"""The journal: the one append-only event log, chained by HMAC. It carries ids, states and hashes, never bodies."""
