"""A file of tracks, judged: for tracks that came from elsewhere, with or without their footage at hand."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from . import formats
from .clip import Clip, footage_of
from .convert import is_blend, read_blend
from .coords import SQUARE, Size
from .errors import FootageError, FormatError, ParameterError
from .footage import Footage, open_footage
from .formats import Shot, cinetrack
from .formats.arguments import BEGINS_AT_ONE
from .judge import judge_scene, known_cameras, why_no_camera
from .lens import focal_px
from .quality import judge_with_motion
from .readiness import readiness
from .types import ClipInfo, Readiness, TrackData, Verdict, verdicts_in_words


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
            "readiness": {
                "score": self.readiness.score,
                "reasons": list(self.readiness.reasons),
                "lens": self.readiness.lens or None,
            },
            "note": self.note,
            "tracks": [_plain(verdict) for verdict in self.verdicts],
        }

    def lines(self, most: int = 30) -> list[str]:
        """The same to read: counts, readiness, and the worst tracks with their reasons."""
        lines = [verdicts_in_words(self.verdicts), *self.readiness.lines()]
        worst = sorted(
            (v for v in self.verdicts if v.verdict != "good"), key=lambda v: (v.verdict != "bad", -v.badness)
        )
        lines += [_told(verdict) for verdict in worst[:most]]
        if len(worst) > most:
            lines.append(f"and {len(worst) - most} more")
        return lines + ([f"note: {self.note}"] if self.note else [])


def judge_file(
    path: Path,
    format: str | None = None,
    *,
    size: Size | None = None,
    frame_start: int | None = None,
    frame_offset: int = 0,
    half_pixel: str | None = None,
    clip: str | None = None,
    footage: Path | None = None,
    focal: float | None = None,
    sensor_width: float | None = None,
) -> JudgedFile:
    """Judge the tracks of a file that the package can read, or of the result folder that holds a ``tracks.json``.

    Parameters
    ----------
    format, size, frame_start, frame_offset, half_pixel
        See :func:`.formats.read`; ``format`` may also be ``blend``.
    clip
        Which clip of a .blend.
    footage
        Where the file's footage is, when the file does not say or is wrong. What the footage says need not be given.
    focal, sensor_width
        The lens's focal length where it is known, px, or mm with the sensor's width: taken as exact. None: found.

    Raises
    ------
    ParameterError
        The size is not known; the footage given has another one, or other frames; no lens has such a focal length; and
        as :func:`.formats.read`.
    FormatError
        The file does not follow its format.
    FootageError
        The footage that was given cannot be read.
    OSError
        The file cannot be read.
    """
    shown = None if footage is None else open_footage(footage)
    if path.is_dir() and format is None and not (path / "images.txt").is_file():  # no COLMAP model, but a result
        path, format = path / "tracks.json", cinetrack.NAME
    if is_blend(path, format):
        shot = read_blend(path, clip, frame_offset)
    else:
        options: dict[str, Any] = {"frame_offset": frame_offset, "half_pixel": half_pixel}
        options["size"] = size or (shown.size if shown is not None else None)
        options["corner"] = shown.corner if shown is not None else None
        shot = formats.read(path, format, frame_start=frame_start, **options)
        if shown is not None and BEGINS_AT_ONE in shot.notes:  # it does not say where the plate begins
            shot = formats.read(path, format, frame_start=shown.numbers.first, **options)
    notes = list(shot.notes)
    if shown is None:
        shown, missing = _footage_named(shot, path, framed=not frame_offset)
        if missing:
            notes.append(
                f"judged without the footage ({missing}): by motion, and by what the file says of correlations; "
                "whether features still show where they should be was not looked at, and no second opinion was asked"
            )
    else:
        _check_fits(shot, shown, path)
    info, taken = _info(shot, shown, path, framed=not frame_offset)
    notes += taken
    frames, known = range(info.frame_start, info.frame_end + 1), (info.width, info.height)
    told = focal_px(known, focal, sensor_width)
    if shown is None:
        verdicts, motion = judge_scene(shot.tracks, known, pixel_aspect=info.pixel_aspect, focal=told)
    else:
        seen = Clip(shown, shot.tracks)
        seen.pixel_aspect = info.pixel_aspect
        verdicts, motion = judge_with_motion(seen, focal=told)
    ready = readiness(shot.tracks, verdicts, frames, known, known_cameras(motion), no_camera=why_no_camera(motion))
    return JudgedFile(info, shot.tracks, verdicts, ready, "; ".join(notes))


def _footage_named(shot: Shot, path: Path, *, framed: bool) -> tuple[Footage | None, str]:
    """The footage that the file names, or why it is of no use."""
    if shot.footage is None:
        return None, f"{shot.format} does not say where it is: --footage PATH"
    try:
        footage = footage_of(path, shot.footage)
    except FootageError as error:
        return None, str(error)
    said = (shot.size or footage.size, shot.frame_start, shot.frame_end)
    found = (footage.size, footage.numbers.first, footage.numbers.last)
    if said[0] != found[0] or (framed and None not in said and said != found):
        return None, f"expected size and frames {said} as the file says, got {found}: {footage.path}"
    return footage, ""


def _check_fits(shot: Shot, footage: Footage, path: Path) -> None:
    if shot.size is not None and shot.size != footage.size:
        said, got = ("x".join(map(str, size)) for size in (shot.size, footage.size))
        raise ParameterError(f"expected footage of {said} as {path} says, got {got}: {footage.path}")
    frames = {frame for track in shot.tracks for frame in track.markers}
    numbers = footage.numbers
    if frames and not any(numbers.first <= frame <= numbers.last for frame in frames):
        raise ParameterError(
            f"expected tracks on the footage's frames {numbers.first}-{numbers.last}, got {min(frames)}-{max(frames)}: "
            "see --frame-start and --frame-offset"
        )


def _info(shot: Shot, footage: Footage | None, path: Path, *, framed: bool) -> tuple[ClipInfo, list[str]]:
    """What is known of the footage, and what was made of that which is not."""
    if footage is not None:
        info = Clip(footage).info
        return info if shot.pixel_aspect is None else replace(info, pixel_aspect=shot.pixel_aspect), []
    if shot.size is None:
        raise ParameterError(
            f"expected the footage's size to judge by, {path} does not say it: give --size WxH or --footage PATH"
        )
    recorded, aspect = shot.footage or "", shot.pixel_aspect or SQUARE
    if framed and shot.frame_start is not None and shot.frame_end is not None:
        return ClipInfo(recorded, *shot.size, shot.fps, shot.frame_start, shot.frame_end, aspect), []
    frames = {frame for track in shot.tracks for frame in track.markers}
    if not frames:
        raise FormatError(f"expected tracks with markers in {path}, got none")
    info = ClipInfo(recorded, *shot.size, shot.fps, min(frames), max(frames), aspect)
    return info, [f"the plate is taken to have frames {info.frame_start}-{info.frame_end}"]


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
