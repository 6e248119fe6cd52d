"""Cameras and points with exact truth, seen as tracks: no pictures, only geometry.

Camera axes: x right, y down, z forward; the world is the first camera's. Frames count from 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from cinematic.tracking import Clip, TrackData
from cinematic.tracking.coords import co_from_pixels
from cinematic.tracking.footage import open_footage
from cinematic.tracking.judge import judge_scene, known_cameras
from cinematic.tracking.solve import Cameras

FloatArray = npt.NDArray[np.float64]

SIZE = (960, 540)


@dataclass(frozen=True)
class Scene:
    """What was there, and the tracks that a tracker made of it."""

    cameras: Cameras
    points: FloatArray  # (n, 3)
    positions: FloatArray  # (n, f, 2) px; NaN without marker
    wrong: npt.NDArray[np.bool_]  # (n,) tracks of things that move by themselves

    @property
    def tracks(self) -> list[TrackData]:
        """The tracks as a tracker hands them over, on the frames of a movie (1 ...)."""
        return [
            TrackData(
                f"t{row}",
                {int(f) + 1: tuple(co_from_pixels(positions[f], SIZE).tolist()) for f in np.flatnonzero(seen)},
            )
            for row, (positions, seen) in enumerate(
                zip(self.positions, np.isfinite(self.positions[..., 0]), strict=True)
            )
        ]

    def on(self, footage: Path) -> Clip:
        """The tracks on a movie of the same size and length (see :func:`empty_movie`)."""
        return Clip(open_footage(footage), self.tracks)


def with_skyline(seen: Scene, count: int, *, noise: float = 0.1, seed: int = 5) -> Scene:
    """The same scene with points at any distance, as seen by a lens that is not quite known: a bit beyond infinity."""
    cameras, rng = seen.cameras, np.random.default_rng(seed)
    frames = len(cameras.focal)
    first = rng.uniform((20, 20), (SIZE[0] - 20, SIZE[1] - 20), (count, 2))
    rays = np.c_[(first - np.array(cameras.centre)) / cameras.focal[0], np.ones(count)]
    directions = np.einsum("nji,nj->ni", cameras.rotation[rng.integers(0, frames, count)], rays)
    seen_as = np.einsum("fij,nj->nfi", cameras.rotation, directions) - 0.0001 * cameras.translation
    positions = seen_as[..., :2] / seen_as[..., 2:] * cameras.focal[0] + np.array(cameras.centre)
    positions += rng.normal(0, noise, positions.shape)
    hidden = (positions < 0).any(axis=2) | (positions > np.array(SIZE) - 1).any(axis=2) | (seen_as[..., 2] <= 0)
    positions[hidden] = np.nan
    return Scene(
        cameras,
        np.concatenate([seen.points, 1e4 * directions]),
        np.concatenate([seen.positions, positions]),
        np.concatenate([seen.wrong, np.zeros(count, bool)]),
    )


def beside_what_moves(seen: Scene, positions: FloatArray, moving: FloatArray) -> Scene:
    """The scene with these positions (n, f, 2) px of its tracks, and tracks (m, f, 2) px of what moves by itself."""
    return Scene(
        seen.cameras,
        np.concatenate([seen.points, np.zeros((len(moving), 3))]),
        np.concatenate([positions, moving]),
        np.concatenate([seen.wrong, np.ones(len(moving), bool)]),
    )


def stabilised(seen: Scene, px: float) -> Scene:
    """The scene with its picture shifted against the lens, by so many px across and six tenths of that down."""
    t = np.arange(seen.positions.shape[1])
    shift = px * np.stack([np.sin(t / 5), 0.6 * np.sin(t / 3.7 + 1)], axis=1)
    shift -= np.median(shift, axis=0)
    return replace(seen, cameras=replace(seen.cameras, shift=shift), positions=seen.positions + shift)


def with_bonnet(seen: Scene, count: int, *, share: float = 0.45) -> Scene:
    """The scene from within a car: so much of the picture is its bonnet, with tracks that stand still there."""
    rng, top = np.random.default_rng(9), (1 - share) * SIZE[1]
    above = seen.positions.copy()
    above[above[..., 1] > top] = np.nan
    places = rng.uniform((20, top + 5), (SIZE[0] - 20, SIZE[1] - 20), (count, 2))
    bonnet = places[:, None] + rng.normal(0, 0.1, (count, above.shape[1], 2))
    return beside_what_moves(seen, above, bonnet)


def driven(frames: int, *, seed: int = 1) -> Cameras:
    """A camera in a car that goes ahead, turns a little, and is shaken by the road."""
    cameras, rng = rails(frames, 800.0, (0.5, 0.0, 10.0), pan=0.2, seed=seed), np.random.default_rng(seed)
    shaken = np.stack([cv2.Rodrigues(turn)[0] for turn in rng.normal(0, 0.003, (frames, 3))])
    rotation = shaken @ cameras.rotation
    return replace(cameras, rotation=rotation, translation=-np.einsum("fij,fj->fi", rotation, cameras.positions))


def empty_movie(file: Path, frames: int) -> Path:
    """A movie of grey pictures: a clip needs footage, a solve does not look at it."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        grey = av.VideoFrame.from_ndarray(np.full((SIZE[1], SIZE[0], 3), 128, np.uint8), format="rgb24")
        for _ in range(frames):
            container.mux(stream.encode(grey))
        container.mux(stream.encode())
    return file


def path(
    frames: int, focal: float | FloatArray = 900.0, *, tripod: bool = False, k1: float = 0.0, pixel_aspect: float = 1.0
) -> Cameras:
    """A camera that walks an arc, or only turns."""
    t = np.linspace(0, 1, frames)
    turns = np.stack([0.08 * np.sin(3 * t), -0.45 * t, 0.03 * np.sin(5 * t)], axis=1)
    if tripod:
        turns[:, 1] = -0.8 * t
    rotation = np.stack([cv2.Rodrigues(turn)[0] for turn in turns])
    centres = np.stack([4 * t, -0.6 * np.sin(4 * t), 1.5 * t], axis=1) * (0 if tripod else 1)
    translation = -np.einsum("fij,fj->fi", rotation, centres)
    centre = ((SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2)
    lengths = np.broadcast_to(np.asarray(focal, float), frames).copy()
    return Cameras(rotation, translation, lengths, centre, k1, pixel_aspect=pixel_aspect)


def panning(frames: int, degrees: float, k1: float = 0.0) -> Cameras:
    """A camera on a tripod that pans by so much, tilts by a quarter of it, and hardly shakes."""
    shaken = np.random.default_rng(1).normal(0, 1, (frames, 3)).cumsum(axis=0) / np.sqrt(frames)
    turns = np.linspace(0, 1, frames)[:, None] * np.radians([degrees / 4, -degrees, 0]) + 0.0008 * shaken
    return replace(path(frames, tripod=True, k1=k1), rotation=np.stack([cv2.Rodrigues(turn)[0] for turn in turns]))


def on_head(frames: int, degrees: float, arm: FloatArray, *, focal: float = 900.0, k1: float = 0.0) -> Cameras:
    """A camera that pans on a tripod, starts and stops softly, its lens off the pivot by ``arm``: right, down, ahead.

    What it shows is 5 to 20 away.
    """
    t, shaken = np.linspace(0, 1, frames), np.random.default_rng(1).normal(0, 0.0006, (frames, 3))
    turns = np.radians(degrees) * np.stack([0.07 * np.sin(3 * t), -t * t * (3 - 2 * t), 0 * t], axis=1) + shaken
    rotation = np.stack([cv2.Rodrigues(turn)[0] for turn in turns])
    moved = arm @ rotation
    translation = -np.einsum("fij,fj->fi", rotation, moved - moved[0])
    return replace(path(frames, focal, k1=k1), rotation=rotation, translation=translation)


def shaking(cameras: Cameras, amount: float, seed: int) -> Cameras:
    """The same camera, turned to and fro over some frames by ``amount`` (standard deviation, radians, each axis)."""
    frames, rng, over = len(cameras.rotation), np.random.default_rng(seed), np.hanning(13)
    drawn = rng.normal(0, amount / np.linalg.norm(over), (3, frames + 40))
    turns = np.stack([np.convolve(axis, over, "same")[20:-20] for axis in drawn], axis=1)
    rotation = np.stack([cv2.Rodrigues(turn)[0] for turn in turns]) @ cameras.rotation
    return replace(cameras, rotation=rotation, translation=-np.einsum("fij,fj->fi", rotation, cameras.positions))


def rails(frames: int, focal: float, travel: tuple[float, float, float], *, pan: float = 0.0, seed: int = 1) -> Cameras:
    """A camera that goes straight on and pans by so many radians on its way, and hardly shakes."""
    shaken = np.random.default_rng(seed).normal(0, 1, (2, frames, 3)).cumsum(axis=1) / np.sqrt(frames)
    t = np.linspace(0, 1, frames)[:, None]
    rotation = np.stack([cv2.Rodrigues(turn)[0] for turn in t * [0, -pan, 0] + 0.002 * shaken[0]])
    translation = -np.einsum("fij,fj->fi", rotation, t * travel + 0.015 * shaken[1])
    return replace(path(frames, focal), rotation=rotation, translation=translation)


def scene(
    cameras: Cameras,
    count: int = 200,
    *,
    noise: float = 0.1,
    outliers: float = 0.0,
    movers: float = 0.0,
    gaps: float = 0.0,
    planar: bool = False,
    seed: int = 3,
) -> Scene:
    """Points in the cameras' view, and their tracks.

    Parameters
    ----------
    noise
        Standard deviation of a marker's coordinate, px.
    outliers
        Share of single markers that are up to 30 px off.
    movers
        Share of tracks that show things that move by themselves.
    gaps
        Share of tracks that are hidden for a third of the frames.
    """
    rng = np.random.default_rng(seed)
    frames = len(cameras.focal)
    born = rng.integers(0, frames, count)
    depth = np.full(count, 9.0) if planar else rng.uniform(5, 20, count)
    pixels = rng.uniform((20, 20), (SIZE[0] - 20, SIZE[1] - 20), (count, 2))
    plane = np.stack(
        [cameras.plane(pixels[row : row + 1, None].repeat(frames, 1))[0, born[row]] for row in range(count)]
    )
    rays = np.concatenate([plane, np.ones((count, 1))], axis=1)
    if planar:  # a wall that stands across the first camera's way
        turned = np.einsum("nji,nj->ni", cameras.rotation[born], rays)
        start = cameras.positions[born]
        normal = np.array([0.1, -0.2, 1.0])
        along = (12 - start @ normal) / (turned @ normal)
        points = start + turned * along[:, None]
    else:
        local = rays * depth[:, None] - cameras.translation[born]
        points = np.einsum("nji,nj->ni", cameras.rotation[born], local)
    positions = cameras.project(points)
    wrong = np.arange(count) < round(movers * count)
    drift = rng.uniform(-1.5, 1.5, (count, 1, 2)) * (np.arange(frames) - born[:, None])[..., None]
    positions += np.where(wrong[:, None, None], drift, 0)
    positions += rng.normal(0, noise, positions.shape)
    positions += rng.uniform(-30, 30, positions.shape) * (rng.random((count, frames, 1)) < outliers)
    bare = replace(cameras, k1=0.0).project(points) - cameras.centre
    unfolded = 1 + 3 * cameras.k1 * (bare**2).sum(axis=2) / cameras.focal**2 > 0.1  # a barrel shows far points twice
    inside = unfolded & ((positions > 0) & (positions < np.array(SIZE) - 1)).all(axis=2)
    hidden = (rng.random(count) < gaps)[:, None] & (np.abs(np.arange(frames) - frames / 2) < frames / 6)
    positions[~inside | hidden] = np.nan
    return Scene(cameras, points, positions, wrong)


def without_frames(seen: Scene, first: int, last: int) -> Scene:
    """The scene with no marker on frames ``first`` to ``last``."""
    positions = seen.positions.copy()
    positions[:, first : last + 1] = np.nan
    return replace(seen, positions=positions)


def judged(seen: Scene) -> tuple[Cameras, float]:
    """The cameras that a judgement finds, and which share of the tracks of five markers or more it takes for bad."""
    tracks = seen.tracks
    verdicts, motion = judge_scene(tracks, SIZE)
    known = known_cameras(motion)
    assert known is not None
    long = [verdict for verdict, track in zip(verdicts, tracks, strict=True) if len(track.markers) >= 5]
    return known.cameras, float(np.mean([verdict.verdict == "bad" for verdict in long]))


def path_error(found: Cameras, truth: Cameras) -> float:
    """RMS camera position error after the best similarity (Umeyama 1991), as a share of the path's extent."""
    good = found.solved
    a, b = found.positions[good], truth.positions[good]
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    u, stretch, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    scale = (stretch * sign).sum() / (a**2).sum()
    left = b - scale * a @ ((u * sign) @ vt).T
    return float(np.sqrt((left**2).sum(axis=1).mean()) / np.linalg.norm(np.ptp(truth.positions, axis=0)))


def turn_error(found: Cameras, truth: Cameras) -> float:
    """The largest angle, degrees, between the cameras' turns from the first solved frame on."""
    first = int(np.flatnonzero(found.solved)[0])
    turned = found.rotation @ found.rotation[first].T @ truth.rotation[first] @ np.swapaxes(truth.rotation, 1, 2)
    cosine = (np.trace(turned[found.solved], axis1=1, axis2=2) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).max())
