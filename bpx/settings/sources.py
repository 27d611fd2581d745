"""Where each option's value comes from."""

from collections.abc import Mapping, Sequence

from bpx.settings.profiles import profile
from bpx.settings.reading import OPTIONS, load, newer_names, parser, texts_of_flags

FLAG, VARIABLE, FILE, PROFILE, DEFAULT = "flag", "variable", "file", "profile", "default"


def sources(argv: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return for each option, by its field of `Settings`, what has set it.

    Raises:
        BadOption: the options cannot be used.
    """
    settings = load(argv, environ)
    made = parser()
    made.parse_known_args(list(argv), env_vars=newer_names(environ))
    found = dict.fromkeys(OPTIONS, DEFAULT)
    found |= dict.fromkeys(profile(settings.environment), PROFILE)
    by_source = made.get_source_to_settings_dict()
    for source, name in (("config_file", FILE), ("environment_variables", VARIABLE)):
        for place, given in by_source.items():
            if place.startswith(source):
                found |= {action.dest: name for action, _ in given.values() if action is not None}
    found |= {name: FLAG for name, text in texts_of_flags(argv).items() if text is not None}
    return {name: found[name] for name in OPTIONS}
