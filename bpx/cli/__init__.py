"""The command line: `python -m bpx` and `bpx`, one file a command."""
