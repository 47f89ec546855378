"""Which 64-bit keys were met already, in little memory: a Python set needs five times as much."""

from __future__ import annotations

from array import array

_FIRST_PLACES = 1 << 10


class Met:
    """Keys that were met: 12 to 24 bytes each, for a file of a hundred million rows no more than 2.4 GB."""

    def __init__(self) -> None:
        self._places = array("Q", bytes(8 * _FIRST_PLACES))  # open addressing; 0 is a free place
        self._count = 0
        self._zero = False

    def __len__(self) -> int:
        return self._count + self._zero

    def before(self, key: int) -> bool:
        """Whether a key was met before; from now on it was.

        Args:
            key: 64 bits that are spread evenly, as those of a hash are.
        """
        if key == 0:
            known, self._zero = self._zero, True
            return known
        if not self._put(key):
            return True
        self._count += 1
        if self._count * 3 > len(self._places) * 2:
            old = self._places
            self._places = array("Q", bytes(16 * len(old)))
            for other in old:
                if other:
                    self._put(other)
        return False

    def _put(self, key: int) -> bool:
        """Whether it was new."""
        places, mask = self._places, len(self._places) - 1
        place = key & mask
        while (there := places[place]) != key:
            if not there:
                places[place] = key
                return True
            place = (place + 1) & mask
        return False
