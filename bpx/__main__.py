"""`python -m bpx`."""

from bpx.cli.main import main

if __name__ == "__main__":
    main()
