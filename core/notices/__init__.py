"""Notices: what users still have to see. Written with the change that they report; the outbox posts them."""
