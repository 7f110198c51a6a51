"""What people press. A press carries an id and never trust: permission and state are checked again."""
