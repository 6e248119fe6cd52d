"""Camera and object moves, sampled once a frame. Numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Move:
    """A rigid move: where the thing is and how it is turned in every frame.

    `location` (frames, 3) metres; `rotation` (frames, 3) Euler angles XYZ in radians, without jumps of a
    full turn.
    """

    location: np.ndarray
    rotation: np.ndarray

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.location)


def smooth_noise(frames: int, fps: float, cutoff: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit variance, shape (frames, 3): sines up to `cutoff` Hz, weaker with frequency."""
    seconds = np.arange(frames) / fps
    rates = np.linspace(0.15, cutoff, 7)
    weight = 1.0 / (1.0 + rates)
    weight = weight / np.sqrt(0.5 * np.sum(weight**2))
    phase = rng.uniform(0.0, 2.0 * np.pi, (3, 7))
    jitter = rng.uniform(0.85, 1.15, (3, 7)) * rates
    angle = 2.0 * np.pi * jitter[None] * seconds[:, None, None] + phase[None]
    return (weight * np.sin(angle)).sum(axis=2)


def along(waypoints: np.ndarray, frames: int) -> np.ndarray:
    """Points on a smooth curve through `waypoints` (n, 3), shape (frames, 3), easing in and out a little.

    A polynomial of degree n - 1 through the waypoints, which stand at equal steps of the parameter.
    """
    waypoints = np.asarray(waypoints, float)
    knots = np.linspace(0.0, 1.0, len(waypoints))
    t = np.linspace(0.0, 1.0, frames)
    t = 0.6 * t + 0.4 * t * t * (3.0 - 2.0 * t)
    return np.stack([np.polyval(np.polyfit(knots, axis, len(knots) - 1), t) for axis in waypoints.T], axis=1)


def look_at(location: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Euler angles XYZ, shape (frames, 3), of a Blender camera at `location` looking at `target`, upright."""
    direction = np.asarray(target, float) - location
    yaw = np.unwrap(np.arctan2(direction[:, 1], direction[:, 0])) - 0.5 * np.pi
    pitch = np.arctan2(direction[:, 2], np.hypot(direction[:, 0], direction[:, 1])) + 0.5 * np.pi
    return np.stack([pitch, np.zeros(len(pitch)), yaw], axis=1)


def hand_held(
    location: np.ndarray,
    target: np.ndarray,
    fps: float,
    rng: np.random.Generator,
    sway: float = 0.012,
    shake: float = 0.0035,
) -> Move:
    """A camera carried along `location`, aimed at `target` by hand: RMS `sway` (m), `shake` (rad)."""
    frames = len(location)
    carried = location + sway * smooth_noise(frames, fps, 2.2, rng)
    rotation = look_at(carried, target) + shake * smooth_noise(frames, fps, 3.5, rng) * [1.0, 0.8, 1.0]
    return Move(carried, rotation)


def slide(start: np.ndarray, end: np.ndarray, turn: tuple[float, float], frames: int) -> Move:
    """A thing that moves in a straight line and turns about z from `turn[0]` to `turn[1]`."""
    t = np.linspace(0.0, 1.0, frames)[:, None]
    location = (1.0 - t) * np.asarray(start, float) + t * np.asarray(end, float)
    yaw = (1.0 - t) * turn[0] + t * turn[1]
    return Move(location, np.concatenate([np.zeros((frames, 2)), yaw], axis=1))
