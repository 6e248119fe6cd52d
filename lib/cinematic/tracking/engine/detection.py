"""Where are patterns worth tracking? Shi & Tomasi's criterion at the scale of the pattern, evenly spread.

The structure tensor is averaged over a Gaussian window that fits the pattern (sigma = a sixth of its size), because
it is the whole pattern that will be aligned and not its central pixel: its smaller eigenvalue is then, up to the
noise, the inverse variance of the position in the direction that is worst determined. Of these patterns those whose
correlation peaks bluntly are left out, or come last: they are likely to go wrong (:mod:`.bluntness`). Sources: Shi &
Tomasi 1994, "Good features to track"; Bailo et al. 2018, "Efficient adaptive non-maximal suppression" (SSC) for the
even spread.
"""

from __future__ import annotations

import numpy as np

from ..errors import ParameterError
from .bluntness import peak_widths
from .compiler import inner_kernel, kernel
from .pyramid import check_image, plain_level
from .threads import next_piece, spread
from .types import MAX_BLUNTNESS, Features, check_pattern_size, check_range

_DERIVATIVE_SIGMA = 1.0  # pixels; the scale at which gradients are taken
_SPREAD_TOLERANCE = 0.05  # how many more than max_features the radius search may keep before the weakest are cut
_SAMPLE = 500  # features that tell how bluntly correlation usually peaks
_STRIP = 64  # rows per piece of work


def detect(
    image: np.ndarray,
    *,
    pattern_size: int = 21,
    threshold: float = 0.01,
    margin: float = 0.0,
    min_distance: float = 20.0,
    max_features: int | None = None,
    max_edge_ratio: float = 10.0,
    max_bluntness: float = MAX_BLUNTNESS,
    mask: np.ndarray | None = None,
    existing: np.ndarray | None = None,
) -> Features:
    """Find patterns that can be tracked, those whose correlation peaks most sharply first.

    Parameters
    ----------
    image : float array (height, width)
        Luminance, display-like, about 0..1. Places near NaN pixels are never chosen.
    pattern_size : int
        Pixels across the patterns that will be tracked (odd).
    threshold : float
        Least strength: the RMS gradient across the pattern's weakest direction, luminance per pixel. Noise of 2/255
        alone has about 0.0016.
    margin : float
        Pixels to stay away from the frame's border; at least what the pattern itself needs.
    min_distance : float
        Least distance between features, and from ``existing``; pixels.
    max_features : int, optional
        Keep about this many and never more: the distance grows until they are spread evenly over the frame.
    max_edge_ratio : float
        Largest ratio of the two eigenvalues; beyond it the pattern is an edge, along which it would slide.
    max_bluntness : float
        How wide a pattern's correlation may peak (:mod:`.bluntness`), times what is usual in the image; blunter ones
        are likely to lie on an edge of depth.
    mask : bool array (height, width), optional
        True where features may be.
    existing : float array (n, 2), optional
        Positions ``(x, y)`` to keep away from.

    Returns
    -------
    Features

    Raises
    ------
    ParameterError
        An argument is not what is described above.
    """
    image = check_image(image)
    height, width = image.shape
    pattern_size = check_pattern_size(pattern_size)
    check_range("threshold", threshold, 0.0, np.inf)
    check_range("margin", margin, 0.0, np.inf)
    check_range("min_distance", min_distance, 1.0, np.inf)
    check_range("max_edge_ratio", max_edge_ratio, 1.0, np.inf)
    check_range("max_bluntness", max_bluntness, 0.0, np.inf)
    if max_features is not None and not (isinstance(max_features, int | np.integer) and max_features >= 0):
        raise ParameterError(f"expected max_features as a whole number of at least 0 or None, got {max_features!r}")
    allowed = _check_mask(mask, image.shape)
    blocked = _check_positions(existing)

    border = max(int(np.ceil(margin)), pattern_size // 2 + 1)
    if min(width, height) <= 2 * border or max_features == 0:
        return _select(np.zeros((0, 5)))
    strength, edge_ratio = corner_strength(image, pattern_size)
    found = _peaks(strength, edge_ratio, allowed, border, threshold, max_edge_ratio)
    found = found[np.lexsort((found[:, 0], found[:, 1], -found[:, 2]))]
    found = _sharpest_first(image, found, ~_is_near(found, blocked, float(min_distance)), pattern_size)
    found = found[~(found[:, 4] > max_bluntness)]
    return _select(_spread(found, float(min_distance), max_features, width, height))


def corner_strength(image: np.ndarray, pattern_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Strength and eigenvalue ratio of the structure tensor at every pixel.

    Returns
    -------
    strength : float32 (height, width)
        Square root of the smaller eigenvalue, luminance per pixel.
    edge_ratio : float32 (height, width)
        Larger eigenvalue over smaller.
    """
    smoothing = _gaussian_taps(_DERIVATIVE_SIGMA, int(np.ceil(3 * _DERIVATIVE_SIGMA)))
    window = _gaussian_taps(pattern_size / 6.0, pattern_size // 2)
    image = np.ascontiguousarray(image, np.float32)
    strength, edge_ratio = np.empty_like(image), np.empty_like(image)
    spread(_measure_corners, len(image), _STRIP, image, smoothing, window, strength, edge_ratio)
    return strength, edge_ratio


def _sharpest_first(image: np.ndarray, found: np.ndarray, wanted: np.ndarray, pattern_size: int) -> np.ndarray:
    """The wanted rows with their bluntness as a column more; what is usual is told from all rows."""
    frame = plain_level(np.ascontiguousarray(image, np.float32))
    usual = peak_widths(frame, found[:: 1 + len(found) // _SAMPLE, :2], pattern_size)
    usual = usual[np.isfinite(usual)]
    found = found[wanted]
    bluntness = peak_widths(frame, found[:, :2], pattern_size) / (np.median(usual) if len(usual) else np.nan)
    return np.column_stack([found, bluntness])[np.argsort(bluntness, kind="stable")]  # unknown ones last


def _gaussian_taps(sigma: float, reach: int) -> np.ndarray:
    offsets = np.arange(-reach, reach + 1)
    taps = np.exp(-(offsets**2) / (2 * sigma**2))
    return (taps / taps.sum()).astype(np.float32)


def _peaks(
    strength: np.ndarray,
    edge_ratio: np.ndarray,
    allowed: np.ndarray,
    border: int,
    threshold: float,
    max_edge_ratio: float,
) -> np.ndarray:
    """Rows ``x, y, strength, edge ratio`` of all local maxima, in any order."""
    arguments = (strength, edge_ratio, allowed, border, threshold, max_edge_ratio)
    return np.concatenate(spread(_find_peaks, len(strength) - 2 * border, _STRIP, *arguments))


def _check_mask(mask: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    if mask is None:
        return np.ones(shape, bool)
    mask = np.asarray(mask)
    if mask.shape != shape or mask.dtype != bool:
        raise ParameterError(f"expected mask as bool of shape {shape}, got {mask.dtype} of {mask.shape}")
    return np.ascontiguousarray(mask)


def _check_positions(existing: np.ndarray | None) -> np.ndarray:
    positions = np.zeros((0, 2)) if existing is None else np.asarray(existing, np.float64)
    if positions.size == 0:
        positions = positions.reshape(0, 2)
    if positions.ndim != 2 or positions.shape[1] != 2 or not np.isfinite(positions).all():
        raise ParameterError(f"expected existing as finite positions of shape (n, 2), got shape {positions.shape}")
    return np.ascontiguousarray(positions)


def _select(found: np.ndarray) -> Features:
    return Features(
        positions=found[:, :2].copy(),
        strength=found[:, 2].copy(),
        edge_ratio=found[:, 3].copy(),
        bluntness=found[:, 4].copy(),
    )


def _spread(found: np.ndarray, min_distance: float, most: int | None, width: int, height: int) -> np.ndarray:
    """Suppress what is too near to something better; with ``most``, widen the distance until few enough are left."""

    def survivors(distance: float) -> np.ndarray:
        return found[_suppress(found, distance, width, height)]

    kept = survivors(min_distance)
    if most is None or len(kept) <= most:
        return kept
    low, high = min_distance, float(np.hypot(width, height))
    while high - low > 0.25:
        middle = 0.5 * (low + high)
        trial = survivors(middle)
        if len(trial) >= most:
            low, kept = middle, trial
            if len(trial) <= most * (1 + _SPREAD_TOLERANCE):
                break
        else:
            high = middle
    return kept[:most]


@kernel
def _measure_corners(tickets, image, smoothing, window, strength, edge_ratio):  # type: ignore[no-untyped-def]
    first, last = next_piece(tickets)
    while first < last:
        _strength_strip(image, smoothing, window, first, last, strength, edge_ratio)
        first, last = next_piece(tickets)


@inner_kernel
def _strength_strip(image, smoothing, window, first, last, strength, edge_ratio):  # type: ignore[no-untyped-def]
    """Rows ``first`` to ``last`` of both measures: all in between stays in the processor's cache."""
    height, width = image.shape
    reach = window.shape[0] // 2
    top, bottom = max(first - reach, 0), min(last + reach, height)
    above = max(top - 1, 0)
    line = np.empty(width + 2 * max(reach, smoothing.shape[0] // 2), np.float32)
    smooth = np.empty((min(bottom + 1, height) - above, width), np.float32)
    for y in range(smooth.shape[0]):
        _blur_row(image, 0, height, smoothing, above + y, line, smooth[y])
    xx = np.empty((bottom - top, width), np.float32)
    xy, yy = np.empty_like(xx), np.empty_like(xx)
    for y in range(top, bottom):
        before, after = max(y - 1, 0) - above, min(y + 1, height - 1) - above
        _tensor_row(smooth[before], smooth[y - above], smooth[after], xx[y - top], xy[y - top], yy[y - top])
    mixed = np.empty(width, np.float32)
    for y in range(first, last):
        _blur_row(xx, top, height, window, y, line, strength[y])
        _blur_row(yy, top, height, window, y, line, edge_ratio[y])
        _blur_row(xy, top, height, window, y, line, mixed)
        _eigenvalue_row(strength[y], mixed, edge_ratio[y])


@inner_kernel
def _blur_row(rows, top, height, taps, y, line, out):  # type: ignore[no-untyped-def]
    """Row ``y`` by a separable filter with symmetric taps, edge pixels repeated. ``rows`` are those from ``top`` on."""
    width, reach = out.shape[0], taps.shape[0] // 2
    column = line[reach : reach + width]
    _weigh(column, taps[reach], rows[y - top])
    for t in range(1, reach + 1):
        _weigh_pair(column, taps[reach + t], rows[max(y - t, 0) - top], rows[min(y + t, height - 1) - top])
    for x in range(reach):
        line[x] = column[0]
        line[reach + width + x] = column[width - 1]
    _weigh(out, taps[reach], column)
    for t in range(1, reach + 1):
        _weigh_pair(out, taps[reach + t], line[reach - t : reach - t + width], line[reach + t : reach + t + width])


@inner_kernel
def _weigh(total, weight, row):  # type: ignore[no-untyped-def]
    for x in range(total.shape[0]):
        total[x] = weight * row[x]


@inner_kernel
def _weigh_pair(total, weight, one, other):  # type: ignore[no-untyped-def]
    for x in range(total.shape[0]):
        total[x] += weight * (one[x] + other[x])


@inner_kernel
def _tensor_row(above, here, below, xx, xy, yy):  # type: ignore[no-untyped-def]
    """Products of central differences; zero on the outermost pixels."""
    width = here.shape[0]
    half = np.float32(0.5)
    xx[0] = xy[0] = yy[0] = 0
    xx[width - 1] = xy[width - 1] = yy[width - 1] = 0
    for x in range(1, width - 1):
        gx = half * (here[x + 1] - here[x - 1])
        gy = half * (below[x] - above[x])
        xx[x], xy[x], yy[x] = gx * gx, gx * gy, gy * gy


@inner_kernel
def _eigenvalue_row(xx, xy, yy):  # type: ignore[no-untyped-def]
    """In place: ``xx`` becomes the root of the smaller eigenvalue, ``yy`` the ratio of the larger to it."""
    half, tiny = np.float32(0.5), np.float32(1e-20)
    for x in range(xx.shape[0]):
        mean = half * (xx[x] + yy[x])
        spread = half * (xx[x] - yy[x])
        root = np.sqrt(spread * spread + xy[x] * xy[x])
        smaller = mean - root
        if smaller < 0:  # rounding; NaN stays NaN
            smaller = np.float32(0)
        xx[x] = np.sqrt(smaller)
        yy[x] = (mean + root) / (smaller + tiny)


@kernel
def _find_peaks(tickets, strength, edge_ratio, allowed, border, threshold, max_edge_ratio):  # type: ignore[no-untyped-def]
    """The local maxima of some rows, to a fraction of a pixel (parabola through three)."""
    width = strength.shape[1]
    found = []
    first, last = next_piece(tickets)
    while first < last:
        for y in range(border + first, border + last):
            for x in range(border, width - border):
                value = strength[y, x]
                if not (value >= threshold and value > 0 and allowed[y, x] and edge_ratio[y, x] <= max_edge_ratio):
                    continue
                if not _is_peak(strength, x, y):
                    continue
                dx = _parabola(strength[y, x - 1], value, strength[y, x + 1])
                dy = _parabola(strength[y - 1, x], value, strength[y + 1, x])
                found.append((x + dx, y + dy, float(value), float(edge_ratio[y, x])))
        first, last = next_piece(tickets)
    rows = np.empty((len(found), 4))
    for n in range(len(found)):
        rows[n, 0], rows[n, 1], rows[n, 2], rows[n, 3] = found[n]
    return rows


@inner_kernel
def _is_peak(strength, x, y):  # type: ignore[no-untyped-def]
    """Whether a pixel is more than its neighbours; of equal ones the last is."""
    value = strength[y, x]
    for j in range(-1, 2):
        for i in range(-1, 2):
            other = strength[y + j, x + i]
            earlier = j < 0 or (j == 0 and i < 0)
            if not (value > other or (value == other and (earlier or (i == 0 and j == 0)))):
                return False
    return True


@inner_kernel
def _parabola(before, here, after):  # type: ignore[no-untyped-def]
    """Offset (-0.5 to 0.5) of the maximum of the parabola through three neighbours."""
    curvature = float(before) - 2.0 * float(here) + float(after)
    if not curvature < 0.0:
        return 0.0
    return min(max(0.5 * (float(before) - float(after)) / curvature, -0.5), 0.5)


@kernel
def _is_near(found, others, distance):  # type: ignore[no-untyped-def]
    """True for the rows of ``found`` that are nearer than ``distance`` to one of ``others``."""
    near = np.zeros(found.shape[0], np.bool_)
    for n in range(found.shape[0]):
        for m in range(others.shape[0]):
            dx, dy = found[n, 0] - others[m, 0], found[n, 1] - others[m, 1]
            near[n] |= dx * dx + dy * dy < distance * distance
    return near


@kernel
def _suppress(found, distance, width, height):  # type: ignore[no-untyped-def]
    """True for the rows of ``found`` (best first) that keep their distance from all better ones."""
    columns, lines = int(width / distance) + 1, int(height / distance) + 1
    head = np.full(columns * lines, -1)
    count = found.shape[0]
    following = np.full(count, -1)
    keep = np.zeros(count, np.bool_)
    for n in range(count):
        x, y = found[n, 0], found[n, 1]
        column = min(max(int(x / distance), 0), columns - 1)
        line = min(max(int(y / distance), 0), lines - 1)
        free = True
        for j in range(max(line - 1, 0), min(line + 2, lines)):
            for i in range(max(column - 1, 0), min(column + 2, columns)):
                other = head[j * columns + i]
                while other >= 0:
                    dx, dy = x - found[other, 0], y - found[other, 1]
                    if dx * dx + dy * dy < distance * distance:
                        free = False
                    other = following[other]
        keep[n] = free
        if free:
            cell = line * columns + column
            following[n] = head[cell]
            head[cell] = n
    return keep
