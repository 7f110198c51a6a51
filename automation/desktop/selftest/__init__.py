"""The self-test of this machine's desktop: what was asked, claimed and really received, and the report."""
