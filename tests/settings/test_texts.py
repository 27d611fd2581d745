from bpx.settings import table
from tests.proxy import ROOT


def test_the_readme_has_the_tables_of_options() -> None:
    assert table() in (ROOT / "README.md").read_text(), "run: python -m bpx.settings"


def test_a_row_has_flag_variable_default_and_the_deprecated_names() -> None:
    assert (
        "| `--server.port-spot` | `BPX_SERVER_PORT_SPOT` | `8090` | Port of the spot market. "
        "Deprecated: `-p`, `--port-spot`, `BPX_PORT_SPOT`. |"
    ) in table()
