"""One file per topic, named as the rooms of core: parse, one call of the coordinator, render."""
