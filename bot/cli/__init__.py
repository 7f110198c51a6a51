"""The command line: one file per verb. A verb imports its insides when it runs, so that `octet --help` is quick."""
