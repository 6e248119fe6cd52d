"""Frames that are smeared because the camera moved while its shutter was open: along what line, and others like them.

A camera that shakes or is hit smears a few frames by more than a pattern's details are wide. What was sharp a moment
ago does not look like that, however well it is aligned. Smeared along the same line it does, and where it fits best is
where the middle of the exposure saw it.
Sources: Mei & Reid 2008, "Modeling and generating complex motion blur for real-time tracking" (what is sharp is
smeared, not the frame sharpened); Cannon 1976, "Blind deconvolution of spatially invariant image blurs with phase"
(a smear told by the zeros of its spectrum).
"""

from __future__ import annotations

import numpy as np

from .pyramid import PAD, Pyramid, build_pyramid, faded

_LONGEST = 48  # px; of a longer smear patterns keep nothing
_STEPS = (4, 1)  # px; how far apart lines are tried, first all of them and then those about the best one
# Cycles per pixel of the half-size copy. What is lower is light that changes, what is higher mostly noise.
_LOWEST, _HIGHEST = 0.015, 0.22
_SOME = 2000  # frequencies are looked at
_SMOOTHING = 5  # frequencies, each way, over which powers are averaged
_FLOOR = 0.12  # of a spectrum's amplitude: where a smear leaves less than that, noise and neighbours fill it up
_ALIKE = 0.07  # mean difference of logarithms of amplitudes; a smear of 4 px makes 0.08 of it, what moves 0.04
_EXPLAINED = 0.8  # of what two spectra differ by a smear must leave no more than this


def smears_between(before: Pyramid, after: Pyramid) -> tuple[np.ndarray, np.ndarray]:
    """Along what line each frame is smeared and the other one is not.

    Returns
    -------
    (2,), (2,) float64
        From one end of the line to the other one, px; 0: not smeared, or no more than the other one.
    """
    powers = [_power(each.half[PAD:-PAD, PAD:-PAD].astype(np.float64)) for each in (before, after)]
    height, width = powers[0].shape
    x, y = np.fft.fftfreq(width)[None], np.fft.fftfreq(height)[:, None]
    told = (np.hypot(x, y) > _LOWEST) & (np.hypot(x, y) < _HIGHEST) & (x >= 0)  # the other half plane says the same
    rows, columns = np.nonzero(told)
    some = slice(None, None, max(1, len(rows) // _SOME))
    rows, columns = rows[some], columns[some]
    tiny = np.finfo(np.float64).tiny
    differs = 0.5 * np.log((powers[1][rows, columns] + tiny) / (powers[0][rows, columns] + tiny))
    if np.abs(differs).mean() < _ALIKE:
        return np.zeros(2), np.zeros(2)
    frequencies = np.stack([x[0, columns], y[rows, 0]], axis=1) / 2  # per pixel of the frame
    of_after, left = _smear_of(differs, frequencies)
    of_before, _ = _smear_of(-left, frequencies)
    return of_before, of_after


def smeared(frame: Pyramid, line: np.ndarray) -> Pyramid:
    """The same frame, seen while the camera moved by ``line`` (2,) px at an even speed."""
    if not line.any():
        return frame
    margin = int(np.abs(line).max()) + 1
    wide = np.pad(frame.image, margin, mode="edge")
    x, y = np.fft.rfftfreq(wide.shape[1])[None], np.fft.fftfreq(wide.shape[0])[:, None]
    seen = np.fft.irfft2(np.fft.rfft2(wide) * np.sinc(x * line[0] + y * line[1]), wide.shape)
    return build_pyramid(seen[margin:-margin, margin:-margin].astype(np.float32))


def _power(image: np.ndarray) -> np.ndarray:
    """A picture's power spectrum, smooth, and without what its borders would add."""
    power = np.abs(np.fft.fft2(faded(image))) ** 2
    reach = range(-(_SMOOTHING // 2), _SMOOTHING // 2 + 1)
    along = sum((np.roll(power, step, axis=1) for step in reach), np.zeros_like(power))
    return sum((np.roll(along, step, axis=0) for step in reach), np.zeros_like(power))


def _smear_of(differs: np.ndarray, frequencies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The line (2,) px whose smear lowers logarithms of amplitudes (k,) so, and what is left of these."""
    best = np.zeros(2), differs
    least = _EXPLAINED * np.abs(differs).mean()
    for step in _STEPS:
        middle, reach = best[0], _LONGEST if step == _STEPS[0] else _STEPS[0]
        steps = np.arange(-reach, reach + 1, step)
        for x in steps:
            for y in steps:
                line = middle + np.array([x, y])
                if np.hypot(*line) > _LONGEST or (line[1], line[0]) < (0, 0):
                    continue
                lowers = np.log(np.maximum(np.abs(np.sinc(frequencies @ line)), _FLOOR))
                apart = np.abs(differs - lowers).mean()
                if apart < least:
                    least, best = apart, (line, differs - lowers)
    return best
