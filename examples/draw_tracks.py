"""Draw the tracks of a tracks.json onto one frame of its plate, each with the way it has come.

    python examples/draw_tracks.py demo/tracks.json picture.jpg --frame 30 --scale 2

Green tracks correlate well with their reference pattern, red
ones badly.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from cinematic.tracking.coords import pixels_from_co
from cinematic.tracking.formats import cinetrack
from cinematic.tracking.types import TrackData

Picture = npt.NDArray[np.uint8]
SUBPIXEL_BITS = 4  # OpenCV draws at fractions of a pixel when positions carry them as integers


def main() -> None:
    """Read the arguments, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tracks", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--frame", type=int, help="default: the plate's last")
    parser.add_argument("--tail", type=int, default=24, help="frames of the way that are drawn")
    parser.add_argument("--scale", type=int, default=2)
    options = parser.parse_args()
    clip, tracks = cinetrack.read(options.tracks)
    frame = options.frame or clip.frame_end
    picture = movie_frame(Path(clip.path), frame - clip.frame_start)
    picture = cv2.resize(picture, None, fx=options.scale, fy=options.scale, interpolation=cv2.INTER_CUBIC)
    for track in tracks:
        draw(picture, track, frame, options.tail, (clip.width, clip.height), options.scale)
    if not cv2.imwrite(str(options.picture), picture):
        raise SystemExit(f"cannot write {options.picture}")


def movie_frame(path: Path, index: int) -> Picture:
    """Frame ``index`` (from 0) of a movie, BGR."""
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == index:
                return frame.to_ndarray(format="bgr24")
    raise SystemExit(f"{path} has no frame {index + 1}")


def draw(picture: Picture, track: TrackData, frame: int, tail: int, size: tuple[int, int], scale: int) -> None:
    """Draw a track's last ``tail`` positions up to ``frame`` and a dot on it; nothing where it has none there."""
    if frame not in track.markers:
        return
    frames = sorted(f for f in track.markers if frame - tail <= f <= frame)
    pixels = pixels_from_co([track.markers[f] for f in frames], size)
    points = np.round(((pixels + 0.5) * scale - 0.5) * 2**SUBPIXEL_BITS).astype(np.int32)
    colour = colour_of(track.correlation)
    cv2.polylines(picture, [points], False, colour, scale, cv2.LINE_AA, SUBPIXEL_BITS)
    radius = int(2.2 * scale * 2**SUBPIXEL_BITS)
    cv2.circle(picture, points[-1].tolist(), radius, (255, 255, 255), -1, cv2.LINE_AA, SUBPIXEL_BITS)
    cv2.circle(picture, points[-1].tolist(), radius, colour, max(1, scale // 2), cv2.LINE_AA, SUBPIXEL_BITS)


def colour_of(correlation: float | None) -> tuple[int, int, int]:
    """Red below a correlation of 0.7, green at 1, BGR; grey where it was not measured."""
    if correlation is None:
        return 160, 160, 160
    good = min(1.0, max(0.0, (correlation - 0.7) / 0.3))
    return 60, int(60 + 180 * good), int(240 - 180 * good)


if __name__ == "__main__":
    main()
