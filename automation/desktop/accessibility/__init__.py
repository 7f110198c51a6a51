"""What programs report about their windows over the accessibility bus (AT-SPI): roles, texts, focus. No key."""
