"""What `octet doctor` looks at: one function per thing, each of which says how it stands and how to fix it."""
