"""Numbers by frame, kept tightly: a quarter of what a dict needs."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import ItemsView, Iterable, Iterator, Mapping, MutableMapping, ValuesView
from typing import Any

import numpy as np
import numpy.typing as npt


class FrameColumn(MutableMapping[int, Any]):
    """A mapping from frame to a float, or to a tuple of floats of one length; in the order of the frames.

    It behaves as a dict does. Frames and values lie in two arrays: 8 bytes a number.
    """

    __slots__ = ("_frames", "_values", "_width")
    _frames: array[int]
    _values: array[float]

    def __init__(self, width: int, entries: Mapping[int, Any] | Iterable[tuple[int, Any]] = ()) -> None:
        """``width`` floats a frame; 0: a plain float."""
        self._width = width
        if isinstance(entries, FrameColumn) and entries._width == width:  # in order, and checked, already
            self._frames, self._values = entries._frames[:], entries._values[:]
            return
        ordered = sorted(dict(entries).items())
        self._frames = array("q", [frame for frame, _ in ordered])
        self._values = array("d", [value for _, value in ordered] if not width else ())
        if width:
            for _, value in ordered:
                self._values.extend(self._numbers(value))

    @classmethod
    def of(cls, frames: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> FrameColumn:
        """All at once: ascending frames (n,) and their values, (n,) or (n, width)."""
        column = cls(0 if values.ndim == 1 else values.shape[1])
        column._frames.frombytes(np.ascontiguousarray(frames, np.int64).tobytes())
        column._values.frombytes(np.ascontiguousarray(values, np.float64).tobytes())
        return column

    def __getitem__(self, frame: int) -> Any:
        place = self._place(frame)
        if place is None:
            raise KeyError(frame)
        if not self._width:
            return self._values[place]
        return tuple(self._values[place * self._width : (place + 1) * self._width])

    def __setitem__(self, frame: int, value: Any) -> None:
        numbers = self._numbers(value)
        size = max(1, self._width)
        place = bisect_left(self._frames, frame)
        if place < len(self._frames) and self._frames[place] == frame:
            self._values[place * size : (place + 1) * size] = numbers
        else:
            self._frames.insert(place, frame)
            self._values[place * size : place * size] = numbers

    def __delitem__(self, frame: int) -> None:
        place = self._place(frame)
        if place is None:
            raise KeyError(frame)
        size = max(1, self._width)
        del self._frames[place], self._values[place * size : (place + 1) * size]

    def __iter__(self) -> Iterator[int]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self._place(frame) is not None

    def items(self) -> ItemsView[int, Any]:
        """As a dict's."""
        return _Items(self)

    def values(self) -> ValuesView[Any]:
        """As a dict's."""
        return _Values(self)

    def entries(self) -> Iterator[Any]:
        """The values in a row: going through all of them need not look each frame up."""
        return iter(self._values) if not self._width else zip(*[iter(self._values)] * self._width, strict=True)

    def __repr__(self) -> str:
        return repr(dict(self))

    def _numbers(self, value: Any) -> array[float]:
        """An entry's numbers, as many as there must be."""
        numbers = array("d", (value,) if not self._width else value)
        if len(numbers) != max(1, self._width):
            raise ValueError(f"expected {max(1, self._width)} numbers, got {len(numbers)}")
        return numbers

    def _place(self, frame: int) -> int | None:
        place = bisect_left(self._frames, frame)
        return place if place < len(self._frames) and self._frames[place] == frame else None


class _Items(ItemsView[int, Any]):
    _mapping: FrameColumn

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        return zip(self._mapping, self._mapping.entries(), strict=True)


class _Values(ValuesView[Any]):
    _mapping: FrameColumn

    def __iter__(self) -> Iterator[Any]:
        return self._mapping.entries()
