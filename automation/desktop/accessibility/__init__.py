"""What programs tell of their windows over the accessibility bus (AT-SPI): roles, texts, focus. No picture, no key."""
