"""Dispatch: which agent gets which task next, and carrying the deliveries out, one at a time on each desk."""
