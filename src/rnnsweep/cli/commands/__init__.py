"""The commands, each a function NAME_command."""
