"""Where nothing is to be tracked: masks in files, and regions of interest.

A mask is a picture, an image sequence or a movie of the plate's size. What is brighter than half is left out, or with
``keep`` what is darker: tools disagree on which of the two a matte means.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from .checks import checked_numbers
from .coords import FrameNumbers, Size, pixels_from_co
from .errors import ParameterError
from .footage import Footage, find_footage, open_footage

Excluded = npt.NDArray[np.bool_]
"""(height, width) True: nothing is to be tracked here."""

Region = tuple[float, float, float, float]
"""Left, bottom, right, top; normalised, y up."""

_WHITE = 0.5


@dataclass(frozen=True)
class Mask:
    """One mask of a plate."""

    footage: Footage
    keep: bool  # True: the white is what may be tracked
    still: bool  # one picture for all frames
    offset: int  # add it to a frame of the plate for the mask's frame

    @classmethod
    def open(cls, path: str | PathLike[str], size: Size, numbers: FrameNumbers, *, keep: bool = False) -> Mask:
        """The mask in a file or in files.

        Raises
        ------
        FootageError
            There is nothing that could be read, or a sequence has holes.
        ParameterError
            Its size is not the plate's, or there are frames of the plate that it has nothing for.
        """
        footage = open_footage(path)
        if footage.size != size:
            raise ParameterError(
                f"expected the mask to be {size[0]}x{size[1]} like the plate, "
                f"got {footage.size[0]}x{footage.size[1]}: {path}"
            )
        still = find_footage(path).is_sequence and footage.numbers.duration == 1
        return cls(footage, keep, still, 0 if still else _offset(footage.numbers, numbers, path))

    def frames(self, first: int, last: int, backwards: bool) -> Iterator[tuple[int, Excluded]]:
        """What it leaves out on the plate's frames ``first`` to ``last``, in the order asked for."""
        if self.still:
            excluded = self._excluded(self.footage.frame(self.footage.numbers.first))
            order = range(last, first - 1, -1) if backwards else range(first, last + 1)
            yield from ((frame, excluded) for frame in order)
            return
        for number, image in self.footage.frames(first + self.offset, last + self.offset, backwards=backwards):
            yield number - self.offset, self._excluded(image)

    def _excluded(self, image: npt.NDArray[np.float32]) -> Excluded:
        return image < _WHITE if self.keep else image >= _WHITE


@dataclass(frozen=True)
class Exclusion:
    """All that says where nothing is to be tracked on a plate."""

    size: Size
    masks: tuple[Mask, ...] = ()
    regions: tuple[Region, ...] = ()  # of interest: what is outside all of them is left out

    @classmethod
    def of(
        cls, size: Size, numbers: FrameNumbers, mask: Any = None, mask_keep: Any = None, regions: Any = None
    ) -> Exclusion:
        """What the caller gave: paths (one, or several) and rectangles, each or none.

        Raises
        ------
        ParameterError
            A mask does not fit the plate (see :meth:`Mask.open`), or a region is no rectangle within it.
        FootageError
            A mask cannot be read.
        """
        opened = [Mask.open(path, size, numbers) for path in _paths("mask", mask)]
        opened += [Mask.open(path, size, numbers, keep=True) for path in _paths("mask_keep", mask_keep)]
        return cls(size, tuple(opened), tuple(_checked_region(region) for region in regions or ()))

    @property
    def is_empty(self) -> bool:
        """Everything may be tracked."""
        return not self.masks and not self.regions

    def on(self, frame: int) -> Excluded | None:
        """What is left out on one frame; None: nothing."""
        with self.reader(frame, frame) as masks:
            return masks.on(frame)

    @contextmanager
    def reader(self, first: int, last: int, *, backwards: bool = False) -> Iterator[ExclusionReader]:
        """Reads the masks beside the plate, frame by frame."""
        streams = [mask.frames(first, last, backwards) for mask in self.masks]
        try:
            yield ExclusionReader(streams, self._outside(), self.size)
        finally:
            for stream in streams:
                stream.close()  # type: ignore[attr-defined]

    def _outside(self) -> Excluded | None:
        if not self.regions:
            return None
        width, height = self.size
        outside = np.ones((height, width), bool)
        x, y = np.arange(width)[None, :], np.arange(height)[:, None]
        for left, bottom, right, top in self.regions:
            (low_x, high_y), (high_x, low_y) = pixels_from_co([(left, bottom), (right, top)], self.size)
            outside &= ~((x >= low_x) & (x <= high_x) & (y >= low_y) & (y <= high_y))
        return outside

    def told(self) -> list[str]:
        """What it is made of, as text: another text, another exclusion."""
        masks = [
            f"{'keep' if mask.keep else 'exclude'} {find_footage(mask.footage.path).stamp()}" for mask in self.masks
        ]
        return masks + [f"region {region}" for region in self.regions]


class ExclusionReader:
    """What is left out on one frame after the other."""

    def __init__(self, streams: Sequence[Iterator[tuple[int, Excluded]]], outside: Excluded | None, size: Size) -> None:
        self._streams = streams
        self._outside = outside
        self._size = size

    def on(self, frame: int) -> Excluded | None:
        """What is left out on a frame, which must come later in the order than the one before; None: nothing."""
        found = [next(excluded for number, excluded in stream if number == frame) for stream in self._streams]
        if self._outside is not None:
            found.append(self._outside)
        return np.logical_or.reduce(found) if found else None


def grown(excluded: Excluded, radius: float) -> Excluded:
    """With all that is within ``radius`` px of it."""
    import cv2  # a tenth of a second that most uses of this package do not need

    reach = int(np.ceil(radius))
    if reach < 1:
        return excluded
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return cv2.dilate(excluded.astype(np.uint8), disc).astype(bool)


def entry_margin(excluded: Excluded, pattern_size: int) -> Excluded:
    """Where a marker may not be: on what is left out, or so near that half of its pattern's reach lies on it."""
    return grown(excluded, pattern_size / 4)


def detection_margin(excluded: Excluded, pattern_size: int) -> Excluded:
    """Where no feature may be: no part of its pattern is to lie on what is left out."""
    return grown(excluded, pattern_size / 2)


def is_excluded(excluded: Excluded, positions: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """(n,) Which of the positions (n, 2), px, lie on what is left out."""
    height, width = excluded.shape
    x = np.rint(np.clip(np.nan_to_num(positions[:, 0]), 0, width - 1)).astype(int)
    y = np.rint(np.clip(np.nan_to_num(positions[:, 1]), 0, height - 1)).astype(int)
    return excluded[y, x]


def _paths(name: str, given: Any) -> list[Any]:
    if given is None:
        return []
    paths = [given] if isinstance(given, str | PathLike) else given
    if not isinstance(paths, Sequence) or not all(isinstance(path, str | PathLike) for path in paths):
        raise ParameterError(f"expected {name} as a path or a list of paths, got {given!r}")
    return list(paths)


def _offset(mask: FrameNumbers, plate: FrameNumbers, path: Any) -> int:
    if mask.first <= plate.first and plate.last <= mask.last:
        return 0
    if mask.duration == plate.duration:  # frame by frame, however they are counted
        return mask.first - plate.first
    raise ParameterError(
        f"expected the mask to have frames {plate.first}-{plate.last}, one for each, or a single picture; "
        f"got {mask.first}-{mask.last}: {path}"
    )


def _checked_region(region: Any) -> Region:
    left, bottom, right, top = checked_numbers("a region (left, bottom, right, top)", region, 4, 0.0, 1.0)
    if not (left < right and bottom < top):
        raise ParameterError(f"expected a region with left below right and bottom below top, got {region!r}")
    return left, bottom, right, top
