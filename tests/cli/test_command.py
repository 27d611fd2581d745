import pytest

from bpx.cli.command import CommandFailed, operators_url, parser, run


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "http://127.0.0.1:8092"),
        ({"BPX_FEAT_METRICS_PORT": "9092"}, "http://127.0.0.1:9092"),
        ({"BPX_SERVER_HOST": "0.0.0.0"}, "http://127.0.0.1:8092"),
        ({"BPX_SERVER_HOST": "10.0.0.5"}, "http://10.0.0.5:8092"),
        ({"BPX_SERVER_HOST": "::1"}, "http://[::1]:8092"),
    ],
)
def test_the_operators_port_is_where_the_options_put_it(environ: dict[str, str], url: str) -> None:
    assert operators_url(None, environ) == url
    assert operators_url("http://there:1/", environ) == "http://there:1"


def test_options_that_cannot_be_used_are_told() -> None:
    with pytest.raises(CommandFailed, match="BPX_FEAT_METRICS_PORT"):
        operators_url(None, {"BPX_FEAT_METRICS_PORT": "x"})


def test_what_cannot_be_done_is_one_line_and_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise CommandFailed("no way")

    assert run(work) == 2
    assert capsys.readouterr().err == "bpx: no way\n"


def test_every_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser("x", "Does x.", "bpx x --json").parse_args(["--help"])
    assert "Example:\n  bpx x --json" in capsys.readouterr().out
