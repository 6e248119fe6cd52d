"""Markers as they come, one row each: small, and as plain to save as an array of numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from .columns import FrameColumn
from .coords import Size, co_from_pixels, co_offsets_from_pixels
from .engine import FrameMarkers, LostReason
from .masks import Excluded, is_excluded
from .types import Point, TrackData, as_float32

Records = npt.NDArray[np.void]
"""(n,) of :data:`RECORD`."""

COMES_BACK = (
    LostReason.LOW_CORRELATION,
    LostReason.FORWARD_BACKWARD,
    LostReason.DIVERGED,
    LostReason.SHAPE,
    LostReason.MASKED,
)
"""What a feature may be hidden by, and show again afterwards."""

RECORD = np.dtype(
    [
        ("track", "<i4"),
        ("frame", "<i4"),
        ("reason", "i1"),  # LostReason
        ("position", "<f8", (2,)),  # px
        ("corners", "<f4", (8,)),  # px from the position: x and y of TL, TR, BR, BL
        ("correlation", "<f4"),
        ("forward_backward", "<f4"),  # px; NaN: not measured
        ("covariance", "<f4", (3,)),  # xx, xy, yy; px^2; NaN: unknown
    ]
)


def recorded(markers: FrameMarkers, tracks: npt.NDArray[np.int64]) -> Records:
    """What one frame brought, under other numbers for its tracks."""
    rows = np.zeros(len(markers), RECORD)
    rows["track"], rows["frame"], rows["reason"] = tracks, markers.frame, markers.reason
    rows["position"], rows["corners"] = markers.position, markers.corners.reshape(-1, 8)
    rows["correlation"], rows["forward_backward"] = markers.correlation, markers.forward_backward
    rows["covariance"] = markers.covariance.reshape(-1, 4)[:, [0, 1, 3]]
    return rows


def joined(records: Iterable[Records]) -> Records:
    """All of them, one behind the other."""
    return np.concatenate([np.zeros(0, RECORD), *records])


def is_marker(records: Records) -> npt.NDArray[np.bool_]:
    """(n,) Which rows are valid markers, and not the news of a loss."""
    return records["reason"] == LostReason.TRACKED


def stopped_by_mask(
    reasons: npt.NDArray[np.int8], positions: npt.NDArray[np.float64], excluded: Excluded
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
    """Markers on what is left out are none: the reasons (n,) with that in them, and which markers (n,) it ended.

    What is lost there, too, is behind something that is masked.
    """
    inside = is_excluded(excluded, positions)
    entered = inside & (reasons == LostReason.TRACKED)
    masked = inside & np.isin(reasons, [LostReason.TRACKED, *COMES_BACK])
    return np.where(masked, LostReason.MASKED, reasons).astype(np.int8), entered


def first_of_each(records: Records) -> Records:
    """The first row of each track, in the order in which they are."""
    _, first = np.unique(records["track"], return_index=True)
    return records[np.sort(first)]


def by_track(records: Records) -> dict[int, Records]:
    """The rows of each track, in the order of frames; tracks ascending."""
    return _grouped(records[np.argsort(records["frame"], kind="stable")], "track")


def by_frame(records: Records) -> dict[int, Records]:
    """The rows of each frame, in the order in which they are; frames ascending."""
    return _grouped(records, "frame")


def _grouped(records: Records, column: str) -> dict[int, Records]:
    ordered = records[np.argsort(records[column], kind="stable")]
    values, starts = np.unique(ordered[column], return_index=True)
    ends = [*starts[1:], len(ordered)]
    return {int(value): ordered[a:b] for value, a, b in zip(values, starts, ends, strict=True)} if len(values) else {}


def fill(data: TrackData, records: Records, size: Size) -> None:
    """Write rows of one track, one a frame and in their order, into it; what it held is replaced."""
    valid = is_marker(records)
    markers, gone = records[valid], records[~valid]
    frames = markers["frame"].astype(np.int64)
    if len(frames):
        data.markers = _points(markers, size)
        corners = markers["corners"].astype(np.float64).reshape(-1, 4, 2)[:, ::-1]  # TL first -> BL first
        shapes = as_float32(co_offsets_from_pixels(corners, size).reshape(-1, 8))
        data.corners = FrameColumn.of(frames, np.array(shapes))
    tracked = ~np.isin(frames, data.reference_frames)

    def column(name: str, digits: int | None = None) -> FrameColumn:
        values = markers[name].astype(np.float64)
        known = tracked & np.isfinite(values.reshape(len(frames), -1)).all(axis=1)
        return FrameColumn.of(frames[known], values[known] if digits is None else np.round(values[known], digits))

    data.correlations = column("correlation", digits=6)
    data.forward_backward = column("forward_backward", digits=6)
    data.covariances = column("covariance")
    data.muted = _points(gone[gone["reason"] == LostReason.MASKED], size)
    data.lost = {int(row["frame"]): LostReason(row["reason"]).words for row in gone}
    values = list(data.correlations.values())
    data.correlation = float(np.mean(values)) if values else None


def _points(rows: Records, size: Size) -> dict[int, Point]:
    """Normalised positions by frame."""
    places = as_float32(co_from_pixels(rows["position"], size)) if len(rows) else []
    return {frame: (x, y) for frame, (x, y) in zip(rows["frame"].tolist(), places, strict=True)}
