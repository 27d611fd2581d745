"""Profiles as text for people."""

from collections.abc import Iterator

from bpx.profiles.profile import Profile

_UNITS = {"nanoseconds": (1e-9, "s", 3), "bytes": (2**-10, "KB", 1)}  # factor, name, decimals


def as_text(profile: Profile) -> str:
    """Return a profile as text: what has most of the last value comes first, stacks outwards."""
    return "\n".join([*_head(profile), *_samples(profile), ""])


def _head(profile: Profile) -> Iterator[str]:
    totals = [sum(values) for values in zip(*profile.samples.values(), strict=True)]
    totals = totals or [0] * len(profile.kinds)
    yield "total " + _values(profile, totals)
    if profile.duration_ns:
        yield f"counted for {profile.duration_ns / 1e9:.1f} s"
    yield from profile.remarks


def _samples(profile: Profile) -> Iterator[str]:
    rows = sorted(profile.samples.items(), key=lambda row: row[1][-1], reverse=True)
    for (stack, labels), values in rows:
        yield ""
        yield " ".join([_values(profile, values), *(f"{key}={text}" for key, text in labels)])
        for frame in stack:
            yield f"    {frame.function} {frame.file}:{frame.line}"


def _values(profile: Profile, values: list[int] | tuple[int, ...]) -> str:
    return ", ".join(
        f"{_shown(value, unit)} {name}"
        for (name, unit), value in zip(profile.kinds, values, strict=True)
    )


def _shown(value: int, unit: str) -> str:
    factor, name, decimals = _UNITS.get(unit, (1, "", 0))
    return f"{value * factor:.{decimals}f} {name}".strip()
