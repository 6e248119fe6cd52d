"""A file of tracks, judged: for tracks that came from elsewhere, with or without their footage at hand."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .clip import Clip
from .errors import FootageError
from .formats import cinetrack
from .judge import judge
from .quality import judge_tracks
from .readiness import readiness
from .types import VERDICTS, ClipInfo, Readiness, TrackData, Verdict


@dataclass(frozen=True)
class JudgedFile:
    """What is thought of the tracks of a file."""

    info: ClipInfo
    tracks: list[TrackData]
    verdicts: list[Verdict]
    readiness: Readiness
    note: str  # what could not be looked at; empty: everything was

    def to_dict(self) -> dict[str, Any]:
        """A dict of plain JSON values; figures that are not known are null."""
        return {
            "clip": self.info.to_dict(),
            "readiness": {"score": self.readiness.score, "reasons": list(self.readiness.reasons)},
            "note": self.note,
            "tracks": [_plain(verdict) for verdict in self.verdicts],
        }

    def lines(self, most: int = 30) -> list[str]:
        """The same to read: counts, readiness, and the worst tracks with their reasons."""
        counts = Counter(verdict.verdict for verdict in self.verdicts)
        lines = [", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)]
        lines.append(f"camera solve: {self.readiness.score:.0%} ready")
        lines += [f"  {reason}" for reason in self.readiness.reasons]
        worst = sorted(
            (v for v in self.verdicts if v.verdict != "good"), key=lambda v: (v.verdict != "bad", -v.badness)
        )
        lines += [_told(verdict) for verdict in worst[:most]]
        if len(worst) > most:
            lines.append(f"and {len(worst) - most} more")
        return lines + ([f"note: {self.note}"] if self.note else [])


def judge_file(path: Path) -> JudgedFile:
    """Judge the tracks of a ``tracks.json``, or of the result folder that holds one.

    Raises
    ------
    FormatError
        It is no such file.
    OSError
        It cannot be read.
    """
    path = path / "tracks.json" if path.is_dir() else path
    info, tracks = cinetrack.read(path)
    frames, size = range(info.frame_start, info.frame_end + 1), (info.width, info.height)
    try:
        clip = Clip.load(path)
    except FootageError as error:
        verdicts, note = judge(tracks, size), f"judged without the footage ({error})"
    else:
        verdicts, note = judge_tracks(clip), ""
    return JudgedFile(info, tracks, verdicts, readiness(tracks, verdicts, frames, size), note)


def _plain(verdict: Verdict) -> dict[str, Any]:
    plain = asdict(verdict)
    del plain["curves"]  # by frame, and long; the report draws them
    plain["bad_markers"] = {str(frame): reason for frame, reason in sorted(verdict.bad_markers.items())}
    plain["measures"] = {name: value if math.isfinite(value) else None for name, value in verdict.measures.items()}
    return plain


def _told(verdict: Verdict) -> str:
    frames = sorted(verdict.bad_markers)
    where = f", {len(frames)} markers on frames {frames[0]}-{frames[-1]}" if frames else ""
    return f"  {verdict.verdict:8}{verdict.name}: {', '.join(verdict.reasons)}{where}"
