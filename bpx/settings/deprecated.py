"""Older names of options: which of them are used, and what to use instead."""

from collections.abc import Iterator, Mapping, Sequence

from bpx.settings.reading import OPTIONS

_VERBOSE = ("-v", "--verbose")
_NEWER = {flag: option for option in OPTIONS.values() for flag in option.flags}
_NEWER |= dict.fromkeys(_VERBOSE, OPTIONS["log_level"])


def deprecations(argv: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return a line for each older name that is used."""
    flags = dict.fromkeys(flag for text in argv for flag in _flags(text))
    lines = [f"{flag} is deprecated: use {_NEWER[flag].flag}" for flag in flags]
    return lines + [
        f"{option.legacy_variable} is deprecated: use {option.variable}"
        for option in OPTIONS.values()
        if environ.get(option.legacy_variable or "")
    ]


def _flags(text: str) -> Iterator[str]:
    """Yield the older flags in one word of a command line: -ca are two, -p9000 is one."""
    if text.startswith("--"):
        yield from {text.partition("=")[0]} & _NEWER.keys()
        return
    for letter in text[1:] if text.startswith("-") else "":
        flag = f"-{letter}"
        if flag not in _NEWER:
            return
        yield flag
        if flag not in _VERBOSE and _NEWER[flag].kind.metavar:  # the rest is its value
            return
