"""Scores of tracks against exact truth.

Positions are pixels, (0, 0) the centre of the top-left pixel. A set of N tracks over F frames is an array
(N, F, 2) with NaN where there is no marker. The first marker of each track (frame `start`) is its reference
and never counted.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

TAPVID_THRESHOLDS = (1.0, 2.0, 4.0, 8.0, 16.0)  # px on a picture resized to 256 x 256
TAPVID_SIZE = 256.0


@dataclass(frozen=True)
class Reference:
    """The truth for N points over F frames, in the form that scoring needs."""

    positions: np.ndarray  # (N, F, 2) px
    visible: np.ndarray  # (N, F) bool
    usable: np.ndarray  # (N,) bool: only these tracks are scored
    start: np.ndarray  # (N,) index of the frame in which the track's reference marker lies
    size: tuple[int, int]  # width, height of the picture, px

    def __len__(self) -> int:
        """The number of points."""
        return len(self.positions)


@dataclass(frozen=True)
class Scores:
    """The project's measures of a set of tracks; shares in 0..1, NaN where nothing could be counted."""

    tracks: int  # usable tracks
    markers: int  # markers of usable tracks, without the reference ones
    recall05: float  # share of (track, visible frame) pairs with a marker within 0.5 px
    recall1: float  # the same within 1 px
    bad1: float  # share of markers more than 1 px off
    bad4: float  # share of markers more than 4 px off
    occluded: float  # share of markers where the point is hidden or outside the picture
    median: float  # error of markers on visible points, px
    good: int  # markers within 0.5 px of a visible point

    def as_dict(self) -> dict[str, float]:
        """The measures by name."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class TapVid:
    """The measures of TAP-Vid (Doersch et al. 2022), from each track's first frame onwards."""

    average_jaccard: float
    delta_average: float
    occlusion_accuracy: float


def errors(tracks: np.ndarray, reference: Reference) -> np.ndarray:
    """Distance of every marker from the truth, shape (N, F) px; NaN where there is no marker or the track
    is not scored.

    A marker on a point that lies behind the camera is infinitely far off.
    """
    if tracks.shape != reference.positions.shape:
        raise ValueError(f"expected tracks of shape {reference.positions.shape}, got {tracks.shape}")
    marked = _counted(reference) & np.isfinite(tracks).all(axis=2)
    distance = np.linalg.norm(tracks - reference.positions, axis=2)
    distance = np.where(np.isnan(reference.positions).any(axis=2), np.inf, distance)
    return np.where(marked, distance, np.nan)


def score(tracks: np.ndarray, reference: Reference) -> Scores:
    """Every measure of `Scores` for `tracks`, shape (N, F, 2)."""
    distance = errors(tracks, reference)
    marked = ~np.isnan(distance)
    pairs = _counted(reference) & reference.visible
    on_visible = distance[pairs & marked]
    return Scores(
        tracks=int(reference.usable.sum()),
        markers=int(marked.sum()),
        recall05=_share(np.sum(on_visible <= 0.5), pairs.sum()),
        recall1=_share(np.sum(on_visible <= 1.0), pairs.sum()),
        bad1=_share(np.sum(distance[marked] > 1.0), marked.sum()),
        bad4=_share(np.sum(distance[marked] > 4.0), marked.sum()),
        occluded=_share(np.sum(marked & ~reference.visible), marked.sum()),
        median=float(np.median(on_visible)) if len(on_visible) else float("nan"),
        good=int(np.sum(on_visible <= 0.5)),
    )


def tapvid(tracks: np.ndarray, reference: Reference) -> TapVid:
    """TAP-Vid's AJ, delta_avg and OA for `tracks`, shape (N, F, 2); no marker means "predicted occluded".

    A tracker of markers gives no position for an occluded point, so a missing marker is also outside every
    threshold.
    """
    later = np.arange(tracks.shape[1])[None] > reference.start[:, None]
    counted = later & reference.usable[:, None]
    predicted = np.isfinite(tracks).all(axis=2)
    visible = reference.visible
    scale = TAPVID_SIZE / np.asarray(reference.size, float)
    distance = np.linalg.norm((tracks - reference.positions) * scale, axis=2)
    jaccards, deltas = [], []
    for threshold in TAPVID_THRESHOLDS:
        within = predicted & (np.nan_to_num(distance, nan=np.inf) < threshold)
        hits = np.sum(within & visible & counted)
        wrong = np.sum(predicted & ~(within & visible) & counted)
        seen = np.sum(visible & counted)
        deltas.append(_share(hits, seen))
        jaccards.append(_share(hits, seen + wrong))
    agreed = _share(np.sum((predicted == visible) & counted), counted.sum())
    return TapVid(float(np.mean(jaccards)), float(np.mean(deltas)), agreed)


def trajectory_error(solved: np.ndarray, truth: np.ndarray) -> float:
    """RMS camera position error after the best similarity, as a share of the path's extent ("ate").

    Both (n, 3), n frames that were solved; the extent is the diagonal of the true path's bounding box.
    Alignment: Umeyama 1991.
    """
    if solved.shape != truth.shape or len(truth) < 3:
        raise ValueError(f"expected two paths of one length of at least 3, got {solved.shape} and {truth.shape}")
    a, b = solved - solved.mean(axis=0), truth - truth.mean(axis=0)
    u, stretch, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * sign) @ vt
    scale = np.sum(stretch * sign) / np.sum(a**2)
    left = b - scale * a @ rotation.T
    extent = np.linalg.norm(np.ptp(truth, axis=0))
    return float(np.sqrt(np.mean(np.sum(left**2, axis=1))) / extent)


def _counted(reference: Reference) -> np.ndarray:
    """The (track, frame) pairs that count: usable tracks, every frame but the reference's; shape (N, F)."""
    frames = np.arange(reference.positions.shape[1])
    return reference.usable[:, None] & (frames[None] != reference.start[:, None])


def _share(part: int, whole: int) -> float:
    return float(part) / float(whole) if whole else float("nan")
