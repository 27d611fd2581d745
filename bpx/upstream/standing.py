"""Whether a host is worth going to: it is left after some failures, and tried now and then."""

IN_A_ROW = 3  # failures, after which a host is left
ASIDE_S = 30.0  # the first time; as much longer each further time
LONGEST_ASIDE_S = 300.0


class Standing:
    """Whether a host is worth going to, where there is another one.

    Every method takes `now`, in monotonic seconds.
    """

    def __init__(self) -> None:
        self.failures = 0  # in a row
        self.has_answered = False  # ever
        self._times = 0
        self._aside_until = 0.0
        self._is_tried = False

    def aside_s(self, now: float) -> float:
        """Return for how many seconds others are to be preferred; 0.0 if they are not."""
        return max(0.0, self._aside_until - now)

    def begin_try(self, now: float, try_s: float) -> None:
        """Take note that a call goes there; while it is to tell, the others stay away."""
        if self.failures >= IN_A_ROW and self.aside_s(now) == 0:
            self._aside_until = now + try_s
            self._is_tried = True

    def note(self, now: float, *, has_failed: bool) -> bool:
        """Take note of a call; return whether the host is left because of it."""
        if not has_failed:
            self.has_answered = True
            self.failures = self._times = 0
            self._aside_until = 0.0
            self._is_tried = False
            return False
        self.failures += 1
        is_left_already = self.aside_s(now) > 0 and not self._is_tried
        if self.failures < IN_A_ROW or is_left_already:
            return False
        self._times += 1
        self._is_tried = False
        self._aside_until = now + min(ASIDE_S * self._times, LONGEST_ASIDE_S)
        return True
