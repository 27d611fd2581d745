import logging

import pytest
from prometheus_client import REGISTRY

from bpx.streams.states import TRANSITIONS, Machine, State

URL = "ws://there/stream"


def sample(name, **labels):
    return REGISTRY.get_sample_value(name, {"market": "states test", **labels}) or 0.0


def states(state):
    return sample("bpx_stream_connection_states", state=state.value)


def machine_in(*path):
    machine = Machine("states test", URL)
    for state in path:
        machine.enter(state, "because")
    return machine


def test_it_begins_by_waiting_for_its_turn():
    assert machine_in().state is State.WAITING


@pytest.mark.parametrize(
    "path",
    [
        (State.CONNECTING, State.OPEN, State.REPLACING, State.OPEN, State.WAITING),
        (State.CONNECTING, State.OPEN, State.REPLACING, State.CONNECTING, State.OPEN),
        (State.CONNECTING, State.FAILING, State.OPEN, State.FAILING, State.CLOSED),
    ],
)
def test_a_life_goes_from_state_to_state(path):
    assert machine_in(*path).state is path[-1]


@pytest.mark.parametrize(
    "path", [(State.OPEN,), (State.CONNECTING, State.REPLACING), (State.CLOSED, State.CONNECTING)]
)
def test_a_transition_that_is_not_in_the_table_is_a_bug(path):
    with pytest.raises(ValueError, match="no transition"):
        machine_in(*path)


def test_every_state_but_the_last_can_be_closed():
    assert [state for state in State if State.CLOSED not in TRANSITIONS[state]] == [State.CLOSED]
    assert TRANSITIONS[State.CLOSED] == frozenset()


def test_every_transition_is_logged_with_why_and_counted(caplog):
    caplog.set_level(logging.INFO)
    before = sample("bpx_stream_transitions_total", to="connecting")
    machine_in(State.CONNECTING, State.FAILING)
    assert sample("bpx_stream_transitions_total", to="connecting") == before + 1
    assert [(row.levelname, row.getMessage()) for row in caplog.records] == [
        ("INFO", f"states test {URL}: waiting -> connecting (because)"),
        ("WARNING", f"states test {URL}: connecting -> failing (because)"),
    ]


def test_the_connections_in_each_state_are_counted_and_closed_ones_forgotten():
    before = {state: states(state) for state in State}
    machine = machine_in(State.CONNECTING, State.OPEN)
    assert states(State.OPEN) == before[State.OPEN] + 1
    assert states(State.WAITING) == before[State.WAITING]
    machine.enter(State.CLOSED, "because")
    assert {state: states(state) for state in State} == before
