"""The store is tested as it is shipped: migrations, and writes that wait for the disk."""

from tests.quick_store import real_store

__all__ = ["real_store"]
