"""Sets of Blender's own primitives in its own procedural textures, before a wall, as anybody would make them.

Checks, bricks, cells, noise, waves: flat faces whose corners are crossings of two edges, patterns that repeat, and in
the shadows much grain of few samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import bpy
import numpy as np

from benchmarks.plates import motion
from benchmarks.plates.materials import Graph
from benchmarks.plates.motion import Move

TEXTURES = ("checker", "brick", "voronoi", "noise", "magic", "wave")
_SHAPES = ("cube", "ball", "can", "cone", "torus", "monkey", "cube", "cube")


def painted(kind: str, rng: np.random.Generator) -> bpy.types.Material:
    """A matt material of one of `TEXTURES`, its size and colours by chance."""
    g = Graph(kind)
    inputs = {"Vector": g.output("TexCoord", "Object"), "Scale": float(rng.uniform(3, 12))}

    def colour() -> tuple[float, float, float]:
        return tuple(rng.uniform(0.05, 0.9, 3))

    if kind == "checker":
        seen = g.output("TexChecker", 0, inputs | {name: colour() for name in ("Color1", "Color2")})
    elif kind == "brick":
        seen = g.output("TexBrick", 0, inputs | {name: colour() for name in ("Color1", "Color2", "Mortar")})
    elif kind == "voronoi":
        seen = g.output("TexVoronoi", "Color", inputs)
    elif kind == "noise":
        seen = _through_three(g, g.output("TexNoise", 0, inputs | {"Detail": 8.0}), [colour() for _ in range(3)])
    elif kind == "magic":
        seen = g.output("TexMagic", 0, inputs, turbulence_depth=3)
    else:
        inputs |= {"Scale": inputs["Scale"] / 2, "Distortion": 8.0, "Detail": 3.0}
        seen = _through_three(g, g.output("TexWave", "Fac", inputs), [colour() for _ in range(3)])
    g.node("OutputMaterial", {"Surface": g.output("BsdfPrincipled", 0, {"Base Color": seen, "Roughness": 0.8})})
    return g.material


def _through_three(g: Graph, value: bpy.types.NodeSocket, colours: list[tuple[float, float, float]]) -> object:
    """Colours of a value: those of 0, of 1 and of a half."""
    ramp = g.node("ValToRGB", {0: value})
    for place, colour in enumerate(colours[:2]):
        ramp.color_ramp.elements[place].color = (*colour, 1.0)
    ramp.color_ramp.elements.new(0.5).color = (*colours[2], 1.0)
    return ramp.outputs[0]


def toy(rng: np.random.Generator, shape: str, at: Sequence[float], size: float, texture: str) -> bpy.types.Object:
    """A primitive, turned by chance; a can stands."""
    add = bpy.ops.mesh
    if shape == "cube":
        add.primitive_cube_add(size=size, location=at)
    elif shape == "ball":
        add.primitive_uv_sphere_add(radius=size / 2, location=at, segments=48, ring_count=24)
        bpy.ops.object.shade_smooth()
    elif shape == "can":
        add.primitive_cylinder_add(radius=size / 2.5, depth=size, location=at)
    elif shape == "cone":
        add.primitive_cone_add(radius1=size / 2, depth=size, location=at)
    elif shape == "torus":
        add.primitive_torus_add(major_radius=size / 2, minor_radius=size / 5, location=at)
    else:
        add.primitive_monkey_add(size=size, location=at)
    thing = bpy.context.object
    thing.rotation_euler = (0, 0, 0) if shape == "can" else rng.uniform(0, 6.3, 3)
    thing.data.materials.append(painted(texture, rng))
    return thing


def room_of_toys(rng: np.random.Generator, textures: Sequence[str], ground: str, near: int) -> None:
    """Sixty of them on a plane, `near` cans close to the camera, and a wall behind."""
    bpy.ops.mesh.primitive_plane_add(size=120)
    bpy.context.object.data.materials.append(painted(ground, rng))
    for _ in range(60):
        size, x, y = float(rng.uniform(0.5, 1.8)), rng.uniform(-9, 9), rng.uniform(0, 18)
        shape = str(rng.choice(_SHAPES))
        z = size / 2 + float(rng.uniform(0, 1.5)) * (rng.random() < 0.3)
        toy(rng, shape, (x, y, z), size, str(rng.choice(textures)))
    for _ in range(near):
        at, size = (rng.uniform(-2, 2), rng.uniform(-4.5, -2.5), 0.5), float(rng.uniform(0.3, 0.6))
        toy(rng, "can", at, size, str(rng.choice(textures)))
    bpy.ops.mesh.primitive_plane_add(size=60, location=(0, 22, 0), rotation=(math.pi / 2, 0, 0))
    bpy.context.object.data.materials.append(painted(str(rng.choice(textures)), rng))


def movers(rng: np.random.Generator, textures: Sequence[str], frames: int) -> list[tuple[bpy.types.Object, Move]]:
    """A cube and a ball that cross each other's way."""
    cube = toy(rng, "cube", (0, 0, 0.5), 1.0, str(rng.choice(textures)))
    ball = toy(rng, "ball", (0, 0, 0.5), 0.9, str(rng.choice(textures)))
    return [
        (cube, motion.slide([-3.0, 1.5, 0.5], [2.0, 2.5, 0.5], (0, 1.5), frames)),
        (ball, motion.slide([3.0, 4.0, 0.5], [-2.5, 3.0, 0.5], (0, 0.5), frames)),
    ]


def way(kind: str, x: float, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the camera is, and what it looks at, (frames, 3) each: an "arc", a "push", a "crane" or an "orbit"."""
    if kind == "orbit":
        angle = np.linspace(-0.45, 0.45, frames) - math.pi / 2
        path = np.stack([12 * np.cos(angle), 8 + 13 * np.sin(angle), np.full(frames, 2.5)], axis=1)
        return path, np.tile([0, 7.0, 0.8], (frames, 1))
    path, target = {
        "arc": ([[x - 1.5, -7, 1.6], [x, -6.4, 2], [x + 1.5, -6.5, 2.4]], [[0, 5, 0.8], [0.2, 5, 0.8], [0.4, 5, 0.7]]),
        "push": (
            [[x, -8, 1.7], [x + 0.2, -6.5, 1.7], [x + 0.3, -4.8, 1.7]],
            [[0, 8, 1.2], [0.2, 8, 1.2], [0.3, 8, 1.2]],
        ),
        "crane": ([[x, -7, 0.6], [x + 0.2, -7, 2], [x + 0.3, -7.2, 3.8]], [[0, 5, 0.8], [0.2, 5, 0.8], [0.3, 5, 0.6]]),
    }[kind]
    return motion.along(path, frames), motion.along(target, frames)
