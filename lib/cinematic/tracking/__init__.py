"""2D point tracks clean enough that the camera solve works at the first try."""

from __future__ import annotations

from . import formats
from .blender import BLENDER_AVAILABLE
from .camera import CameraSolve, solve_camera
from .cleaning import Cleaning
from .clip import Clip
from .context import ensure_clip_loaded, get_active_clip, get_clip_editor_area, tracking_context
from .errors import BackendUnavailable, FootageError, FormatError, ParameterError, TrackingError
from .point_tracker import (
    PointTracker,
    add_track,
    auto_track,
    configure_track,
    delete_track,
    detect_features,
    refill_tracks,
    track_markers,
)
from .presets import (
    get_clean_params,
    get_detection_params,
    get_tracking_params,
    get_tracking_preset,
    list_tracking_presets,
)
from .quality import (
    analyze_track_quality,
    clean_low_quality_tracks,
    clean_tracks,
    enable_tracks,
    filter_tracks_by_correlation,
    get_track_quality_report,
    judge_tracks,
    judge_with_motion,
    read_tracks,
    refine_tracks,
    restore_tracks,
    settle_tracks,
    solve_readiness,
    weigh_tracks,
)
from .refining import Refinement
from .types import MOTION_MODELS, PATTERN_MATCHES, ClipInfo, Coverage, Progress, Readiness, Refilled, TrackData, Verdict

__version__ = "0.1.0"

__all__ = [
    "BLENDER_AVAILABLE",
    "MOTION_MODELS",
    "PATTERN_MATCHES",
    "BackendUnavailable",
    "CameraSolve",
    "Cleaning",
    "Clip",
    "ClipInfo",
    "Coverage",
    "FootageError",
    "FormatError",
    "ParameterError",
    "PointTracker",
    "Progress",
    "Readiness",
    "Refilled",
    "Refinement",
    "TrackData",
    "TrackingError",
    "Verdict",
    "add_track",
    "analyze_track_quality",
    "auto_track",
    "clean_low_quality_tracks",
    "clean_tracks",
    "configure_track",
    "delete_track",
    "detect_features",
    "enable_tracks",
    "ensure_clip_loaded",
    "filter_tracks_by_correlation",
    "formats",
    "get_active_clip",
    "get_clean_params",
    "get_clip_editor_area",
    "get_detection_params",
    "get_track_quality_report",
    "get_tracking_params",
    "get_tracking_preset",
    "judge_tracks",
    "judge_with_motion",
    "list_tracking_presets",
    "read_tracks",
    "refill_tracks",
    "refine_tracks",
    "restore_tracks",
    "settle_tracks",
    "solve_camera",
    "solve_readiness",
    "track_markers",
    "tracking_context",
    "weigh_tracks",
]
