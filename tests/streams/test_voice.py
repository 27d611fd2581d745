"""What is said on a link, in a runtime whose time the test sets."""

from json import loads
from threading import Event, Thread
from time import monotonic

from bpx.errors import StreamLost
from bpx.streams.pulse import Pulse
from bpx.streams.subscriptions import Subscriptions
from bpx.streams.voice import ANSWER_S, Place, Voice
from bpx.streams.wire import Wire
from tests.feed.world import OwnTime
from tests.waiting import eventually


class PacedTime(OwnTime):
    """Time passes only while somebody sleeps."""

    def sleep(self, seconds):
        self.time += seconds


class FakeSocket:
    """Notes what is said, and when; ends the voice after some messages."""

    def __init__(self, runtime, most=10**6):
        self.said, self.voice, self.is_hung_up = [], None, False
        self.answers = True
        self._runtime, self._most = runtime, most

    def send(self, text):
        self._note(loads(text)["method"])

    def ping(self, payload):
        self._note("ping")

    def hang_up(self):
        self.is_hung_up = True

    def _note(self, what):
        self.said.append((self._runtime.time, what))
        if len(self.said) >= self._most:
            self.voice.end()
        if self.answers:
            self.voice.hear_answer()


class Patient(Event):
    """Whoever waits for it does so until it is set, whatever time-out there is."""

    def __init__(self):
        super().__init__()
        self.is_waited_for = False

    def wait(self, timeout=None):
        self.is_waited_for = True
        return super().wait(60.0)


WIRE = Wire()


def voice_of(wanted, *, most, wire=WIRE, control_per_s=4, runtime=None):
    runtime = runtime or PacedTime()
    place = Place("spot", "", "ws://there", control_per_s, wire, runtime)
    pulse = Pulse(wire, runtime.time, place.pause_s)
    socket = FakeSocket(runtime, most)
    voice = socket.voice = Voice(place, pulse, Subscriptions(wanted), socket)
    return voice, socket


def test_messages_are_never_more_than_the_exchange_takes():
    names = [f"s{number}" for number in range(200 * 30)]
    voice, socket = voice_of(names, most=30)
    voice.speak()
    times = [at for at, _ in socket.said]
    assert len(times) == 30
    for at in times:
        assert sum(at <= other < at + 1.0 for other in times) <= 4


def test_pings_count_among_them_and_keep_nothing_back_for_ever():
    names = [f"s{number}" for number in range(200 * 30)]
    voice, socket = voice_of(names, most=30, wire=Wire(alive_s=0.1))
    voice.speak()
    times = [at for at, _ in socket.said]
    assert all(sum(at <= other < at + 1.0 for other in times) <= 4 for at in times)
    said = [what for _, what in socket.said]
    assert said.count("SUBSCRIBE") >= 15
    assert said.count("ping") >= 10


def test_it_speaks_as_soon_as_it_is_woken():
    wanted = []
    runtime = OwnTime()
    voice, socket = voice_of(wanted, most=2, runtime=runtime)
    waiting = voice._wake = Patient()  # it does not look by itself
    runtime.spawn(voice.speak)
    eventually(lambda: waiting.is_waited_for)
    wanted.append("a")
    voice.wake()
    eventually(lambda: [what for _, what in socket.said] == ["SUBSCRIBE"])
    voice.end()
    runtime.threads[0].join(20)
    assert not runtime.threads[0].is_alive()


def test_nothing_is_said_before_the_message_before_is_answered_or_was_not_for_long():
    voice, socket = voice_of([f"s{number}" for number in range(201)], most=2, runtime=OwnTime())
    socket.answers = False
    began = monotonic()
    Thread(target=voice.speak, daemon=True).start()
    eventually(lambda: len(socket.said) == 1)
    voice.wake()
    eventually(lambda: len(socket.said) == 2)
    assert monotonic() - began >= ANSWER_S
    voice.end()


def test_a_bug_is_logged_and_ends_the_link_that_would_say_nothing_any_more(caplog):
    class Broken(FakeSocket):
        def send(self, text):
            raise ZeroDivisionError("a bug")

    voice, _ = voice_of(["a"], most=2)
    broken = voice._socket = Broken(PacedTime())
    voice.speak()
    assert broken.is_hung_up
    assert "speaking failed" in caplog.text


def test_a_socket_that_takes_nothing_is_hung_up():
    class Broken(FakeSocket):
        def send(self, text):
            raise StreamLost("it takes nothing any more")

    runtime = PacedTime()
    place = Place("spot", "", "ws://there", 4, Wire(), runtime)
    socket = Broken(runtime)
    Voice(place, Pulse(Wire(), 100.0, 0.1), Subscriptions(["a"]), socket).speak()
    assert socket.is_hung_up
