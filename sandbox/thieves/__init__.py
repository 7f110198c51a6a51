"""Programs that take the focus, the clipboard or the keyboard, or cover and move windows, during deliveries.

The self-test of a machine, the benches and the tests start them as child processes; `process` says how. `hands` is a
user's keyboard and mouse."""
