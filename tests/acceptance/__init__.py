"""The command as its users meet it: a process, files, exit codes."""
