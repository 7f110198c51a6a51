"""The store: the one gateway to the database: its writer and readers, the schema's versions, the home's lock."""
