"""The sets: which things stand where, how the camera moves, where the light comes from.

A layout is a function of a random generator, the number of frames and the frame rate. It builds into the
open scene and returns a `Stage`. The same seed gives the same set. In a street and from the air a shot longer than
`USUAL` frames goes further, not slower.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import bpy
import numpy as np

from benchmarks.plates import motion, props, toys
from benchmarks.plates.motion import Move

USUAL = 48  # frames in which a camera goes the way that its layout gives it


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


WALLS = (
    "plaster ochre",
    "plaster rose",
    "plaster white",
    "plaster blue",
    "brick red",
    "brick yellow",
    "brick dark",
)
TRIMS = ("stone pale", "stone grey")
SHUTTERS = ("paint green", "paint blue", "planks grey", "planks dark")
SOLIDS = (
    "planks raw",
    "planks grey",
    "stone pale",
    "brick red",
    "print warm",
    "print cold",
    "iron teal",
    "iron red",
)


def random_front(rng: np.random.Generator, width: float) -> props.Facade:
    """A house front with materials, height and openings by chance."""
    bays = max(2, round(width / 2.1))
    storeys = int(rng.integers(2, 4))
    height = storeys * rng.uniform(2.6, 2.9)
    wall, trim, shutters = (str(rng.choice(names)) for names in (WALLS, TRIMS, SHUTTERS))
    return props.Facade(width, height, wall, trim, shutters, bays, storeys, int(rng.integers(bays)))


def scatter(rng: np.random.Generator, x: float, y: float) -> None:
    """One thing or a small heap of things, on the ground about a spot."""
    kind, turn = int(rng.integers(6)), float(rng.uniform(-0.6, 0.6))
    if kind <= 1:
        size = float(rng.uniform(0.5, 0.95))
        props.crate((x, y, 0.0), size, turn, str(rng.choice(["planks raw", "planks grey", "paint blue"])))
        if kind == 1:
            props.crate((x + 0.05, y, size), 0.65 * size, turn + 0.5)
    elif kind == 2:
        props.barrel((x, y, 0.0))
        props.barrel((x + 0.2, y + 0.75, 0.0), 0.8, 0.27)
    elif kind == 3:
        props.plant((x, y, 0.0), rng, float(rng.uniform(0.3, 0.5)))
    elif kind == 4:
        size = rng.uniform(0.4, 0.9, 3)
        props.block(tuple(size), (x, y, 0.0), turn, str(rng.choice(SOLIDS)))
        props.ball((x, y, float(size[2])), float(rng.uniform(0.15, 0.25)), str(rng.choice(SOLIDS)))
    else:
        props.bench((x, y), math.copysign(0.5 * math.pi, -x) + 0.3 * turn)


def rolling(rng: np.random.Generator, frames: int, start: np.ndarray, end: np.ndarray, radius: float) -> tuple:
    """A ball that rolls from `start` to `end`, and its move."""
    ball = props.ball((0.0, 0.0, 0.0), radius, str(rng.choice(["print warm", "print cold"])))
    return ball, motion.slide(start, end, (0.0, float(rng.uniform(-1.0, 1.0))), frames)


def further(frames: int) -> float:
    """How many times the usual way a shot goes on beyond it: 0 for a shot of the usual length or a shorter one."""
    return max(0.0, frames / USUAL - 1.0)


def street(rng: np.random.Generator, frames: int, fps: float, movers: int = 2) -> Stage:
    """A walk down a narrow street: strong parallax at the sides, far houses ahead, things in the way."""
    props.floor(120.0, "cobbles")
    for side in (-1, 1):
        y = -9.0
        while y < 24.0:
            width = float(rng.uniform(5.0, 8.0))
            place = (side * rng.uniform(3.9, 4.6), y + 0.5 * width)
            props.house(random_front(rng, width), place, -side * 0.5 * math.pi, rng)
            y += width
        for k in range(7):
            scatter(rng, side * rng.uniform(2.2, 3.1), -2.0 + 2.6 * k + rng.uniform(-0.6, 0.6))
        props.lantern((side * 3.3, float(rng.uniform(2.0, 9.0))))
    props.house(random_front(rng, 14.0), (0.0, 25.0), 0.0, rng)
    props.stall((float(rng.uniform(-1.4, -0.9)), 8.5), 0.4, "canvas red", rng)
    props.tree((float(rng.uniform(0.6, 1.6)), 14.0), rng)
    x = rng.uniform(-0.6, 0.6, 3)
    on = 2.6 * further(frames)  # metres that a long shot walks on; what moves ahead of the camera goes on with it
    path = motion.along([[x[0], -5.6, 1.6], [x[1], -4.4 + 0.5 * on, 1.7], [x[2] + 0.3, -3.0 + on, 1.6]], frames)
    target = motion.along([[-0.4, 8.0, 1.5], [0.0, 8.0 + 0.5 * on, 1.7], [0.5, 8.0 + on, 1.6]], frames)
    cart = props.cart((0.0, 0.0), 0.0)
    moves = [
        (cart, motion.slide([1.9, 2.6, 0.0], [-1.2, 3.4 + on, 0.0], (2.9, 2.7), frames)),
        rolling(rng, frames, np.array([-1.4, 0.2, 0.0]), np.array([0.9, 1.4 + on, 0.0]), 0.3),
    ]
    return Stage(motion.hand_held(path, target, fps, rng), moves[:movers], 26.0, (0.45, 0.5, -0.95), 5.0, 2.8)


def interior(rng: np.random.Generator, frames: int, fps: float, movers: int = 2) -> Stage:
    """A room built on a stage, open above: near surfaces on all sides, pictures, furniture."""
    props.floor(30.0, "parquet")
    wall = str(rng.choice(["plaster white", "plaster blue", "plaster rose"]))
    for centre, size in (((0.0, 4.1), (8.4, 0.2)), ((-4.1, 0.0), (0.2, 8.4)), ((4.1, 0.0), (0.2, 8.4))):
        props.block((*size, 3.0), (*centre, 0.0), 0.0, wall)
        props.block((size[0] + 0.06, size[1] + 0.06, 0.9), (*centre, 0.0), 0.0, "paint white")
    for k, x in enumerate((-2.9, -1.0, 0.9, 2.8)):
        picture = ("print warm", "print cold")[k % 2]
        size = (float(rng.uniform(0.7, 1.2)), float(rng.uniform(0.7, 1.2)))
        props.sign((x, 3.98, float(rng.uniform(1.7, 2.1))), 0.0, picture, size)
        props.sign((-3.98, x, 1.9), 0.5 * math.pi, picture, size[::-1])
        props.sign((3.98, x, 1.9), -0.5 * math.pi, picture, size)
    props.block((3.0, 2.2, 0.012), (0.0, 0.6, 0.0), float(rng.uniform(-0.2, 0.2)), "canvas blue")
    for x, y in ((-1.2, 0.8), (1.5, 1.6)):
        props.block((1.5, 0.9, 0.06), (x, y, 0.7), 0.0, "planks dark")
        for leg in ((-0.65, -0.35), (0.65, -0.35), (-0.65, 0.35), (0.65, 0.35)):
            props.block((0.08, 0.08, 0.7), (x + leg[0], y + leg[1], 0.0), 0.0, "planks dark")
        for _ in range(4):
            spot = (x + float(rng.uniform(-0.55, 0.55)), y + float(rng.uniform(-0.3, 0.3)), 0.76)
            size = tuple(rng.uniform(0.12, 0.38, 3))
            props.block(size, spot, float(rng.uniform(0, 3)), str(rng.choice(SOLIDS)))
    for x in (-3.4, -2.2, 2.3, 3.4):
        scatter(rng, x, float(rng.uniform(2.6, 3.3)))
        scatter(rng, x, float(rng.uniform(0.2, 1.4)))
    path = motion.along([[-1.7, -3.3, 1.6], [-0.4, -2.9, 1.65], [1.0, -2.9, 1.55]], frames)
    target = motion.along([[0.1, 2.0, 1.0], [0.0, 2.0, 1.1], [0.2, 2.0, 1.0]], frames)
    box = props.crate((0.0, 0.0, 0.0), 0.5, 0.0)
    moves = [
        rolling(rng, frames, np.array([-1.0, -0.5, 0.0]), np.array([1.0, 0.0, 0.0]), 0.22),
        (box, motion.slide([2.2, 0.1, 0.0], [1.4, 0.3, 0.0], (0.2, 0.9), frames)),
    ]
    return Stage(motion.hand_held(path, target, fps, rng), moves[:movers], 24.0, (-0.25, 0.45, -0.95), 3.6, 2.2)


def turntable(rng: np.random.Generator, frames: int, fps: float, movers: int = 0) -> Stage:
    """The camera goes round a heap of things: every pattern turns, and leaves behind an edge."""
    props.floor(30.0, "slabs")
    props.block((2.0, 2.0, 0.7), (0.0, 0.0, 0.0), 0.3, "stone pale")
    for k in range(14):
        angle, radius = 2.4 * k, 0.22 + 0.052 * k
        spot = (radius * math.cos(angle), radius * math.sin(angle), 0.7)
        size = tuple(rng.uniform(0.16, 0.5, 3))
        if k % 4 == 3:
            props.ball(spot, 0.5 * size[0], str(rng.choice(SOLIDS)))
        else:
            props.block(size, spot, float(rng.uniform(0, 3)), str(rng.choice(SOLIDS)))
    for k in range(10):
        angle = 2.0 * math.pi * k / 10 + float(rng.uniform(-0.2, 0.2))
        scatter(rng, 3.4 * math.cos(angle), 3.4 * math.sin(angle))
    for k in range(8):
        angle = 2.0 * math.pi * k / 8
        front = random_front(rng, 7.5)
        props.house(front, (9.0 * math.cos(angle), 9.0 * math.sin(angle)), angle - 0.5 * math.pi, rng)
    swing = np.linspace(-0.35, 0.35, frames) + float(rng.uniform(0.0, 2.0 * math.pi))
    path = np.stack([2.9 * np.cos(swing), 2.9 * np.sin(swing), np.linspace(1.7, 1.9, frames)], axis=1)
    target = np.tile([0.0, 0.0, 0.8], (frames, 1))
    moves = [rolling(rng, frames, np.array([1.6, -0.8, 0.0]), np.array([1.6, 0.8, 0.0]), 0.15)]
    camera = motion.hand_held(path, target, fps, rng, sway=0.006, shake=0.003)
    return Stage(camera, moves[:movers], 30.0, (0.3, 0.4, -0.95), 4.6, 2.6)


def aerial(rng: np.random.Generator, frames: int, fps: float, movers: int = 2) -> Stage:
    """A drone over a village: small parallax, much ground, patterns that all look alike."""
    props.floor(400.0, "grass")
    for row in range(6):
        for column in range(-4, 5):
            if rng.random() < 0.25:
                props.tree((13.0 * column, 13.0 * row), rng, float(rng.uniform(4.0, 8.0)), 900)
                continue
            place = (13.0 * column + float(rng.uniform(-2, 2)), 13.0 * row + float(rng.uniform(-2, 2)))
            front = random_front(rng, float(rng.uniform(6.0, 10.0)))
            props.house(front, place, float(rng.uniform(-0.5, 0.5)), rng)
    for _ in range(40):
        scatter(rng, float(rng.uniform(-35, 35)), float(rng.uniform(-12, 40)))
    on = 9.0 * further(frames)  # metres that a long shot flies on
    path = motion.along([[-6.0, -26.0, 22.0], [-1.0, -22.0 + 0.5 * on, 23.0], [3.0, -17.0 + on, 25.0]], frames)
    target = motion.along([[0.0, 14.0, 0.0], [1.0, 17.0 + 0.5 * on, 0.0], [1.5, 20.0 + on, 0.0]], frames)
    moves = []
    for y, speed in ((6.5, 7.0), (19.5, -9.0)):
        wagon = props.block((4.2, 1.9, 1.7), (0.0, 0.0, 0.0), 0.0, str(rng.choice(SOLIDS)))
        way = speed * (1.0 + further(frames))
        moves.append((wagon, motion.slide([-way, y, 0.0], [way, y, 0.0], (0.0, 0.1), frames)))
    camera = motion.hand_held(path, target, fps, rng, sway=0.15, shake=0.002)
    return Stage(camera, moves[:movers], 26.0, (0.5, 0.5, -0.75), 4.8, 2.4)


PLAIN = (
    *WALLS[:3],
    "brick red",
    "brick yellow",
    "stone pale",
    "stone grey",
    "planks raw",
    "planks grey",
    "print warm",
    "print cold",
    "iron teal",
    "iron red",
    "canvas red",
)


def solids(rng: np.random.Generator, frames: int, fps: float, movers: int = 2, posts: int = 0) -> Stage:
    """Plain boxes and balls that stand about on a square: large smooth faces, few small parts, edges in mid-air."""
    props.floor(80.0, "cobbles")
    for _ in range(55):
        x, y = rng.uniform(-7.0, 7.0), rng.uniform(0.0, 14.0)
        size, name = rng.uniform(0.3, 1.6, 3), str(rng.choice(PLAIN))
        if rng.random() < 0.3:
            props.ball((x, y, 0.0), float(0.6 * size[0]), name)
        else:
            props.block(tuple(size), (x, y, 0.0), float(rng.uniform(0.0, math.pi)), name)
    for k in range(9):  # what the square ends at
        size = (rng.uniform(2.0, 4.0), 0.5, rng.uniform(2.0, 5.0))
        place = (3.5 * k - 14.0, 15.0 + rng.uniform(-1.0, 1.0), 0.0)
        props.block(size, place, float(rng.uniform(-0.3, 0.3)), str(rng.choice(PLAIN)))
    for _ in range(posts):
        place = (rng.uniform(-1.6, 1.6), rng.uniform(-4.2, -2.2), 0.0)
        props.block((0.12, 0.12, 3.0), place, float(rng.uniform(0.0, math.pi)), str(rng.choice(PLAIN)))
    x, way = rng.uniform(-1.5, 1.5), rng.choice([-1.0, 1.0]) * rng.uniform(0.8, 1.6)
    path = motion.along([[x, -7.0, 1.6], [x + 0.5 * way, -6.3, 1.7], [x + way, -5.4, 1.75]], frames)
    target = motion.along([[0.0, 4.0, 0.8], [0.1 * way, 4.0, 0.8], [-0.2 * way, 4.0, 0.7]], frames)
    box = props.block((0.8, 0.8, 0.9), (0.0, 0.0, 0.0), 0.0, "print warm")
    moves = [
        rolling(rng, frames, np.array([2.5, 1.0, 0.0]), np.array([-1.0, 0.5, 0.0]), 0.4),
        (box, motion.slide([-3.0, 2.5, 0.0], [-0.5, 3.0, 0.0], (0.0, 1.2), frames)),
    ]
    return Stage(motion.hand_held(path, target, fps, rng), moves[:movers], float(rng.uniform(26.0, 35.0)))


def posts(rng: np.random.Generator, frames: int, fps: float, movers: int = 2) -> Stage:
    """The same kind of square, seen past near posts: what is behind them is hidden and comes back."""
    return solids(rng, frames, fps, movers, posts=5)


def toys_about(
    rng: np.random.Generator, frames: int, fps: float, movers: int = 2, *, way: str = "arc", ground: str = "noise",
    textures: Sequence[str] = toys.TEXTURES, near: int = 0,
) -> Stage:  # fmt: skip
    """Primitives in procedural textures, as anybody would make a plate (`toys`)."""
    toys.room_of_toys(rng, textures, ground, near)
    path, target = toys.way(way, rng.uniform(-2, 2), frames)
    moves = toys.movers(rng, textures, frames)
    camera = motion.hand_held(path, target, fps, rng)
    return Stage(camera, moves[:movers], float(rng.uniform(24, 40)), (0.4, 0.5, -0.8), 4.0, 1.5)


LAYOUTS: dict[str, Callable[..., Stage]] = {
    "courtyard": courtyard,
    "street": street,
    "interior": interior,
    "turntable": turntable,
    "aerial": aerial,
    "solids": solids,
    "posts": posts,
    "toys-arc": toys_about,
    "toys-push": partial(toys_about, way="push", ground="checker"),
    "toys-crane": partial(toys_about, way="crane", ground="voronoi", near=6),
    "toys-orbit": partial(toys_about, way="orbit", ground="brick"),
    "toys-checks": partial(toys_about, ground="checker", textures=("checker", "brick")),
}
