"""`python -m bpx.settings` prints the README's tables of options."""

from bpx.settings.texts import table

print(table())
