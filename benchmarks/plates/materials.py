"""Procedural materials: brick, plaster, cobbles, planks, stone, metal, cloth, leaves.

Textures live on UV coordinates in metres (`meshes.Mesh`), so they stick to their object when it moves, and
their detail goes down to about a millimetre: sharp features at every distance.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import bpy

Colour = tuple[float, float, float]
Socket = Any


class Graph:
    """A material's node tree, written as nested calls; each returns the socket to plug into the next."""

    def __init__(self, name: str) -> None:
        """Start a material of that name; the name also shifts its patterns."""
        self.material = bpy.data.materials.new(name)
        self.tree = self.material.node_tree
        self.tree.nodes.clear()
        self.offset = (zlib.crc32(name.encode()) % 997) * 1.7
        self.uv = self.output("TexCoord", "UV")

    def node(self, kind: str, inputs: dict[str | int, object] | None = None, **settings: object) -> Any:
        """Make a node; `inputs` are constants or sockets by name or index, `settings` its properties."""
        node = self.tree.nodes.new("ShaderNode" + kind)
        for key, value in settings.items():
            setattr(node, key, value)
        for key, value in (inputs or {}).items():
            socket = node.inputs[key]
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, socket)
            elif isinstance(value, tuple) and len(value) == 3 and socket.type == "RGBA":
                socket.default_value = (*value, 1.0)
            else:
                socket.default_value = value
        return node

    def output(self, kind: str, name: str | int, inputs: dict | None = None, **settings: object) -> Socket:
        """Make a node and return one of its outputs."""
        return self.node(kind, inputs, **settings).outputs[name]

    def scaled(self, x: float, y: float, z: float = 1.0) -> Socket:
        """UV stretched by a factor per axis, shifted so that no two materials share a pattern."""
        inputs = {"Vector": self.uv, "Scale": (x, y, z), "Location": (self.offset, 0.37 * self.offset, 0.0)}
        return self.output("Mapping", "Vector", inputs)

    def noise(self, scale: float, detail: float = 4.0, where: Socket = None, roughness: float = 0.6) -> Socket:
        """Fractal noise in 0..1, `scale` cycles a metre."""
        where = where if where is not None else self.scaled(1.0, 1.0)
        inputs = {"Vector": where, "Scale": scale, "Detail": detail, "Roughness": roughness}
        return self.output("TexNoise", "Factor", inputs)

    def step(self, value: Socket, low: float, high: float) -> Socket:
        """Smooth step: 0 below `low`, 1 above `high`."""
        inputs = {"Value": value, "From Min": low, "From Max": high}
        return self.output("MapRange", "Result", inputs, interpolation_type="SMOOTHSTEP")

    def mix(self, factor: Socket | float, a: Socket | Colour, b: Socket | Colour, blend: str = "MIX") -> Socket:
        """Blend of two colours."""
        return self.output("MixRGB", 0, {0: factor, 1: a, 2: b}, blend_type=blend)

    def math(self, operation: str, a: Socket | float, b: Socket | float = 0.0) -> Socket:
        """Arithmetic on numbers."""
        return self.output("Math", 0, {0: a, 1: b}, operation=operation)

    def shade(self, colour: Socket | Colour, amount: float, scale: float, detail: float = 3.0) -> Socket:
        """Darken and lighten `colour` by noise: what keeps a wall from looking painted by a computer."""
        value = self.noise(scale, detail)
        low, high = max(0.0, 1.0 - amount), 1.0 + amount
        inputs = {"Value": value, "From Min": 0.3, "From Max": 0.7, "To Min": low, "To Max": high}
        factor = self.output("MapRange", "Result", inputs)
        return self.mix(1.0, colour, self.output("CombineColor", 0, {0: factor, 1: factor, 2: factor}), "MULTIPLY")

    def finish(
        self,
        colour: Socket | Colour,
        height: Socket = None,
        depth: float = 0.01,
        roughness: float = 0.8,
        metallic: float = 0.0,
    ) -> bpy.types.Material:
        """Close the graph: a principled surface of that colour, bumped by `height` times `depth` metres."""
        inputs: dict[str | int, object] = {"Base Color": colour, "Roughness": roughness, "Metallic": metallic}
        inputs["Specular IOR Level"] = 0.3
        if height is not None:
            inputs["Normal"] = self.output("Bump", 0, {"Height": height, "Distance": depth, "Strength": 0.8})
        surface = self.output("BsdfPrincipled", 0, inputs)
        self.node("OutputMaterial", {"Surface": surface})
        return self.material


def brick(g: Graph, a: Colour, b: Colour, mortar: Colour, width: float = 0.23, row: float = 0.075) -> tuple:
    """Colour and height of a bond of bricks."""
    warp = g.mix(0.012, g.uv, g.output("TexNoise", "Color", {"Vector": g.scaled(1, 1), "Scale": 7.0}))
    inputs = {"Vector": warp, "Color1": a, "Color2": b, "Mortar": mortar, "Scale": 1.0, "Mortar Size": 0.007}
    inputs |= {"Mortar Smooth": 0.25, "Brick Width": width, "Row Height": row, "Bias": -0.1}
    node = g.node("TexBrick", inputs)
    colour = g.shade(g.shade(g.shade(node.outputs["Color"], 0.25, 45.0), 0.45, 2.2), 0.3, 190.0)
    rough = g.math("MULTIPLY", g.noise(90.0), 0.35)
    return colour, g.math("SUBTRACT", rough, node.outputs["Factor"])


def make_brick(name: str, a: Colour, b: Colour, mortar: Colour = (0.42, 0.37, 0.31)) -> bpy.types.Material:
    """A brick wall."""
    g = Graph(name)
    return g.finish(*brick(g, a, b, mortar), depth=0.012, roughness=0.9)


def make_plaster(name: str, colour: Colour, peeled: float = 0.36) -> bpy.types.Material:
    """Old plaster: stained, cracked, and fallen off in places so that the bricks show."""
    g = Graph(name)
    bricks, brick_height = brick(g, (0.33, 0.13, 0.075), (0.45, 0.21, 0.12), (0.45, 0.4, 0.34))
    skin = g.shade(g.shade(g.shade(colour, 0.22, 1.1), 0.16, 16.0), 0.22, 120.0)
    streaks = g.step(g.noise(1.0, 4.0, g.scaled(5.5, 0.5)), 0.56, 0.74)
    skin = g.mix(g.math("MULTIPLY", streaks, 0.45), skin, (0.16, 0.13, 0.1))
    wobble = g.mix(0.1, g.uv, g.output("TexNoise", "Color", {"Vector": g.uv, "Scale": 3.0, "Detail": 6.0}))
    edge = g.output("TexVoronoi", "Distance", {"Vector": wobble, "Scale": 1.3}, feature="DISTANCE_TO_EDGE")
    crack = g.math("SUBTRACT", 1.0, g.step(edge, 0.0, 0.012))
    skin = g.mix(g.math("MULTIPLY", crack, 0.75), skin, (0.09, 0.075, 0.06))
    hole = g.math("SUBTRACT", 1.0, g.step(g.noise(0.9, 5.0), peeled, peeled + 0.012))
    height = g.mix(hole, g.math("MULTIPLY", g.noise(60.0), 0.3), g.math("SUBTRACT", brick_height, 1.5))
    return g.finish(g.mix(hole, skin, bricks), height, depth=0.012, roughness=0.92)


def make_cobbles(name: str, size: float = 0.13) -> bpy.types.Material:
    """Worn paving stones, each of its own grey."""
    g = Graph(name)
    where = {"Vector": g.scaled(1.0, 1.0), "Scale": 1.0 / size, "Randomness": 0.62}
    edge = g.output("TexVoronoi", "Distance", where, feature="DISTANCE_TO_EDGE")
    cell = g.output("SeparateColor", 0, {0: g.output("TexVoronoi", "Color", where)})
    stone = g.mix(cell, (0.17, 0.155, 0.145), (0.42, 0.37, 0.31))
    stone = g.shade(g.shade(g.shade(stone, 0.3, 60.0), 0.35, 0.7), 0.3, 240.0)
    joint = g.step(edge, 0.03, 0.12)
    colour = g.mix(joint, (0.085, 0.07, 0.05), stone)
    height = g.math("ADD", g.step(edge, 0.0, 0.3), g.math("MULTIPLY", g.noise(45.0), 0.3))
    return g.finish(colour, height, depth=0.025, roughness=0.7)


def make_planks(name: str, a: Colour, b: Colour, width: float = 0.11, paint: float = 0.0) -> bpy.types.Material:
    """Boards along u: grain, dirt and a gap every `width` metres; `paint` hides that share of the grain."""
    g = Graph(name)
    inputs = {"Vector": g.uv, "Color1": a, "Color2": b, "Mortar": (0.02, 0.015, 0.01), "Scale": 1.0}
    inputs |= {"Mortar Size": 0.0035, "Mortar Smooth": 0.2, "Brick Width": 2.7, "Row Height": width}
    node = g.node("TexBrick", inputs)
    grain = g.noise(1.0, 5.0, g.scaled(5.0, 95.0), 0.7)
    dark = g.math("MULTIPLY", g.step(grain, 0.45, 0.68), 0.65 * (1.0 - paint))
    colour = g.mix(dark, node.outputs["Color"], (0.06, 0.038, 0.022))
    knots = g.output("TexVoronoi", "Distance", {"Vector": g.scaled(2.2, 7.0), "Scale": 1.0})
    colour = g.mix(g.math("SUBTRACT", 0.8, g.step(knots, 0.03, 0.13)), colour, (0.05, 0.03, 0.02))
    chips = g.math("MULTIPLY", g.step(g.noise(14.0, 5.0), 0.62, 0.65), paint)
    colour = g.mix(chips, g.shade(g.shade(colour, 0.3, 3.0), 0.2, 140.0), (0.3, 0.23, 0.16))
    height = g.math("SUBTRACT", g.math("MULTIPLY", grain, 0.4), node.outputs["Factor"])
    return g.finish(colour, height, depth=0.006, roughness=0.75)


def make_stone(name: str, colour: Colour) -> bpy.types.Material:
    """Cut stone: pores, stains and lichen."""
    g = Graph(name)
    body = g.shade(g.shade(g.shade(colour, 0.3, 2.6), 0.3, 35.0), 0.3, 170.0)
    pores = g.math("SUBTRACT", 1.0, g.step(g.noise(75.0, 3.0), 0.3, 0.4))
    body = g.mix(g.math("MULTIPLY", pores, 0.7), body, (0.05, 0.045, 0.04))
    lichen = g.math("MULTIPLY", g.step(g.noise(7.0, 5.0), 0.6, 0.66), 0.6)
    return g.finish(g.mix(lichen, body, (0.36, 0.33, 0.18)), g.noise(40.0, 5.0), depth=0.012, roughness=0.9)


def make_tiles(name: str, a: Colour, b: Colour) -> bpy.types.Material:
    """Roof tiles."""
    g = Graph(name)
    colour, height = brick(g, a, b, (0.05, 0.03, 0.02), width=0.19, row=0.27)
    return g.finish(colour, height, depth=0.03, roughness=0.85)


def make_metal(name: str, colour: Colour, rust: float = 0.55) -> bpy.types.Material:
    """Painted iron with rust; a higher `rust` threshold leaves less of it."""
    g = Graph(name)
    spots = g.step(g.noise(9.0, 5.0), rust, rust + 0.05)
    brown = g.mix(g.noise(60.0), (0.16, 0.055, 0.02), (0.36, 0.15, 0.05))
    return g.finish(g.mix(spots, g.shade(colour, 0.25, 6.0), brown), g.noise(40.0), depth=0.004, roughness=0.5)


def make_cloth(name: str, a: Colour, b: Colour, stripe: float = 0.22) -> bpy.types.Material:
    """Striped canvas, sun-bleached and patched."""
    g = Graph(name)
    u = g.output("SeparateXYZ", 0, {0: g.uv})
    band = g.step(g.math("PINGPONG", u, stripe), 0.49 * stripe, 0.51 * stripe)
    colour = g.shade(g.shade(g.mix(band, a, b), 0.3, 3.0), 0.2, 150.0)
    dirt = g.math("MULTIPLY", g.step(g.noise(5.0, 5.0), 0.55, 0.7), 0.5)
    return g.finish(g.mix(dirt, colour, (0.14, 0.11, 0.08)), g.noise(25.0), depth=0.01)


def make_leaves(name: str, a: Colour, b: Colour) -> bpy.types.Material:
    """Foliage: every leaf its own green."""
    g = Graph(name)
    return g.finish(g.mix(g.output("NewGeometry", "Random Per Island"), a, b), roughness=0.55)


def make_print(name: str, palette: tuple[Colour, Colour, Colour]) -> bpy.types.Material:
    """A printed surface (poster, package, rug): blots of colour under rows of small dark marks."""
    g = Graph(name)
    cell = {"Vector": g.scaled(1.0, 1.0), "Scale": 7.0}
    blots = g.step(g.output("SeparateColor", 0, {0: g.output("TexVoronoi", "Color", cell)}), 0.4, 0.42)
    colour = g.mix(g.step(g.noise(4.0, 2.0), 0.52, 0.53), g.mix(blots, palette[0], palette[1]), palette[2])
    marks = g.output("TexVoronoi", "Distance", {"Vector": g.scaled(55.0, 26.0), "Scale": 1.0})
    ink = g.math("MULTIPLY", g.math("SUBTRACT", 1.0, g.step(marks, 0.3, 0.36)), g.step(g.noise(5.0, 1.0), 0.47, 0.5))
    return g.finish(g.shade(g.mix(g.math("MULTIPLY", ink, 0.85), colour, (0.03, 0.03, 0.04)), 0.2, 30.0), roughness=0.7)


def make_glass(name: str) -> bpy.types.Material:
    """A window pane seen from outside by day: dark, with a dull reflection of the sky."""
    g = Graph(name)
    return g.finish(g.shade((0.05, 0.065, 0.08), 0.6, 2.0), roughness=0.15)


def make_lit(name: str, colour: Colour, strength: float) -> bpy.types.Material:
    """A surface that gives light."""
    g = Graph(name)
    light = g.output("Emission", 0, {"Color": colour, "Strength": strength})
    g.node("OutputMaterial", {"Surface": light})
    return g.material


def make_grass(name: str) -> bpy.types.Material:
    """Ground seen from the air: meadow, bare earth, stones."""
    g = Graph(name)
    green = g.mix(g.noise(1.2, 5.0), (0.045, 0.075, 0.018), (0.19, 0.2, 0.06))
    earth = g.shade((0.27, 0.19, 0.11), 0.4, 9.0)
    colour = g.mix(g.step(g.noise(0.22, 5.0), 0.5, 0.58), green, earth)
    pebbles = g.output("TexVoronoi", "Distance", {"Vector": g.scaled(1.0, 1.0), "Scale": 5.0})
    colour = g.mix(g.math("SUBTRACT", 1.0, g.step(pebbles, 0.1, 0.16)), colour, (0.38, 0.35, 0.3))
    return g.finish(g.shade(colour, 0.4, 26.0), g.noise(10.0, 5.0), depth=0.03)


RECIPES: dict[str, Callable[[str], bpy.types.Material]] = {
    "brick red": lambda n: make_brick(n, (0.3, 0.095, 0.055), (0.44, 0.185, 0.1)),
    "brick yellow": lambda n: make_brick(n, (0.5, 0.35, 0.18), (0.38, 0.23, 0.11), (0.3, 0.27, 0.23)),
    "brick dark": lambda n: make_brick(n, (0.13, 0.08, 0.065), (0.24, 0.13, 0.09), (0.4, 0.38, 0.34)),
    "plaster ochre": lambda n: make_plaster(n, (0.66, 0.41, 0.17)),
    "plaster rose": lambda n: make_plaster(n, (0.62, 0.33, 0.25), 0.39),
    "plaster white": lambda n: make_plaster(n, (0.68, 0.62, 0.52), 0.33),
    "plaster blue": lambda n: make_plaster(n, (0.27, 0.37, 0.44), 0.35),
    "cobbles": make_cobbles,
    "slabs": lambda n: make_cobbles(n, 0.45),
    "planks raw": lambda n: make_planks(n, (0.4, 0.25, 0.125), (0.27, 0.16, 0.08)),
    "planks grey": lambda n: make_planks(n, (0.3, 0.25, 0.2), (0.19, 0.16, 0.13)),
    "planks dark": lambda n: make_planks(n, (0.15, 0.075, 0.035), (0.1, 0.05, 0.025)),
    "parquet": lambda n: make_planks(n, (0.36, 0.18, 0.075), (0.22, 0.1, 0.045), 0.09),
    "paint green": lambda n: make_planks(n, (0.035, 0.17, 0.125), (0.045, 0.2, 0.15), 0.07, 0.8),
    "paint blue": lambda n: make_planks(n, (0.045, 0.13, 0.26), (0.06, 0.17, 0.3), 0.07, 0.8),
    "paint white": lambda n: make_planks(n, (0.6, 0.57, 0.5), (0.53, 0.5, 0.44), 0.09, 0.8),
    "stone pale": lambda n: make_stone(n, (0.47, 0.42, 0.34)),
    "stone grey": lambda n: make_stone(n, (0.26, 0.25, 0.235)),
    "tiles": lambda n: make_tiles(n, (0.4, 0.15, 0.075), (0.28, 0.095, 0.05)),
    "iron": lambda n: make_metal(n, (0.04, 0.04, 0.042)),
    "iron red": lambda n: make_metal(n, (0.42, 0.045, 0.025), 0.57),
    "iron teal": lambda n: make_metal(n, (0.05, 0.2, 0.21), 0.55),
    "clay": lambda n: make_stone(n, (0.46, 0.18, 0.085)),
    "canvas red": lambda n: make_cloth(n, (0.52, 0.04, 0.03), (0.72, 0.64, 0.5)),
    "canvas blue": lambda n: make_cloth(n, (0.06, 0.14, 0.34), (0.68, 0.64, 0.55)),
    "sack": lambda n: make_cloth(n, (0.42, 0.32, 0.19), (0.38, 0.28, 0.16), 0.03),
    "leaves": lambda n: make_leaves(n, (0.022, 0.07, 0.013), (0.13, 0.21, 0.035)),
    "flowers": lambda n: make_leaves(n, (0.62, 0.035, 0.06), (0.85, 0.22, 0.26)),
    "fruit": lambda n: make_leaves(n, (0.78, 0.26, 0.02), (0.6, 0.05, 0.02)),
    "print warm": lambda n: make_print(n, ((0.75, 0.62, 0.4), (0.55, 0.09, 0.05), (0.06, 0.19, 0.27))),
    "print cold": lambda n: make_print(n, ((0.7, 0.7, 0.64), (0.08, 0.24, 0.42), (0.72, 0.45, 0.06))),
    "glass": make_glass,
    "grass": make_grass,
    "lamp": lambda n: make_lit(n, (1.0, 0.82, 0.6), 22.0),
}


def material(name: str) -> bpy.types.Material:
    """The material of that name from `RECIPES`, made at its first use in the open scene."""
    return bpy.data.materials.get(name) or RECIPES[name](name)
