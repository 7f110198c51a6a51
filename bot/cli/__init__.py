"""The command line: commands made from `bot.verbs`, and commands with a file each. A command imports what it needs when
it runs, so that `octet --help` is quick."""
