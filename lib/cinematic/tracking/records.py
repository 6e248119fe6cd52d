"""Markers as they come, one row each: small, and as plain to save as an array of numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from .coords import Size, co_from_pixels, co_offsets_from_pixels
from .engine import FrameMarkers, LostReason
from .masks import Excluded, is_excluded
from .types import TrackData, as_float32

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
    """Write rows of one track, one a frame, into it."""
    valid = is_marker(records)
    markers, gone = records[valid], records[~valid]
    frames = markers["frame"].tolist()
    places = as_float32(co_from_pixels(markers["position"], size)) if frames else []
    corners = markers["corners"].astype(np.float64).reshape(-1, 4, 2)[:, ::-1]  # TL first -> BL first
    shapes = as_float32(co_offsets_from_pixels(corners, size).reshape(-1, 8)) if frames else []
    rest = zip(frames, places, shapes, markers, strict=True)
    for frame, place, shape, row in rest:
        data.markers[frame] = tuple(place)
        data.corners[frame] = tuple(shape)
        if frame in data.reference_frames:
            continue
        data.correlations[frame] = round(float(row["correlation"]), 6)
        if np.isfinite(row["forward_backward"]):
            data.forward_backward[frame] = round(float(row["forward_backward"]), 6)
        if np.isfinite(row["covariance"]).all():
            xx, xy, yy = map(float, row["covariance"])
            data.covariances[frame] = (xx, xy, yy)
    for row in gone:
        frame = int(row["frame"])
        data.lost[frame] = LostReason(row["reason"]).words
        if row["reason"] == LostReason.MASKED:
            x, y = as_float32(co_from_pixels(row["position"], size))
            data.muted[frame] = (x, y)
    values = list(data.correlations.values())
    data.correlation = float(np.mean(values)) if values else None
