"""Meshes put together from boxes, tubes and loose polygons, with UV coordinates in metres.

Materials are given by name while a mesh is put together; `Mesh.build` resolves them against the scene's
library.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

Vector = Sequence[float]


class Mesh:
    """Vertices and polygons of one object, in its own coordinates (metres, z up)."""

    def __init__(self) -> None:
        """Start empty."""
        self._vertices: list[np.ndarray] = []
        self._faces: list[list[int]] = []
        self._materials: list[str] = []
        self._smooth: list[bool] = []
        self._count = 0

    def polygons(
        self,
        vertices: np.ndarray,
        faces: Sequence[Sequence[int]],
        material: str,
        smooth: bool | Sequence[bool] = False,
    ) -> Mesh:
        """Add `faces` (indices into `vertices`, shape (n, 3)), counter-clockwise seen from outside."""
        vertices = np.asarray(vertices, float)
        self._vertices.append(vertices)
        self._faces.extend([i + self._count for i in face] for face in faces)
        self._materials.extend([material] * len(faces))
        self._smooth.extend([smooth] * len(faces) if isinstance(smooth, bool) else smooth)
        self._count += len(vertices)
        return self

    def box(self, centre: Vector, size: Vector, material: str, turn: float = 0.0, tilt: float = 0.0) -> Mesh:
        """Add a box of extents `size`, tilted about x, then turned about z (radians)."""
        corners = np.array([[x, y, z] for z in (-0.5, 0.5) for y in (-0.5, 0.5) for x in (-0.5, 0.5)])
        faces = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (1, 3, 7, 5), (3, 2, 6, 7), (2, 0, 4, 6)]
        turned = (corners * np.asarray(size)) @ (rotation_z(turn) @ rotation_x(tilt)).T
        return self.polygons(turned + np.asarray(centre), faces, material)

    def tube(
        self,
        base: Vector,
        rings: Sequence[tuple[float, float]],
        material: str,
        segments: int = 24,
        axis: str = "z",
    ) -> Mesh:
        """Add a closed body of revolution: `rings` of (radius, distance along the axis from `base`)."""
        angles = np.linspace(0.0, 2.0 * math.pi, segments, endpoint=False)
        circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        vertices = np.concatenate([np.c_[circle * radius, np.full(segments, along)] for radius, along in rings])
        faces: list[list[int]] = []
        for ring in range(len(rings) - 1):
            start = ring * segments
            for i in range(segments):
                j = (i + 1) % segments
                faces.append([start + i, start + j, start + segments + j, start + segments + i])
        sides = len(faces)
        faces.append(list(range(segments))[::-1])
        faces.append([(len(rings) - 1) * segments + i for i in range(segments)])
        order = {"z": [0, 1, 2], "x": [2, 0, 1], "y": [1, 2, 0]}[axis]
        smooth = [True] * sides + [False, False]
        return self.polygons(vertices[:, order] + np.asarray(base), faces, material, smooth)

    def ball(self, centre: Vector, radius: float, material: str, segments: int = 32) -> Mesh:
        """Add a sphere."""
        angles = np.linspace(-0.5 * math.pi, 0.5 * math.pi, segments // 2 + 1)[1:-1]
        return self.tube(centre, [(radius * math.cos(a), radius * math.sin(a)) for a in angles], material, segments)

    def arch(self, foot: Vector, width: float, rise: float, depth: float, material: str, band: float = 0.18) -> Mesh:
        """Add a half-round arch of voussoirs in the xz plane, `foot` the middle of its springing line."""
        angles = np.linspace(0.0, math.pi, 12)
        for a, b in itertools.pairwise(angles):
            b -= 0.012
            ring = []
            for y in (-0.5 * depth, 0.5 * depth):
                for angle, extra in ((a, 0.0), (b, 0.0), (b, band), (a, band)):
                    x, z = (0.5 * width + extra) * math.cos(angle), (rise + extra) * math.sin(angle)
                    ring.append([x, y, z])
            faces = [(0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (2, 3, 7, 6), (1, 2, 6, 5), (0, 4, 7, 3)]
            self.polygons(np.array(ring) + np.asarray(foot), faces, material)
        return self

    def scattered(self, points: np.ndarray, size: float, material: str, rng: np.random.Generator) -> Mesh:
        """Add one small randomly turned quad at each of `points`, shape (n, 3): foliage."""
        along = rng.normal(size=(len(points), 3))
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        across = np.cross(along, rng.normal(size=(len(points), 3)))
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        scale = size * rng.uniform(0.6, 1.3, (len(points), 1))
        tips = [-along, -0.4 * across, along, 0.4 * across]
        vertices = np.stack([points + scale * tip for tip in tips], axis=1).reshape(-1, 3)
        return self.polygons(vertices, np.arange(len(vertices)).reshape(-1, 4).tolist(), material)

    def build(
        self,
        name: str,
        library: Callable[[str], object],
        location: Vector = (0.0, 0.0, 0.0),
        turn: float = 0.0,
        bevel: float = 0.0,
    ) -> object:
        """Make a Blender object of it; `library` maps a material's name to the material."""
        import bpy

        vertices = np.concatenate(self._vertices)
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata(vertices.tolist(), [], self._faces)
        names = sorted(set(self._materials))
        for material in names:
            mesh.materials.append(library(material))
        mesh.polygons.foreach_set("material_index", [names.index(m) for m in self._materials])
        mesh.polygons.foreach_set("use_smooth", self._smooth)
        self._unwrap(mesh, vertices)
        mesh.update()
        thing = bpy.data.objects.new(name, mesh)
        thing.location = location
        thing.rotation_euler = (0.0, 0.0, turn)
        bpy.context.collection.objects.link(thing)
        if bevel > 0.0:
            modifier = thing.modifiers.new("bevel", "BEVEL")
            modifier.width, modifier.segments, modifier.limit_method = bevel, 2, "ANGLE"
        return thing

    def _unwrap(self, mesh: object, vertices: np.ndarray) -> None:
        """Give every corner the two coordinates (metres) that lie most nearly in its polygon's plane."""
        layer = mesh.uv_layers.new(name="metres")
        uv = np.empty((len(mesh.loops), 2))
        at = 0
        for face in self._faces:
            corners = vertices[face]
            normal = np.abs(np.cross(corners[1] - corners[0], corners[2] - corners[0]))
            plane = ([1, 2], [0, 2], [0, 1])[int(np.argmax(normal))]
            uv[at : at + len(face)] = corners[:, plane]
            at += len(face)
        layer.uv.foreach_set("vector", uv.astype(np.float32).ravel())


def rotation_z(angle: float) -> np.ndarray:
    """Rotation matrix about the z axis, shape (3, 3)."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def rotation_x(angle: float) -> np.ndarray:
    """Rotation matrix about the x axis, shape (3, 3)."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
