"""Buttons and forms. A press carries an id only: core checks permission and state again."""
