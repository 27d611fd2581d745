"""Whether there is memory for more."""


class Room:
    """One flag, which is told by whoever looks at memory, and read by whoever needs some.

    Attributes:
        is_full: nothing more is to be cached.
    """

    def __init__(self) -> None:
        self.is_full = False
