from pathlib import Path

import certifi
import pytest

from bpx.settings.kinds import CERTIFICATES, DURATION, Kind, choice, part, url, whole
from bpx.simulator.tls import make_certificate


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30),
        ("1.5s", 1.5),
        ("5m", 300),
        ("1h", 3600),
        ("7", 7),
        ("0.25", 0.25),
    ],
)
def test_a_duration_has_a_unit_and_a_bare_number_is_seconds(text: str, seconds: float) -> None:
    assert DURATION.read(text) == seconds


REFUSED = [
    (DURATION, ["", "0", "0ms", "-1s", "5 s", "1d", "inf", "nan", "1e3", "s", "5s5"]),
    (whole(1, 9), ["", "0", "10", "1.0", "+1", "-1", "\u0665", " 1"]),
    (part(0.01), ["", "0", "0.0", "0.009", "1.01", "2", "-0.5", ".5", "1e-1", "nan", "1/4"]),
    (choice("text", "json"), ["", "xml", "text json"]),
    (url("https"), ["", "https://", "http://a", "a", "https://a?b=c", "https://a#b", "https://a:x",
                    "https://a:0", "https://a:99999"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in REFUSED for text in texts]
)
def test_what_is_not_accepted_is_refused(kind: Kind, text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        kind.read(text)


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), ("1.0", 1.0), ("0.25", 0.25)])
def test_a_part_is_a_decimal_number(text: str, value: float) -> None:
    assert part(0.01).read(text) == value
    assert part(0.01).read(str(value)) == value


def test_a_choice_may_be_written_in_any_case() -> None:
    assert choice("warn", also={"warning": "warn"}).read("WARNING") == "warn"


def test_an_address_loses_the_slash_at_its_end() -> None:
    assert url("https").read("https://api.binance.com/") == "https://api.binance.com"


def test_certificates_are_a_file_that_holds_some() -> None:
    assert CERTIFICATES.read(certifi.where()) == certifi.where()
    assert CERTIFICATES.read("") == ""


def test_certificates_that_are_cut_off_or_rubbish_are_refused(tmp_path: Path) -> None:
    path = make_certificate(tmp_path, "localhost").ca_file
    whole = Path(path).read_text()
    assert CERTIFICATES.read(str(path)) == str(path)
    head, _, body = whole.partition("\n")
    bad = {
        "missing": None,
        "none": "nothing",
        "empty": "",
        "no-content": f"{head}\n",
        "half": whole[: len(whole) // 2],
        "without-a-line": whole.replace(body.splitlines()[2], ""),
        "a-second-is-cut": whole + whole[:200],
        "no-base64": f"{head}\n????\n-----END CERTIFICATE-----\n",
        "no-sequence": f"{head}\nAAAA\n-----END CERTIFICATE-----\n",
    }
    for name, text in bad.items():
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(ValueError):  # noqa: PT011 - what it says is for nobody
            CERTIFICATES.read(str(tmp_path / name))
