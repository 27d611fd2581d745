"""Request weight per client address and UTC minute, and what follows when it is exceeded."""

from dataclasses import dataclass, field

MINUTE_MS = 60_000
FIRST_BAN_MS = 2 * MINUTE_MS
LONGEST_BAN_MS = 3 * 86_400_000


@dataclass(slots=True)
class Limits:
    """What a client may use; all of it can be changed while the exchange runs.

    `refusals_before_ban` is how many requests of one minute are refused with 429 before the
    address is banned: Binance says only that carrying on is punished.
    """

    weight_per_minute: int
    orders_per_10s: int
    orders_per_day: int = 200_000
    orders_per_minute: int = 1_200
    raw_requests_per_5m: int = 300_000
    funding_requests_per_5m: int = 500
    refusals_before_ban: int = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What accounting says: the status (200, 429, 418), the used weight, how long to stay away."""

    status: int
    used_weight: int
    retry_after_s: int = 0
    banned_until_ms: int = 0


@dataclass(slots=True)
class _Address:
    minute: int = -1
    used_weight: int = 0
    refusals: int = 0
    bans: int = 0
    banned_until_ms: int = 0
    funding_window: int = -1
    funding_requests: int = 0
    order_windows: dict[int, tuple[int, int]] = field(default_factory=dict)


class Accounting:
    """Counts every address's weight; refused requests count too."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._addresses: dict[str, _Address] = {}

    def _address(self, client: str, now_ms: int) -> _Address:
        address = self._addresses.setdefault(client, _Address())
        if address.minute != now_ms // MINUTE_MS:
            address.minute = now_ms // MINUTE_MS
            address.used_weight = 0
            address.refusals = 0
        return address

    def charge(self, client: str, weight: int, now_ms: int) -> Verdict:
        """Count a request and say whether it may be answered."""
        address = self._address(client, now_ms)
        address.used_weight += weight
        used = address.used_weight
        if now_ms < address.banned_until_ms:
            return self._banned(address, now_ms)
        if used <= self.limits.weight_per_minute:
            return Verdict(200, used)
        address.refusals += 1
        if address.refusals > self.limits.refusals_before_ban:
            self.ban(client, now_ms)
            return self._banned(address, now_ms)
        next_minute_ms = (address.minute + 1) * MINUTE_MS
        return Verdict(429, used, retry_after_s=_seconds_up(next_minute_ms - now_ms))

    def ban(self, client: str, now_ms: int) -> None:
        """Ban an address: 2 minutes the first time, twice as long each time, up to 3 days."""
        address = self._address(client, now_ms)
        length_ms = min(LONGEST_BAN_MS, FIRST_BAN_MS << min(address.bans, 20))
        address.bans += 1
        address.banned_until_ms = now_ms + length_ms

    def lift(self, client: str | None = None) -> None:
        """End the ban of one address, or of all, and forget their records."""
        if client is None:
            self._addresses.clear()
        else:
            self._addresses.pop(client, None)

    def used_weight(self, client: str, now_ms: int) -> int:
        """Return the weight an address has used in the current minute."""
        return self._address(client, now_ms).used_weight

    def count_funding(self, client: str, now_ms: int) -> bool:
        """Count a request to the funding pool; False when the pool is used up."""
        address = self._address(client, now_ms)
        if address.funding_window != now_ms // (5 * MINUTE_MS):
            address.funding_window = now_ms // (5 * MINUTE_MS)
            address.funding_requests = 0
        address.funding_requests += 1
        return address.funding_requests <= self.limits.funding_requests_per_5m

    def count_order(self, client: str, window_ms: int, now_ms: int) -> int:
        """Count a successful order; return how many there are in the window of `window_ms`."""
        address = self._address(client, now_ms)
        number, count = address.order_windows.get(window_ms, (-1, 0))
        if number != now_ms // window_ms:
            number, count = now_ms // window_ms, 0
        address.order_windows[window_ms] = (number, count + 1)
        return count + 1

    def _banned(self, address: _Address, now_ms: int) -> Verdict:
        return Verdict(
            418,
            address.used_weight,
            retry_after_s=_seconds_up(address.banned_until_ms - now_ms),
            banned_until_ms=address.banned_until_ms,
        )


def _seconds_up(length_ms: int) -> int:
    return max(1, -(-length_ms // 1_000))
