"""Green screens with a few marks, somebody before them or not, drawn with exact truth.

    python -m benchmarks.green_screens                 all of them
    python -m benchmarks.green_screens --only near     those whose name has these letters

A studio of three green planes (wall, side, floor) with a taped cross about every metre, and a camera on rails, held by
hand. The actor is an ellipse of fine texture that walks and sways: where he is, most tracks are on him. Each shot is
tracked, judged, cleaned and its camera solved, nothing known. Prints Markdown; keeps JSON in `benchmarks/results`.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks import report
from benchmarks.delivered import reference_of
from benchmarks.footage import write_sequence
from benchmarks.report import Table
from benchmarks.score import Reference, Scores, score
from benchmarks.solving import figures_of_a_solve
from benchmarks.whole_shots import positions_of
from cinematic.tracking import Clip, TrackData, auto_track, clean_tracks, judge_with_motion

SIZE, FRAMES, FOCAL = (960, 540), 72, 750.0
CENTRE = (np.array(SIZE) - 1) / 2
OVERSAMPLING = 2
WALL, SIDE, FLOOR = (2, 7.0), (0, 3.6), (1, 1.5)  # the axis that each is across, and where on it, m; y is down
SCREEN, TAPE = 110.0, 70.0  # of 255: the luma of the green, and of darker green tape
ARM, HALF_WIDTH = 0.09, 0.022  # of a cross, m
GRAIN = 2.5  # of 255

COLUMNS = {
    "tracks": "tracks", "on_him": "on the actor", "after_him": "cleaned", "bad1": "bad1", "after": "cleaned",
    "kept": "good markers kept", "solve": "solve px", "frames": "frames", "ate": "ate", "focal_off": "focal off",
}  # fmt: skip


@dataclass(frozen=True)
class Actor:
    """An ellipse that crosses the picture; px."""

    half: tuple[int, int]
    begin: tuple[float, float]  # its centre on the first frame
    walk: float  # to the right, within the shot
    sway: float = 5.0

    def middle(self, index: int) -> np.ndarray:
        """Where its centre is."""
        return np.array([self.begin[0] + self.walk * index / (FRAMES - 1), self.begin[1]])

    def hides(self, places: np.ndarray, index: int) -> np.ndarray:
        """(n,) Whether he is before points (n, 2) px."""
        return (((places - self.middle(index)) / self.half) ** 2).sum(axis=1) < 1


SHOTS: dict[str, Actor | None] = {
    "nobody": None,
    "somebody walks": Actor((80, 155), (300, 345), 300),
    "somebody walks, near": Actor((120, 235), (300, 300), 300),
    "somebody stands": Actor((80, 155), (480, 345), 20),
}


def cameras() -> tuple[np.ndarray, np.ndarray]:
    """(f, 3, 3) from the world's axes to the camera's, and (f, 3) where it stands, m."""
    t = np.linspace(0, 1, FRAMES)
    tilt, pan = -0.05 + 0.02 * np.cos(5 * t) + 0.006 * np.sin(27 * t), -0.12 * np.sin(2.2 * t) - 0.01 * np.sin(31 * t)
    turned = [
        cv2.Rodrigues(np.array([-up, 0.0, 0.0]))[0] @ cv2.Rodrigues(np.array([0.0, aside, 0.0]))[0]
        for up, aside in zip(tilt, pan, strict=True)
    ]
    return np.stack(turned), np.stack([-1.2 + 2.6 * t, 0.05 * np.sin(9 * t), 0.8 * t], axis=1)


def seen_along(rotation: np.ndarray, stand: np.ndarray, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of pixels (n, 2): the point (n, 3) of the studio that is seen there, and which plane it is on."""
    rays = np.column_stack([(pixels - CENTRE) / FOCAL, np.ones(len(pixels))]) @ rotation
    with np.errstate(divide="ignore"):
        far = np.stack([(place - stand[axis]) / rays[:, axis] for axis, place in (WALL, SIDE, FLOOR)])
    far = np.where(far > 0, far, np.inf)
    return stand + rays * far.min(axis=0)[:, None], far.argmin(axis=0)


def shown_at(rotation: np.ndarray, stand: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where points (n, 3) show, px; NaN behind the camera."""
    local = (points - stand) @ rotation.T
    return np.where(local[:, 2:] > 0.1, local[:, :2] / local[:, 2:] * FOCAL + CENTRE, np.nan)


def drawn(actor: Actor | None) -> list[np.ndarray]:
    """The frames, (height, width) uint8."""
    rng = np.random.default_rng(5)
    grainy = (clean(index, actor) + rng.normal(0, GRAIN, SIZE[::-1]) for index in range(FRAMES))
    return [np.clip(picture + 0.5, 0, 255).astype(np.uint8) for picture in grainy]


def clean(index: int, actor: Actor | None) -> np.ndarray:
    """A frame without grain, (height, width) float32 of 255."""
    turns, stands = cameras()
    width, height = (OVERSAMPLING * side for side in SIZE)
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=2).reshape(-1, 2)
    points, plane = seen_along(turns[index], stands[index], (pixels + 0.5) / OVERSAMPLING - 0.5)
    fine = _luma(points, plane).reshape(height, width).astype(np.float32)
    picture = cv2.resize(fine, SIZE, interpolation=cv2.INTER_AREA)
    if actor is not None:
        picture = _with(actor, index, picture)
    return cv2.GaussianBlur(picture, (0, 0), 0.6)


@cache
def _cloth() -> np.ndarray:
    """What the actor wears: fine texture."""
    cloth = cv2.GaussianBlur(np.random.default_rng(6).random(SIZE[::-1]).astype(np.float32), (0, 0), 1.5)
    return np.clip(90 + 900 * (cloth - 0.5), 10, 240).astype(np.float32)


def _luma(points: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """(n,) What points on the planes look like: green, lit unevenly, with a cross near every whole metre."""
    along_axes = np.array([(0, 1), (1, 2), (0, 2)])[plane]  # of wall, side and floor
    across = np.take_along_axis(points, along_axes, axis=1)
    whole = np.round(across).astype(int)
    lot = (whole[:, 0] * 73856093 ^ whole[:, 1] * 19349663) & 1023  # each lies, and is turned, as it likes
    away = across - whole - 0.25 * (np.column_stack([lot % 32, lot // 32]) / 31 - 0.5)
    turn = 0.12 * (lot % 7)
    along = np.abs(np.column_stack([
        np.cos(turn) * away[:, 0] - np.sin(turn) * away[:, 1], np.sin(turn) * away[:, 0] + np.cos(turn) * away[:, 1],
    ]))  # fmt: skip
    is_tape = (along.max(axis=1) < ARM) & (along.min(axis=1) < HALF_WIDTH)
    light = np.array([1.0, 0.82, 0.9])[plane] * (1 + 0.08 * np.sin(0.5 * across[:, 0] + 0.3 * across[:, 1]))
    return np.where(is_tape, TAPE, SCREEN) * light


def _with(actor: Actor, index: int, picture: np.ndarray) -> np.ndarray:
    x, y = np.meshgrid(np.arange(SIZE[0], dtype=np.float32), np.arange(SIZE[1], dtype=np.float32))
    left, top = actor.middle(index) - actor.half
    sway = actor.sway * np.sin((y - top) / 60 + 25 * index / (FRAMES - 1))
    places = [part.astype(np.float32) for part in (x - left + sway + 2 * actor.sway, y - top)]
    worn = cv2.remap(_cloth(), *places, cv2.INTER_CUBIC)
    there = actor.hides(np.column_stack([x.ravel(), y.ravel()]), index).reshape(x.shape)
    return np.where(there, worn, picture)


def truth_of(tracks: list[TrackData], positions: np.ndarray, actor: Actor | None) -> tuple[Reference, np.ndarray]:
    """Where the points under reference markers show, and (n,) which are on the actor: these do not count."""
    turns, stands = cameras()
    start = np.array([reference_of(track) - 1 for track in tracks], int)
    marked = positions[np.arange(len(tracks)), start]
    on_him = np.array([
        actor is not None and bool(actor.hides(at[None], index)[0]) for at, index in zip(marked, start, strict=True)
    ], bool)  # fmt: skip
    points = np.concatenate([
        seen_along(turns[index], stands[index], at[None])[0] for at, index in zip(marked, start, strict=True)
    ])  # fmt: skip
    exact = np.stack([shown_at(turn, stand, points) for turn, stand in zip(turns, stands, strict=True)], axis=1)
    visible = ((exact > -0.5) & (exact < np.array(SIZE) - 0.5)).all(axis=2)
    if actor is not None:
        visible &= ~np.stack([actor.hides(exact[:, index], index) for index in range(FRAMES)], axis=1)
    return Reference(exact, visible, ~on_him, start, SIZE), on_him


def on(name: str, actor: Actor | None) -> dict[str, float | str]:
    """A table's row: the shot from tracks to the camera."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Clip.open(write_sequence(drawn(actor), Path(folder)).path(1))
        coverage = auto_track(clip)
        before, him = _scored(clip, actor)
        verdicts, motion = judge_with_motion(clip)
        clean_tracks(clip, verdicts=verdicts)
        after, still = _scored(clip, actor)
        return {
            "name": name, "tracks": coverage.tracks, "on_him": str(him), "after_him": str(still), "bad1": before.bad1,
            "after": f"{after.bad1:.2%}", "kept": f"{after.good / before.good:.0%}",
            **figures_of_a_solve(clip, motion, cameras()[1], np.full(FRAMES, FOCAL)),
        }  # fmt: skip


def _scored(clip: Clip, actor: Actor | None) -> tuple[Scores, int]:
    """The tracks there are now, and how many of them are on the actor."""
    tracks = clip.read()
    positions = positions_of(tracks, SIZE, range(1, FRAMES + 1))
    reference, on_him = truth_of(tracks, positions, actor)
    return score(positions, reference), int(on_him.sum())


def main() -> None:
    """Print the table, and keep it."""
    table = Table("green-screens", "Green screens: auto_track, clean_tracks, solve_camera", COLUMNS)
    report.fill(table, {name: partial(on, name, actor) for name, actor in SHOTS.items()}, __doc__)


if __name__ == "__main__":
    main()
