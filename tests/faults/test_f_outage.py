"""F9: an outage does not flood the log."""

from tests.faults.figures import figure
from tests.faults.scale import full_or
from tests.faults.stage import staged
from tests.upstream.wire_server import Answer, Then


def test_f09_a_refusal_is_logged_in_few_words_and_once_for_many():
    asked = full_or(3_000, 300)
    with staged() as stage:
        stage.exchange.talk = lambda hit: Answer(then=Then.RESET)
        before = len(stage.proxy.log().splitlines())
        targets = [f"/api/v3/trades?symbol=BTCUSDT&n={number}" for number in range(asked)]
        answers = stage.spot.ask_all(targets, 8)
        lines = stage.proxy.log().splitlines()[before:]
        assert {one.status for one in answers} == {502}
        figure("F9", refused=asked, lines=len(lines))
        assert 1 <= len(lines) <= 10
        assert all("Max retries" not in line and "urllib3" not in line for line in lines)
        assert any("ConnectionResetError" in line for line in lines)
