"""Parts of regular expressions for frames as Binance usually writes them.

Who finds a frame to be usual knows that it is good, without reading all of its JSON. Whatever is
written in another way is read in full, which decides: so these take no more than JSON would, and
never go back (RFC 8259 has no leading zeros, for one).
"""

WHOLE = rb"(?:0|[1-9][0-9]{0,17})"  # a number without sign and fraction
NUMBER = rb'"-?+[0-9]++(?:\.[0-9]++)?+"'  # one in a string
UNSIGNED = rb'"[0-9]++(?:\.[0-9]++)?+"'
BROKEN = rb'"[0-9]++\.[0-9]++"'  # one with a fraction: found three times as fast
TEXT = rb'"[ !#-\[\]-~]*+"'  # printable ASCII without escapes
FLAG = rb"(?:true|false)"


def others(*names: str) -> bytes:
    """Return what matches simple members before another one, none of which has these names."""
    return rb"(?:%b,)*+" % _other(names)


def others_behind(*names: str) -> bytes:
    """Return what matches simple members behind another one, none of which has these names."""
    return rb"(?:,%b)*+" % _other(names)


def _other(names: tuple[str, ...]) -> bytes:
    value = b"|".join((TEXT, rb"-?+" + WHOLE, FLAG))
    return rb'"(?!(?:%b)")[A-Za-z]++":(?:%b)' % ("|".join(names).encode(), value)
