"""What the report says in words: reasons and what to do about them, names of measures, figures, spans of frames."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from ..clip import segments

EXPLANATIONS: dict[str, tuple[str, str]] = {
    "occluded": (
        "Something came in front of the feature, and the marker stayed on what covers it.",
        "Mute these markers; where the feature shows again, begin a second track on it.",
    ),
    "drifting": (
        "The marker has crept away from the feature: its pattern no longer shows what the reference pattern shows.",
        "Cut the track where it begins to creep, or set a new reference frame there and track again with a motion "
        "model that can follow the change (Affine or Perspective).",
    ),
    "sliding along an edge": (
        "The pattern is an edge or a line: along it nothing holds the marker, and it slides.",
        "Remove it, or move the marker to a corner and make the pattern large enough to hold something across the "
        "edge.",
    ),
    "moving object": (
        "It follows well, but on something that moves by itself: it contradicts the camera's motion.",
        "Leave it out of the camera solve; keep it for an object solve if that object matters.",
    ),
    "jittery": (
        "The marker shakes from frame to frame more than its neighbours do.",
        "Enlarge the pattern or choose a simpler motion model, and track again; or lower the track's weight.",
    ),
    "mismatched jump": (
        "From one frame to the next the marker jumped to another place that looks alike.",
        "Split the track at the jump and keep the part that is right; a smaller search area makes such jumps rarer.",
    ),
    "too short": (
        "It has too few markers to say anything about the camera.",
        "Remove it, or track it in the other direction from its reference frame.",
    ),
    "duplicate": (
        "Another track follows the same feature: the solve would count this one place twice.",
        "Keep the better of the two.",
    ),
    "low correlation": (
        "Its patterns look little like the reference pattern: blur, noise or a change of light.",
        "Look at the strip: where it still shows the feature, a larger pattern helps; where it does not, cut there.",
    ),
}
"""By reason (of ``types.REASONS``): what has happened, and what an artist can do."""

NO_REASON = ("It was judged so without a reason given.", "Look at its patterns and curves.")

UNITS = {"px": "px", "px2": "px²", "frames": "frames", "percent": "%", "deg": "°", "s": "s"}
"""Units as the last word of a measure's name."""

JOINED = {"forward backward": "forward-backward", "zncc": "correlation", "f b": "forward-backward"}

MINUS = "\N{MINUS SIGN}"


def explained(reason: str) -> tuple[str, str]:
    """What a reason means, and advice."""
    return EXPLANATIONS.get(reason, NO_REASON)


def label(name: str) -> tuple[str, str]:
    """A measure's name as words, and its unit (empty: none): ``drift_px`` and ``drift, px`` are ``("drift", "px")``."""
    words = [word for word in re.split(r"[_\s]+", name.strip()) if word]
    unit = UNITS.get(words[-1], "") if len(words) > 1 else ""
    text = " ".join(words[:-1]).rstrip(",") if unit else " ".join(words) or name
    for apart, joined in JOINED.items():
        text = re.sub(rf"\b{apart}\b", joined, text)
    return text, unit


def figure(value: float | None) -> str:
    """A number in three digits: ``1,234``, ``0.988``, ``12.3``; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 100 or value == int(value):
        text = f"{size:,.0f}" if size < 1e6 else f"{size:.2g}"
    elif size < 0.0005:
        text = f"{size:.1e}"
    else:
        text = f"{size:#.3g}".rstrip(".") if size >= 1 else f"{size:.3f}"
    return MINUS + text if value < 0 and text.strip("0.") else text


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 track``, ``1,234 tracks``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def spans(frames: Iterable[int], most: int = 6) -> str:
    """Frames as ``12–18, 30``; beyond ``most`` spans, how many more."""
    runs = segments(frames)
    told = [str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs[:most]]
    return ", ".join(told) + (f" and {len(runs) - most} more" if len(runs) > most else "")


def on_frames(frames: Iterable[int]) -> str:
    """``frame 12`` or ``frames 12–18, 30``."""
    frames = list(frames)
    return f"{'frame' if len(frames) == 1 else 'frames'} {spans(frames)}"


def readiness_word(score: float) -> str:
    """A solve's prospects in words, from its score (0-1)."""
    return {"good": "Ready to solve", "suspect": "May solve, but weak", "bad": "Likely to fail"}[readiness_state(score)]


def readiness_state(score: float) -> str:
    """A solve's prospects as a verdict, from its score (0-1)."""
    return "good" if score >= 0.75 else "suspect" if score >= 0.4 else "bad"
