"""From any tool's tracks to any other's, Blender's files included.

What opens or writes a .blend replaces the file that Blender has open: it is meant for a process of its own, as the
command's. In a running Blender read and write its clips.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import formats
from .blend_file import blend_with, open_blend, save_blend, write_blend
from .blender_camera import set_solve_keyframes
from .checks import check_choice
from .coords import HALF_PIXELS
from .errors import ParameterError
from .formats import FORMATS, Shot, Written, names
from .formats.arguments import shifted
from .formats.losses import HELD, kept, losses, renamed
from .formats.registry import find_format, format_to_write, guess_format
from .formats.writing import check_absent, named
from .lens import distorted_tracks, undistorted_tracks
from .movie_clip import MovieClipStore, lens_of

BLEND = "blend"
"""The name of Blender's files among the formats."""

_BLEND_KEEPS = frozenset(HELD) - {
    "empty", "correlations", "covariances", "forward-backward distances", "reprojection errors",
    "reasons why tracking ended",
}  # fmt: skip

LENS = ("undistorted", "distorted")

CHOICES = (*FORMATS, BLEND)


def is_blend(path: Path, format: str | None) -> bool:
    """Whether a file is one of Blender's, by what it is said to be or else by its name."""
    return format == BLEND if format is not None else path.suffix.lower() == ".blend"


def convert(
    source: Path,
    target: Path,
    *,
    source_format: str | None = None,
    target_format: str | None = None,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    frame_start: int | None = None,
    frame_offset: int = 0,
    half_pixel: list[str] | None = None,
    corner: tuple[int, int] | None = None,
    clip: str | None = None,
    lens: str | None = None,
    overwrite: bool = False,
) -> tuple[Shot, Written]:
    """Read tracks and write them elsewhere: what was read, and what was written.

    Parameters
    ----------
    source_format, target_format
        Names of formats, or ``blend``; None: told from the files.
    size, fps, frame_start
        Of the footage, where the source does not say.
    frame_offset
        Added to every frame.
    half_pixel
        ``edge`` or ``centre``, for the one of the two formats that has that switch; ``in:centre``, ``out:edge`` where
        both have it.
    corner
        Of images with overscan, where neither file says (:attr:`.types.ClipInfo.corner`).
    clip
        Which clip of a .blend.
    lens
        ``undistorted``: the tracks of a .blend without the distortion of its camera; ``distorted``: tracks that are
        undistorted come into a .blend as its plate shows them.
    overwrite
        Replace what is there; needed, too, to add tracks to a .blend that is there.

    Raises
    ------
    ParameterError, FormatError, BackendUnavailable, OSError
        See :func:`.formats.read`, :func:`.formats.write` and :func:`.blend_file.open_blend`.
    """
    reads, writes = half_pixels(source, source_format, target, target_format, half_pixel or [])
    _check_lens(lens, is_blend(source, source_format), is_blend(target, target_format))
    check_absent(target, overwrite)
    if not is_blend(target, target_format):
        format_to_write(target, target_format)
    if is_blend(source, source_format):
        shot = read_blend(source, clip, frame_offset, undistorted=lens == "undistorted")
    else:
        shot = formats.read(
            source, source_format,
            size=size, frame_start=frame_start, frame_offset=frame_offset, half_pixel=reads, corner=corner,
        )  # fmt: skip
    if is_blend(target, target_format):
        return shot, write_into_blend(shot, target, clip, undistorted=lens == "distorted")
    return shot, formats.write(
        shot, target, target_format,
        size=size, fps=fps, frame_start=frame_start, half_pixel=writes, corner=corner, overwrite=overwrite,
    )  # fmt: skip


def _check_lens(lens: str | None, from_blend: bool, to_blend: bool) -> None:
    if lens is None:
        return
    check_choice("--lens", lens, LENS)
    if not (from_blend if lens == "undistorted" else to_blend):
        raise ParameterError(
            "expected IN to be a .blend, whose camera has the lens, with --lens undistorted"
            if lens == "undistorted"
            else "expected OUT to be a .blend, whose camera has the lens, with --lens distorted"
        )


def read_blend(path: Path, clip: str | None = None, frame_offset: int = 0, *, undistorted: bool = False) -> Shot:
    """The tracks of a .blend's clip, on the plate or ``undistorted`` by its camera's lens."""
    opened = open_blend(path, clip)
    store = MovieClipStore(opened)
    info = store.info
    tracks = [shifted(track, frame_offset) for track in store.read()]
    notes = []
    if undistorted:
        tracks, gone = undistorted_tracks(tracks, lens_of(opened))
        notes = _unreached(gone)
    size = (info.width, info.height) if info.width and info.height else None
    return Shot(
        tracks, BLEND, size, info.fps, info.path, info.frame_start, info.frame_end, notes, info.pixel_aspect,
        info.corner,
    )  # fmt: skip


def _unreached(markers: int) -> list[str]:
    return [f"{markers} markers are outside of what the lens can show and were left out"] if markers else []


def write_into_blend(shot: Shot, path: Path, clip: str | None = None, *, undistorted: bool = False) -> Written:
    """Add tracks to the clip of a .blend; where there is no such file, make one with the footage.

    A track whose name the clip has already gets another one. ``undistorted``: the tracks are, and are written where the
    plate shows them through the lens of the clip's camera. In a new file Blender's solver is told which frames to begin
    from; one that is there is left as it is set.
    """
    opened = open_blend(path, clip) if path.exists() else _new_blend(shot, path)
    given, gone = distorted_tracks(shot.tracks, lens_of(opened)) if undistorted else (shot.tracks, 0)
    found = losses(given, _BLEND_KEEPS)
    tracks = kept(given, _BLEND_KEEPS)
    store = MovieClipStore(opened)
    fitted = names.for_blender([track.name for track in tracks], [track.name for track in opened.tracking.tracks])
    found += renamed([track.name for track in tracks], fitted)
    store.write(named(track, name) for track, name in zip(tracks, fitted, strict=True))
    if path.exists():
        save_blend(path)
    else:
        set_solve_keyframes(opened, store.read())
        write_blend(opened, path)
    return Written(path, BLEND, len(tracks), found, _unreached(gone))


def _new_blend(shot: Shot, path: Path) -> Any:
    if shot.footage is None or not Path(shot.footage).exists():
        raise ParameterError(
            f"expected {path} to be there, with a clip to add the tracks to, or the footage to make one of, got neither"
        )
    return blend_with(Path(shot.footage), [], shot.pixel_aspect)


def half_pixels(
    source: Path, source_format: str | None, target: Path, target_format: str | None, given: list[str]
) -> tuple[str | None, str | None]:
    """The switch for reading and the one for writing.

    Raises
    ------
    ParameterError
        It is not clear which of the two is meant, or it is no such value.
    """
    if not given:
        return None, None
    sides: dict[str, str] = {}
    for text in given:
        side, colon, value = text.partition(":")
        if not colon:
            side, value = _switched_side(source, source_format, target, target_format), text
        check_choice("the side of --half-pixel", side, ("in", "out"))
        sides[side] = check_choice("--half-pixel", value, HALF_PIXELS)
    return sides.get("in"), sides.get("out")


def _switched_side(source: Path, source_format: str | None, target: Path, target_format: str | None) -> str:
    sides = []
    if not is_blend(source, source_format):
        form = find_format(source_format or guess_format(source))[0]
        sides += ["in"] if form.has_half_pixel_switch else []
    if not is_blend(target, target_format):
        sides += ["out"] if format_to_write(target, target_format)[0].has_half_pixel_switch else []
    if len(sides) != 1:
        raise ParameterError(
            "expected --half-pixel in:VALUE or out:VALUE: both formats have that switch"
            if sides
            else "expected a format with the half-pixel switch: neither of the two has one"
        )
    return sides[0]
