"""The commands, one file per topic: each reads its options, makes one call of the coordinator, and shows the result."""
