import pytest

from bpx.settings.deprecated import deprecations


@pytest.mark.parametrize(
    ("argv", "environ", "lines"),
    [
        (["--server.port-spot=1", "--env", "testing"], {"BPX_SERVER_PORT_SPOT": "1"}, []),
        (["-p", "1"], {}, ["-p is deprecated: use --server.port-spot"]),
        (["-p1", "-p2"], {}, ["-p is deprecated: use --server.port-spot"]),
        (["--port-futures=1"], {}, ["--port-futures is deprecated: use --server.port-futures"]),
        (
            ["-cs", "-a"],
            {},
            [
                "-c is deprecated: use --features.disable-fake-candles",
                "-s is deprecated: use --disable-spot",
                "-a is deprecated: use --always-show-forwards",
            ],
        ),
        (["-vv"], {}, ["-v is deprecated: use --logging.level"]),
        (["--verbose"], {}, ["--verbose is deprecated: use --logging.level"]),
        ([], {"BPX_VERBOSE": "1"}, ["BPX_VERBOSE is deprecated: use BPX_LOG_LEVEL"]),
        ([], {"BPX_PORT_SPOT": ""}, []),
    ],
)
def test_every_older_name_is_told_once_with_the_newer_one(
    argv: list[str], environ: dict[str, str], lines: list[str]
) -> None:
    assert deprecations(argv, environ) == lines
