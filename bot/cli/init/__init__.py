"""`octet init`: asks questions and saves each answer at once, so that it can continue at any question."""
