"""The store: the one door to the database: its writer and readers, the schema's versions, the home's lock."""
