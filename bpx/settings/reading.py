"""Reads the options: flags over variables over the config file over a profile over defaults."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, NoReturn

import configargparse

from bpx.errors import BadOption
from bpx.settings.file import PlainFile
from bpx.settings.kinds import BOOL
from bpx.settings.option import GROUPS, Option
from bpx.settings.options import Settings
from bpx.settings.profiles import profile

OPTIONS: dict[str, Option] = {item.name: item.metadata["option"] for item in fields(Settings)}
CONFIG_VARIABLE = "BPX_CONFIG"
KEY_VARIABLE = "BPX_KEY"  # what commands show a proxy that wants keys; no option of the proxy's
MASK = "***"


def load(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        BadOption: an unknown flag, a bad value, or options that contradict each other.
    """
    texts, unknown = parser().parse_known_args(list(argv), env_vars=newer_names(environ))
    if unknown:
        name = unknown[0].partition("=")[0]
        raise BadOption(f"there is no option {name}; -h lists them all")
    _apply_short_flags(texts, argv)
    given = _values(texts)
    settings = Settings(**_values(Namespace(**profile(given.get("environment")))) | given)
    _refuse_contradictions(settings)
    return settings


def config_file(argv: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Return the config file that is read, if there is one."""
    known, _ = parser().parse_known_args(list(argv), env_vars=newer_names(environ))
    return known.config or None


def texts_of_flags(argv: Sequence[str]) -> dict[str, str | None]:
    """Return what flags alone say, by field of `Settings`; None where they say nothing."""
    texts, _ = parser().parse_known_args(list(argv), config_file_contents="", env_vars={})
    _apply_short_flags(texts, argv)
    return {name: getattr(texts, name) for name in OPTIONS}


def _values(texts: Namespace) -> dict[str, Any]:
    return {
        name: _read(OPTIONS[name], text)
        for name, text in vars(texts).items()
        if name in OPTIONS and text is not None
    }


def variables(settings: Settings) -> dict[str, str]:
    """Return the variables that make another process load the same settings."""
    return {
        option.variable: option.kind.write(getattr(settings, name))
        for name, option in OPTIONS.items()
        if getattr(settings, name) is not None
    }


def shown(settings: Settings) -> dict[str, str]:
    """Return what `variables` does, for people: without what is secret."""
    secret = {option.variable for option in OPTIONS.values() if option.is_secret}
    values = variables(settings).items()
    return {name: MASK if name in secret and text else text for name, text in values}


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Return the names in `environ` that look like options of bpx and are none."""
    known = {option.variable for option in OPTIONS.values()}
    known |= {CONFIG_VARIABLE, KEY_VARIABLE}
    known |= {option.legacy_variable or "" for option in OPTIONS.values()}
    return sorted(name for name in environ if name.startswith("BPX_") and name not in known)


class _Parser(configargparse.ArgParser):  # type: ignore[misc]
    def error(self, message: str) -> NoReturn:
        raise BadOption(message)

    def convert_item_to_command_line_arg(self, action: Any, key: str, value: Any) -> Any:
        """Return the flag that a line of the config file, or a variable, stands for."""
        if key.removeprefix("--").startswith("no-"):  # not the last name of its action, as others
            return [f"--{key.removeprefix('--')}={value}"]
        return super().convert_item_to_command_line_arg(action, key, value)


class _NewerFlagWins(configargparse.Action):  # type: ignore[misc]
    """Store a value, unless it came by an older name and the long flag was given too."""

    def __call__(self, parser: Any, texts: Any, value: Any, option_string: Any = None) -> None:
        option = OPTIONS[self.dest]
        if option_string == option.off_flag:
            if value != "true":
                raise BadOption(f"{option_string} takes no value")
            value, option_string = "false", option.flag
        _read(option, value)  # also of what a newer name overrides
        by_long_flag = option_string == option.flag
        if by_long_flag or self.dest not in texts.by_long_flag:
            setattr(texts, self.dest, value)
        if by_long_flag:
            texts.by_long_flag = texts.by_long_flag | {self.dest}


def parser() -> configargparse.ArgParser:
    """Return a parser that knows every option by all its names; its values are texts."""
    made = _Parser(
        prog="bpx",
        description="A proxy for the Binance REST API that answers market data from streams.",
        usage="python -m bpx [options]",
        epilog="Flags win over variables, and variables over the config file. "
        f"BOOL is {BOOL.accepts}; without it, a flag means true. "
        "Other commands: python -m bpx help lists them; --version.",
        add_env_var_help=False,
        add_config_file_help=False,
        allow_abbrev=False,
        config_file_parser_class=PlainFile,
    )
    made.set_defaults(by_long_flag=frozenset(), short=[])
    groups = {group: made.add_argument_group(title) for group, (title, _) in GROUPS.items()}
    for name, option in OPTIONS.items():
        _declare(groups[option.group], name, option)
    groups["logging"].add_argument(
        "-v", "--verbose", action="count", default=0,
        help="Deprecated: debug messages, and with -vv traces. Use --logging.level.",
    )  # fmt: skip
    groups[""].add_argument(
        "--config", is_config_file=True, metavar="FILE", env_var=CONFIG_VARIABLE,
        help=f"File of further options, a line each: server.port-spot = 8090. [{CONFIG_VARIABLE}]",
    )  # fmt: skip
    return made


def _declare(group: Any, name: str, option: Option) -> None:
    takes_value = bool(option.kind.metavar)
    short = [flag for flag in option.flags if not takes_value and not flag.startswith("--")]
    group.add_argument(
        *filter(None, [option.off_flag]),  # the last name is what variables come by
        option.flag,
        *(flag for flag in option.flags if flag not in short),
        dest=name,
        env_var=option.variable,
        default=None,
        action=_NewerFlagWins,
        help=_help(option),
        metavar=option.kind.metavar or "BOOL",
        **({} if takes_value else {"nargs": "?", "const": "true"}),
    )
    for flag in short:  # apart, so that they can be written together: -ca
        help_text = f"Deprecated: the same as {option.flag}."
        group.add_argument(flag, dest="short", action="append_const", const=name, help=help_text)


def _help(option: Option) -> str:
    default = option.shown or option.default or "none"
    older = [flag for flag in option.flags if option.kind.metavar or flag.startswith("--")]
    note = f" Deprecated: {', '.join(older)}." if older else ""
    return f"{option.help}{note} [{option.variable}, default: {default}]".replace("%", "%%")


def newer_names(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables under their newer names; empty ones count as not set."""
    given = {name: text for name, text in environ.items() if text}
    for option in OPTIONS.values():
        older = given.get(option.legacy_variable or "")
        if older is None or option.variable in given:
            continue
        text = older
        if option.legacy_kind is not None:
            text = _read_by(option.legacy_kind, older, str(option.legacy_variable))
        if text:
            given[option.variable] = text
    return given


def _apply_short_flags(texts: Any, argv: Sequence[str]) -> None:
    for name in texts.short:
        if not _is_given(OPTIONS[name].flag, argv):
            setattr(texts, name, "true")
    if texts.verbose and not _is_given("--logging.level", argv):
        texts.log_level = "debug" if texts.verbose == 1 else "trace"


def _is_given(flag: str, argv: Sequence[str]) -> bool:
    return any(text == flag or text.startswith(f"{flag}=") for text in argv)


def _read(option: Option, text: str) -> Any:
    names = [*option.flags, option.flag, option.variable]
    return _read_by(option.kind, text, f"{', '.join(names[:-1])} ({names[-1]})")


def _read_by(kind: Any, text: str, name: str) -> Any:
    try:
        return kind.read(text)
    except (ValueError, KeyError):
        raise BadOption(f"{name} accepts {kind.accepts}, not {text!r}") from None


def _refuse_contradictions(settings: Settings) -> None:
    if settings.spot_disabled and settings.futures_disabled:
        raise BadOption("--disable-spot and --disable-futures together leave nothing to serve")
    if bool(settings.certificate_file) != bool(settings.certificate_key_file):
        raise BadOption("--tls.cert-file and --tls.key-file go together")
    if settings.client_ca_file and not settings.certificate_file:
        raise BadOption("--tls.client-ca-file needs --tls.cert-file")
    if settings.environment == "production" and settings.is_open and not settings.open_allowed:
        raise BadOption(
            f"--server.host {settings.host} lets everybody in who reaches this machine: in "
            "production it accepts that only with --security.keys-file, --security.allow or "
            "--security.allow-open"
        )
    if settings.max_delay_s < settings.base_delay_s:
        raise BadOption("--recovery.max-delay accepts nothing shorter than --recovery.base-delay")
    if settings.max_reconnect_delay_s < settings.reconnect_delay_s:
        raise BadOption("--websocket.max-reconnect-delay accepts nothing shorter than "
                        "--websocket.reconnect-delay")  # fmt: skip
