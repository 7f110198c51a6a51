"""The Discord interface: commands become calls of the coordinator, notices become messages. It decides nothing."""
