"""How much each client has lately taken of what all of them share."""

from collections import OrderedDict
from math import exp, log

SPAN_S = 60.0  # what was taken longer ago hardly counts any more
CLIENTS = 1_000  # that are told apart; of more, whoever was away longest is forgotten
TRIFLE = 1e-6  # no more than what rounding leaves


class Fairness:
    """Whether a client has had its part: the total, divided by the clients of the last minute.

    It says nothing about whether there is anything left; whoever asks uses it when that is little.

    Every method takes `now`, in monotonic seconds.
    """

    def __init__(self) -> None:
        self._taken: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how much, as of when

    def clients(self, now: float) -> int:
        """Return how many have taken something in the last minute."""
        self._forget(now)
        return len(self._taken)

    def taken(self, now: float) -> dict[str, float]:
        """Return what each has lately taken, the most first."""
        levels = {client: self._level(client, now) for client in list(self._taken)}
        return dict(sorted(levels.items(), key=lambda row: row[1], reverse=True))

    def take(self, client: str, amount: float, now: float) -> None:
        """Take note that a client has got something."""
        self._taken[client] = (self._level(client, now) + amount, now)
        self._taken.move_to_end(client)
        if len(self._taken) > CLIENTS:
            self._taken.popitem(last=False)

    def give_back(self, client: str, amount: float, now: float) -> None:
        """Undo a `take`, made a moment ago."""
        level = self._level(client, now) - amount
        if level > TRIFLE:
            _, at = self._taken[client]
            self._taken[client] = (level * exp((now - at) / SPAN_S), at)
        else:
            self._taken.pop(client, None)

    def wait_for(self, client: str, amount: float, total: float, now: float) -> float:
        """Return the seconds until `amount` more is within a client's part; 0.0 if it is now.

        Who is alone has no part to pass: there is nobody to leave something to.

        Args:
            client: who wants it.
            amount: how much.
            total: what there is for all in a minute.
            now: monotonic seconds.
        """
        others = self.clients(now) - (client in self._taken)
        return self.wait_until(client, amount, total / (others + 1), now) if others else 0.0

    def wait_until(self, client: str, amount: float, part: float, now: float) -> float:
        """Return the seconds until a client that takes `amount` has no more than `part`.

        Who has taken nothing may take anything: it would never be its turn otherwise.
        """
        level = self._level(client, now)
        if level == 0 or level + amount <= part:
            return 0.0
        return SPAN_S * log(level / (part - amount)) if part > amount else SPAN_S

    def _level(self, client: str, now: float) -> float:
        amount, at = self._taken.get(client, (0.0, now))
        return amount * exp((at - now) / SPAN_S)

    def _forget(self, now: float) -> None:
        while self._taken:
            _, at = next(iter(self._taken.values()))
            if at > now - SPAN_S:
                break
            self._taken.popitem(last=False)
