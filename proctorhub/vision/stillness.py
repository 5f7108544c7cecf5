"""For how long a camera's picture has stood still: nobody before it, or nothing behind it, lives.

Two things have to hold. Nothing moved: no picture since then differs from the present one by much
in any spot; who turns the head, blinks or speaks moves something by more. And some of the pictures
were next to the same as those before them: once an encoder has caught up with a picture that stands
still there is hardly anything left to improve, while the light, the sensor's noise and the smallest
movements of somebody who sits quietly never end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from proctorhub.vision.pictures import Luma, difference, largest_difference

#: Pictures that differ nowhere by more than this (luma) show no movement. An encoder improves a
#: picture that stands still by so much, at first and at keyframes.
UNMOVED = 5
#: Pictures whose mean difference (luma) is no more than this are next to the same,
NEXT_TO_SAME = 0.25
#: and so are at least so many of neighbours in a picture that stands still.
SHARE = Fraction(2, 5)


@dataclass(frozen=True)
class Stillness:
    """Nothing has moved since `since_ms`: so many pairs of neighbours, so many next to the same."""

    since_ms: int = 0
    pairs: int = 0
    same: int = 0

    def seconds(self, at_ms: int) -> float:
        """Return for how long the picture of this time has stood still."""
        return (at_ms - self.since_ms) / 1000 if self.same >= SHARE * self.pairs else 0.0

    def seen(
        self,
        small: Luma,
        at_ms: int,
        between: Sequence[tuple[int, Luma]],
        last: Luma | None,
    ) -> Stillness:
        """Return it after one more look, with the pictures `between` this one and the `last`."""
        since_ms, pairs, same, next_one = at_ms, 0, 0, small
        for time, picture in reversed(between):
            if largest_difference(small, picture) > UNMOVED:
                return Stillness(since_ms, pairs, same)
            pairs += 1
            same += difference(next_one, picture) <= NEXT_TO_SAME
            since_ms, next_one = time, picture
        if last is None or largest_difference(small, last) > UNMOVED:
            return Stillness(since_ms, pairs, same)
        same += difference(next_one, last) <= NEXT_TO_SAME
        return Stillness(self.since_ms, self.pairs + pairs + 1, self.same + same)
