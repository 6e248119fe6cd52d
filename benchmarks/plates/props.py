"""Things to put on a set: facades, crates, barrels, a well, a cart, plants, furniture.

Each function makes one or a few Blender objects on the spot that it is given and returns the main one. A
facade looks along -y in its own coordinates; everything stands on z = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import bpy
import numpy as np

from benchmarks.plates.materials import material
from benchmarks.plates.meshes import Mesh

Object = bpy.types.Object


@dataclass(frozen=True)
class Facade:
    """One house front: its size in metres, its materials, and how many windows a storey has."""

    width: float
    height: float
    wall: str
    trim: str = "stone pale"
    shutters: str = "paint green"
    bays: int = 3
    storeys: int = 2
    door: int | None = 0
    depth: float = 4.0


def house(front: Facade, at: tuple[float, float], turn: float, rng: np.random.Generator) -> Object:
    """A house whose front's foot is centred on `at`, the front looking along -y turned by `turn`."""
    mesh = Mesh()
    mesh.box((0, 0.5 * front.depth, 0.5 * front.height), (front.width, front.depth, front.height), front.wall)
    mesh.box((0, -0.03, 0.3), (front.width + 0.02, 0.06, 0.6), "stone grey")
    mesh.box((0, -0.06, front.height + 0.06), (front.width + 0.2, 0.34, 0.14), front.trim)
    mesh.box((0, -0.1, front.height + 0.17), (front.width + 0.3, 0.5, 0.08), front.trim)
    storey = front.height / front.storeys
    step = front.width / front.bays
    for level in range(front.storeys):
        floor_z = level * storey
        if level:
            mesh.box((0, -0.04, floor_z), (front.width + 0.02, 0.1, 0.13), front.trim)
        for bay in range(front.bays):
            x = (bay + 0.5) * step - 0.5 * front.width
            if level == 0 and bay == front.door:
                door(mesh, x, front)
            else:
                window(mesh, x, floor_z + 0.42 * storey, 0.36 * step, 0.46 * storey, front, rng)
    roof(mesh, front)
    return mesh.build("house", material, (*at, 0.0), turn)


def window(
    mesh: Mesh, x: float, sill: float, width: float, height: float, front: Facade, rng: np.random.Generator
) -> None:
    """A sash window with stone surround, glazing bars and shutters, on the plane y = 0."""
    centre = sill + 0.5 * height
    mesh.box((x, -0.012, centre), (width, 0.02, height), "glass")
    for side in (-1, 1):
        mesh.box((x + side * 0.5 * (width + 0.13), -0.05, centre), (0.13, 0.1, height + 0.26), front.trim)
        mesh.box((x + side * 0.5 * (width - 0.05), -0.03, centre), (0.05, 0.05, height), "paint white")
    mesh.box((x, -0.05, sill + height + 0.09), (width + 0.36, 0.12, 0.18), front.trim)
    mesh.box((x, -0.1, sill - 0.05), (width + 0.4, 0.22, 0.1), front.trim)
    mesh.box((x, -0.03, centre), (0.035, 0.04, height), "paint white")
    for share in (0.33, 0.67):
        mesh.box((x, -0.03, sill + share * height), (width, 0.04, 0.03), "paint white")
    leaf = 0.5 * width
    for side in (-1, 1):
        opening = rng.uniform(0.06, 0.55)
        hinge = x + side * 0.5 * (width + 0.26)
        middle = (
            hinge + side * 0.5 * leaf * math.cos(opening),
            -0.05 - 0.5 * leaf * math.sin(opening),
            centre,
        )
        mesh.box(middle, (leaf, 0.035, height), front.shutters, turn=-side * opening)
        for share in (0.15, 0.5, 0.85):
            spot = (middle[0], middle[1] - 0.025, sill + share * height)
            mesh.box(spot, (0.96 * leaf, 0.03, 0.07), front.shutters, turn=-side * opening)


def door(mesh: Mesh, x: float, front: Facade, width: float = 1.0, height: float = 1.9) -> None:
    """A plank door under a stone arch, with two steps."""
    mesh.box((x, -0.02, 0.5 * height), (width, 0.05, height), "planks dark")
    for share in (0.2, 0.75):
        mesh.box((x, -0.055, share * height), (0.94 * width, 0.02, 0.05), "iron")
    mesh.ball((x + 0.38 * width, -0.09, 0.5 * height), 0.045, "iron", 12)
    for side in (-1, 1):
        mesh.box((x + side * (0.5 * width + 0.09), -0.06, 0.5 * height), (0.18, 0.14, height), front.trim)
    mesh.arch((x, -0.06, height), width, 0.42, 0.14, front.trim)
    angles = np.linspace(0.0, math.pi, 13)
    light = np.stack([0.5 * width * np.cos(angles), 0.0 * angles, 0.42 * np.sin(angles)], axis=1)
    mesh.polygons(light + np.array([x, -0.01, height]), [range(12, -1, -1)], "glass")
    mesh.box((x, -0.2, 0.08), (width + 0.5, 0.5, 0.16), "stone grey")


def roof(mesh: Mesh, front: Facade, rise: float = 1.1) -> None:
    """A tiled roof that rises from the eaves to the ridge."""
    x, eave, back = 0.5 * front.width + 0.15, -0.35, 0.5 * front.depth
    low, high = front.height + 0.2, front.height + 0.2 + rise
    corners = [[-x, eave, low], [x, eave, low], [x, back, high], [-x, back, high]]
    mesh.polygons(np.array(corners), [(0, 1, 2, 3)], "tiles")
    far = [[-x, back, high], [x, back, high], [x, 2 * back, low], [-x, 2 * back, low]]
    mesh.polygons(np.array(far), [(0, 1, 2, 3)], "tiles")


def wall_with_gate(width: float, height: float, at: tuple[float, float], turn: float, gap: float = 2.2) -> Object:
    """A high brick wall with an arched gate in its middle."""
    mesh = Mesh()
    side = 0.5 * (width - gap)
    for sign in (-1, 1):
        x = sign * 0.5 * (gap + side)
        mesh.box((x, 0.0, 0.5 * height), (side, 0.5, height), "brick yellow")
        mesh.box((x, 0.0, height + 0.06), (side + 0.1, 0.64, 0.12), "stone pale")
        mesh.box((sign * 0.5 * (gap + 0.34), 0.0, 0.5 * (height + 0.5)), (0.42, 0.66, height + 0.5), "stone pale")
        mesh.ball((sign * 0.5 * (gap + 0.34), 0.0, height + 0.72), 0.25, "stone grey", 20)
    mesh.arch((0.0, 0.0, 2.1), gap, 0.75, 0.5, "stone pale", 0.3)
    return mesh.build("gate", material, (*at, 0.0), turn)


def crate(at: tuple[float, float, float], size: float, turn: float, wood: str = "planks raw") -> Object:
    """A slatted crate with corner battens and diagonal braces."""
    mesh, half, bar = Mesh(), 0.5 * size, 0.11 * size
    mesh.box((0, 0, half), (0.96 * size, 0.96 * size, 0.96 * size), wood)
    for x in (-1, 1):
        for y in (-1, 1):
            mesh.box((x * (half - 0.5 * bar), y * half, half), (bar, 0.05 * size, size), "planks grey")
            mesh.box((x * half, y * (half - 0.5 * bar), half), (0.05 * size, bar, size), "planks grey")
    for z in (0.5 * bar, size - 0.5 * bar):
        for sign in (-1, 1):
            mesh.box((0, sign * half, z), (size - 2 * bar, 0.05 * size, bar), "planks grey")
            mesh.box((sign * half, 0, z), (0.05 * size, size - 2 * bar, bar), "planks grey")
    return mesh.build("crate", material, at, turn, bevel=0.006)


def barrel(at: tuple[float, float, float], height: float = 0.95, radius: float = 0.31) -> Object:
    """An oak barrel with iron hoops."""
    mesh = Mesh()
    shape = [(radius * (0.84 + 0.16 * math.sin(math.pi * t)), t * height) for t in np.linspace(0.0, 1.0, 9)]
    mesh.tube((0, 0, 0), shape, "planks dark", 28)
    for share in (0.08, 0.3, 0.7, 0.92):
        hoop = radius * (0.84 + 0.16 * math.sin(math.pi * share)) + 0.012
        mesh.tube((0, 0, share * height - 0.025), [(hoop, 0.0), (hoop, 0.05)], "iron", 28)
    return mesh.build("barrel", material, at)


def well(at: tuple[float, float]) -> Object:
    """A round stone well with a tiled roof, a beam, a rope and a bucket."""
    mesh = Mesh()
    for course in range(4):
        for k in range(14):
            angle = 2.0 * math.pi * (k + 0.5 * (course % 2)) / 14
            spot = (0.72 * math.cos(angle), 0.72 * math.sin(angle), 0.11 + 0.21 * course)
            mesh.box(spot, (0.24, 0.31, 0.2), "stone pale" if (k + course) % 3 else "stone grey", turn=angle)
    mesh.tube((0, 0, 0.84), [(0.9, 0.0), (0.9, 0.08)], "stone grey", 14)
    mesh.tube((0, 0, 0.925), [(0.58, 0.0), (0.58, 0.002)], "glass", 28)
    for sign in (-1, 1):
        mesh.box((sign * 0.72, 0, 1.45), (0.12, 0.12, 1.2), "planks dark")
        slope = np.array([[-1.0, sign * 0.75, 1.95], [1.0, sign * 0.75, 1.95], [1.0, 0, 2.5], [-1.0, 0, 2.5]])
        mesh.polygons(slope, [(0, 1, 2, 3) if sign < 0 else (3, 2, 1, 0)], "tiles")
        mesh.polygons(slope - [0, 0, 0.05], [(3, 2, 1, 0) if sign < 0 else (0, 1, 2, 3)], "planks grey")
    mesh.tube((-0.85, 0, 1.75), [(0.07, 0.0), (0.07, 1.7)], "planks raw", 12, axis="x")
    mesh.tube((0, 0, 1.3), [(0.015, 0.0), (0.015, 0.45)], "sack", 8)
    mesh.tube((0, 0, 1.05), [(0.1, 0.0), (0.14, 0.26)], "planks grey", 16)
    return mesh.build("well", material, (*at, 0.0), 0.35)


def stall(at: tuple[float, float], turn: float, cloth: str, rng: np.random.Generator) -> Object:
    """A market stall: table, striped awning, trays of fruit."""
    mesh = Mesh()
    mesh.box((0, 0, 0.82), (2.2, 0.95, 0.07), "planks raw")
    mesh.box((0, -0.44, 0.45), (2.1, 0.03, 0.66), "paint blue")
    for x in (-1.02, 1.02):
        for y, top in ((-0.45, 1.95), (0.42, 2.35)):
            mesh.box((x, y, 0.5 * top), (0.07, 0.07, top), "planks grey")
    slope = np.array([[-1.3, -0.85, 1.86], [1.3, -0.85, 1.86], [1.3, 0.55, 2.42], [-1.3, 0.55, 2.42]])
    mesh.polygons(slope, [(0, 1, 2, 3)], cloth)
    mesh.polygons(slope - [0, 0, 0.012], [(3, 2, 1, 0)], cloth)
    mesh.box((0, -0.86, 1.76), (2.6, 0.015, 0.22), cloth)
    for k in range(4):
        x = -0.82 + 0.55 * k
        mesh.box((x, -0.05, 0.9), (0.48, 0.7, 0.1), "planks dark")
        for _ in range(36):
            spot = (
                x + rng.uniform(-0.18, 0.18),
                -0.05 + rng.uniform(-0.28, 0.28),
                0.96 + rng.uniform(0.0, 0.07),
            )
            mesh.ball(spot, 0.055, "fruit" if k % 2 else "leaves", 10)
    return mesh.build("stall", material, (*at, 0.0), turn)


def cart(at: tuple[float, float], turn: float) -> Object:
    """A two-wheeled hand cart with sacks: the thing that moves."""
    mesh = Mesh()
    mesh.box((0, 0, 0.62), (1.5, 0.8, 0.06), "planks raw")
    for sign in (-1, 1):
        mesh.box((0, sign * 0.41, 0.8), (1.5, 0.04, 0.34), "paint green")
        mesh.box((sign * 0.76, 0, 0.8), (0.04, 0.84, 0.34), "paint green")
        mesh.box((-1.15, sign * 0.3, 0.66), (0.95, 0.06, 0.06), "planks dark")
        mesh.tube((0, sign * 0.47 - 0.03, 0.4), [(0.4, 0.0), (0.4, 0.06)], "iron", 28, axis="y")
        mesh.tube((0, sign * 0.47 - 0.04, 0.4), [(0.35, 0.0), (0.35, 0.08)], "planks grey", 28, axis="y")
        mesh.tube((0, sign * 0.47 - 0.06, 0.4), [(0.08, 0.0), (0.08, 0.12)], "iron", 14, axis="y")
    for x, y, radius in ((-0.4, -0.1, 0.3), (0.1, 0.12, 0.32), (0.48, -0.08, 0.28)):
        mesh.tube((x, y, 0.65), [(radius, 0), (1.08 * radius, 0.2), (0.8 * radius, 0.45), (0.2, 0.52)], "sack", 20)
    mesh.box((0.1, -0.44, 0.82), (0.7, 0.02, 0.24), "print warm")
    return mesh.build("cart", material, (*at, 0.0), turn)


def plant(at: tuple[float, float, float], rng: np.random.Generator, size: float = 0.45, flowers: bool = True) -> Object:
    """A clay pot with a bush in it."""
    mesh = Mesh()
    mesh.tube((0, 0, 0), [(0.16, 0), (0.22, 0.28), (0.25, 0.28), (0.25, 0.34)], "clay", 24)
    foliage(mesh, np.array([0.0, 0.0, 0.34 + 0.7 * size]), size, 700, 0.05, "leaves", rng)
    if flowers:
        foliage(mesh, np.array([0.0, 0.0, 0.36 + 0.75 * size]), 1.02 * size, 70, 0.035, "flowers", rng)
    return mesh.build("plant", material, at)


def tree(at: tuple[float, float], rng: np.random.Generator, height: float = 5.5, leaves: int = 5000) -> Object:
    """A small broad-leaved tree."""
    mesh = Mesh()
    mesh.tube((0, 0, 0), [(0.2, 0), (0.15, 0.9), (0.12, 0.5 * height), (0.05, 0.8 * height)], "planks dark", 14)
    for _ in range(9):
        centre = np.array([rng.normal(0, 0.75), rng.normal(0, 0.75), height * rng.uniform(0.6, 0.95)])
        foliage(mesh, centre, rng.uniform(0.6, 1.05), leaves // 9, 0.095, "leaves", rng)
    return mesh.build("tree", material, (*at, 0.0))


def foliage(
    mesh: Mesh,
    centre: np.ndarray,
    radius: float,
    count: int,
    leaf: float,
    name: str,
    rng: np.random.Generator,
) -> None:
    """Leaves around a point, thickest near the surface of a ball."""
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    distance = radius * rng.uniform(0.2, 1.0, (count, 1)) ** 0.4
    mesh.scattered(centre + direction * distance * [1.0, 1.0, 0.85], leaf, name, rng)


def lantern(at: tuple[float, float], height: float = 3.1) -> Object:
    """A street lamp."""
    mesh = Mesh()
    mesh.tube((0, 0, 0), [(0.14, 0), (0.12, 0.3), (0.055, 0.45), (0.045, height)], "iron", 16)
    mesh.tube((0, 0, height), [(0.1, 0), (0.19, 0.36)], "glass", 6)
    mesh.tube((0, 0, height + 0.36), [(0.24, 0), (0.05, 0.2), (0.03, 0.3)], "iron teal", 6)
    return mesh.build("lantern", material, (*at, 0.0))


def bench(at: tuple[float, float], turn: float) -> Object:
    """A garden bench: iron legs, wooden slats."""
    mesh = Mesh()
    for x in (-0.65, 0.65):
        mesh.box((x, 0, 0.22), (0.06, 0.42, 0.44), "iron")
        mesh.box((x, 0.2, 0.62), (0.06, 0.05, 0.5), "iron")
    for k in range(4):
        mesh.box((0, -0.18 + 0.12 * k, 0.46), (1.5, 0.09, 0.035), "planks raw")
    for k in range(3):
        mesh.box((0, 0.22, 0.6 + 0.12 * k), (1.5, 0.03, 0.09), "planks raw")
    return mesh.build("bench", material, (*at, 0.0), turn)


def sign(at: tuple[float, float, float], turn: float, picture: str, size: tuple[float, float]) -> Object:
    """A framed poster or painting, its back at `at`."""
    mesh = Mesh()
    mesh.box((0, -0.02, 0), (size[0], 0.02, size[1]), picture)
    for side in (-1, 1):
        mesh.box((side * 0.5 * size[0], -0.025, 0), (0.05, 0.05, size[1] + 0.05), "planks dark")
        mesh.box((0, -0.025, side * 0.5 * size[1]), (size[0] + 0.05, 0.05, 0.05), "planks dark")
    return mesh.build("sign", material, at, turn)


def block(size: tuple[float, float, float], at: tuple[float, float, float], turn: float, name: str) -> Object:
    """One solid of one material: the plain filler of a set, its foot's middle at `at`."""
    mesh = Mesh().box((0, 0, 0.5 * size[2]), size, name)
    return mesh.build("block", material, at, turn, bevel=0.01)


def ball(at: tuple[float, float, float], radius: float, name: str) -> Object:
    """A sphere that rests on `at`."""
    return Mesh().ball((0, 0, radius), radius, name, 40).build("ball", material, at)


def floor(size: float, name: str) -> Object:
    """The ground: a square of that edge length."""
    half = 0.5 * size
    corners = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]], float)
    return Mesh().polygons(corners, [(0, 1, 2, 3)], name).build("ground", material)
