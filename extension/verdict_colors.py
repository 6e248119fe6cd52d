"""Tracks in the color of what is thought of them."""

from collections.abc import Iterable

from cinematic.tracking import Verdict
from cinematic.tracking.types import as_float32

_COLORS = {"suspect": (1.0, 0.45, 0.0), "bad": (0.95, 0.1, 0.05)}  # what is good looks as it always did
_OURS = {tuple(as_float32(color)) for color in _COLORS.values()}


def color_by_verdict(movie_clip, verdicts: Iterable[Verdict]) -> None:
    """Color a MovieClip's tracks; those that have a color of the artist's keep it."""
    clear_colors(movie_clip)
    for verdict in verdicts:
        track = movie_clip.tracking.tracks.get(verdict.name)
        if track is not None and not track.use_custom_color and verdict.verdict in _COLORS:
            track.use_custom_color, track.color = True, _COLORS[verdict.verdict]


def clear_colors(movie_clip) -> None:
    """Take the verdicts' colors away again."""
    for track in movie_clip.tracking.tracks:
        if track.use_custom_color and tuple(as_float32(track.color)) in _OURS:
            track.use_custom_color = False
