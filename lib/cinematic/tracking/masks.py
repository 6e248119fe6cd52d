"""Where nothing is to be tracked: masks in files, masks drawn on a clip, and regions of interest.

A mask is a picture, an image sequence or a movie of the plate's size. What is brighter than half is left out, or with
``keep`` what is darker: tools disagree on which of the two a matte means.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import Any, Protocol

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

MaskStream = Generator[tuple[int, Excluded], None, None]


class PlateMask(Protocol):
    """One mask of a plate, whatever it comes from."""

    def frames(self, first: int, last: int, backwards: bool) -> MaskStream:
        """What it leaves out on the plate's frames ``first`` to ``last``, in the order asked for."""
        ...

    def told(self) -> str:
        """What it is, as text: another text, another mask."""
        ...


@dataclass(frozen=True)
class Mask:
    """A mask in a file or in files."""

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

    def frames(self, first: int, last: int, backwards: bool) -> MaskStream:
        """See :class:`PlateMask`."""
        if self.still:
            excluded = is_white(self.footage.frame(self.footage.numbers.first)) != self.keep
            yield from ((frame, excluded) for frame in _order(first, last, backwards))
            return
        for number, image in self.footage.frames(first + self.offset, last + self.offset, backwards=backwards):
            yield number - self.offset, is_white(image) != self.keep

    def told(self) -> str:
        """See :class:`PlateMask`."""
        return f"{_polarity(self.keep)} {find_footage(self.footage.path).stamp()}"


@dataclass(frozen=True)
class DrawnMask:
    """A mask that is no file: every frame is known beforehand, and kept small."""

    size: Size
    covered: Mapping[int, bytes]  # plate frame -> where it is white: bits, row by row, compressed
    keep: bool  # True: the white is what may be tracked

    @classmethod
    def of(cls, white: Iterable[tuple[int, Excluded]], size: Size, *, keep: bool) -> DrawnMask:
        """From where it is white (height, width), frame by frame."""
        return cls(size, {frame: zlib.compress(np.packbits(area).tobytes(), 1) for frame, area in white}, keep)

    def frames(self, first: int, last: int, backwards: bool) -> MaskStream:
        """See :class:`PlateMask`."""
        width, height = self.size
        for frame in _order(first, last, backwards):
            bits = np.frombuffer(zlib.decompress(self.covered[frame]), np.uint8)
            white = np.unpackbits(bits, count=width * height).reshape(height, width).astype(bool)
            yield frame, white != self.keep

    def told(self) -> str:
        """See :class:`PlateMask`."""
        whole = hashlib.sha256(b"".join(bits for _, bits in sorted(self.covered.items())))
        return f"{_polarity(self.keep)} drawn {whole.hexdigest()}"


@dataclass(frozen=True)
class Exclusion:
    """All that says where nothing is to be tracked on a plate."""

    size: Size
    masks: tuple[PlateMask, ...] = ()
    regions: tuple[Region, ...] = ()  # of interest: what is outside all of them is left out

    @classmethod
    def of(
        cls,
        size: Size,
        numbers: FrameNumbers,
        mask: Any = None,
        mask_keep: Any = None,
        regions: Any = None,
        *,
        drawn: Callable[[Any, bool], PlateMask | None] = lambda entry, keep: None,
    ) -> Exclusion:
        """What the caller gave: masks (one, or several) and rectangles, each or none.

        Parameters
        ----------
        drawn
            Makes a mask of what is no path, given it and whether its white is to be kept; None: it does not know it.
            A :class:`DrawnMask` is one already, and knows itself whether its white is kept.

        Raises
        ------
        ParameterError
            A mask does not fit the plate (see :meth:`Mask.open`), or a region is no rectangle within it.
        FootageError
            A mask cannot be read.
        """
        masks: list[PlateMask] = []
        for name, given, keep in (("mask", mask, False), ("mask_keep", mask_keep, True)):
            for entry in _entries(given):
                if isinstance(entry, str | PathLike):
                    found: PlateMask | None = Mask.open(entry, size, numbers, keep=keep)
                else:
                    found = entry if isinstance(entry, DrawnMask) else drawn(entry, keep)
                if found is None:
                    raise ParameterError(
                        f"expected {name} as a path or a list of paths (on a Blender clip also a Mask, or the clip's "
                        f"own annotation or a layer of it), got {given!r}"
                    )
                masks.append(found)
        return cls(size, tuple(masks), tuple(_checked_region(region) for region in regions or ()))

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
                stream.close()

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
        return [mask.told() for mask in self.masks] + [f"region {region}" for region in self.regions]


class ExclusionReader:
    """What is left out on one frame after the other."""

    def __init__(self, streams: Sequence[MaskStream], outside: Excluded | None, size: Size) -> None:
        self._streams = streams
        self._outside = outside
        self._size = size

    def on(self, frame: int) -> Excluded | None:
        """What is left out on a frame, which must come later in the order than the one before; None: nothing."""
        found = [next(excluded for number, excluded in stream if number == frame) for stream in self._streams]
        if self._outside is not None:
            found.append(self._outside)
        return np.logical_or.reduce(found) if found else None


def is_white(image: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Where a mask's picture counts as white."""
    return image >= _WHITE


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


def _entries(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]


def _order(first: int, last: int, backwards: bool) -> range:
    return range(last, first - 1, -1) if backwards else range(first, last + 1)


def _polarity(keep: bool) -> str:
    return "keep" if keep else "exclude"


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
