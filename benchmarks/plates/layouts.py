"""The sets: which things stand where, how the camera moves, where the light comes from.

A layout is a function of a random generator, the number of frames and the frame rate. It builds into the
open scene and returns a `Stage`. The same seed gives the same set.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import bpy
import numpy as np

from benchmarks.plates import motion, props
from benchmarks.plates.motion import Move


@dataclass
class Stage:
    """What a layout hands over: moves for the camera and the things that move, lens and light."""

    camera: Move
    movers: list[tuple[bpy.types.Object, Move]] = field(default_factory=list)
    lens: float = 28.0  # focal length in mm on a sensor 36 mm wide
    sun: tuple[float, float, float] = (0.6, 0.55, -0.75)  # the direction in which the light travels
    sun_power: float = 4.5
    sky_power: float = 1.0


def courtyard(rng: np.random.Generator, frames: int, fps: float, movers: int = 1) -> Stage:
    """A walled yard in an old town, arranged by hand: the sample plate."""
    props.floor(60.0, "cobbles")
    ochre = props.Facade(7.4, 5.6, "plaster ochre", shutters="paint green", bays=3, door=1)
    rose = props.Facade(9.0, 6.2, "plaster rose", shutters="paint blue", bays=4, door=2)
    brick = props.Facade(9.0, 5.2, "brick red", "stone pale", "paint green", bays=4, door=1)
    props.house(ochre, (-2.2, 6.0), 0.0, rng)
    props.house(brick, (-5.6, 1.6), 0.5 * math.pi, rng)
    props.house(rose, (6.3, 3.0), -0.5 * math.pi, rng)
    props.wall_with_gate(5.0, 2.5, (4.0, 6.4), 0.0)
    far = props.Facade(12.0, 7.5, "plaster white", shutters="paint blue", bays=5, storeys=3)
    props.house(far, (5.0, 14.0), -0.1, rng)
    props.tree((4.3, 9.2), rng)
    props.well((0.35, 1.9))
    props.stall((4.35, 2.4), -0.62, "canvas red", rng)
    props.lantern((1.7, 4.5))
    props.bench((-2.9, 5.1), 0.0)
    for at, size, turn, wood in (
        ((-2.75, -0.4, 0.0), 0.85, 0.25, "planks raw"),
        ((-3.55, 0.35, 0.0), 0.95, -0.12, "planks grey"),
        ((-2.85, -0.33, 0.85), 0.6, -0.4, "planks raw"),
        ((3.1, -0.45, 0.0), 0.7, 0.5, "planks grey"),
        ((3.0, 0.55, 0.0), 0.55, 0.1, "planks raw"),
    ):
        props.crate(at, size, turn, wood)
    for at in ((-1.85, 0.1, 0.0), (-4.6, 3.6, 0.0), (3.75, 0.3, 0.0), (-4.55, 4.4, 0.0)):
        props.barrel(at)
    for x, y, size in (
        (-3.6, 5.5, 0.42),
        (-0.9, 5.6, 0.4),
        (0.75, 5.5, 0.5),
        (5.7, 4.7, 0.45),
        (-1.95, -1.2, 0.3),
    ):
        props.plant((x, y, 0.0), rng, size)
    props.sign((-5.58, -0.95, 1.75), 0.5 * math.pi, "print warm", (0.9, 1.25))
    props.sign((0.85, 5.98, 1.55), 0.0, "print cold", (0.55, 0.8))
    cart = props.cart((0.0, 0.0), 0.0)
    path = motion.along([[-1.35, -6.7, 1.55], [-0.25, -6.1, 1.62], [0.85, -5.1, 1.72]], frames)
    target = motion.along([[0.1, 3.0, 1.65], [0.05, 3.0, 1.6], [-0.25, 3.0, 1.5]], frames)
    moves = [(cart, motion.slide([2.6, 3.85, 0.0], [-0.9, 3.75, 0.0], (3.1, 3.22), frames))]
    light = {"sun": (0.6, 0.62, -0.78), "sky_power": 2.8, "sun_power": 5.5}
    return Stage(motion.hand_held(path, target, fps, rng), moves[:movers], lens=27.0, **light)


LAYOUTS: dict[str, Callable[..., Stage]] = {"courtyard": courtyard}
