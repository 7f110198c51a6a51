"""The page on which a person clicks at agents' composers: served by `octet calibrate`, and by the running Octet."""
