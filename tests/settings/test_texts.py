from bpx.settings import table
from bpx.settings.reading import OPTIONS
from bpx.settings.texts import page
from tests.proxy import ROOT


def test_the_page_of_options_is_as_they_are() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    assert text == page(), "run: python -m bpx.settings > docs/configuration.md"


def test_the_page_has_every_option_and_what_profiles_make_of_it() -> None:
    for option in OPTIONS.values():
        assert f"| `{option.flag}` | `{option.variable}` |" in page()
    assert "| `BPX_LOG_LEVEL` | debug | debug | debug |  |" in page()


def test_a_row_has_flag_variable_default_and_the_deprecated_names() -> None:
    assert (
        "| `--server.port-spot` | `BPX_SERVER_PORT_SPOT` | `8090` | Port of the spot market. "
        "Deprecated: `-p`, `--port-spot`, `BPX_PORT_SPOT`. |"
    ) in table()
