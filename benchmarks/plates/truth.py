"""Exact truth of a rendered plate: where the surface point under a pixel is seen in every other frame.

Method: cast the pixel's ray into the scene at the point's first frame; carry the hit with its object;
project it into every frame; cast again towards it to learn whether something stands in between. With motion
blur the projection is averaged over the shutter, and visibility is that of the shutter's middle.

A saved truth can be read and used without Blender; `cast` needs it.

Pixels: x right, y down, (0, 0) is the centre of the top-left pixel. Camera space: x right, y down, z into
the picture (OpenCV's). Frames are the plate's own numbers, the first is 1, so frame f has index f - 1 in
every array.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.plates.lens import Lens
from benchmarks.plates.rendered import PlateSpec, lens_of, open_scene
from benchmarks.score import Reference

USABLE_RADIUS = 4.0  # px; half the square on which a usable point's surroundings must be one flat surface
USABLE_COSINE = 0.98  # between the normals of that square's corners
SHUTTER_SAMPLES = 9  # odd, so that the middle one is the shutter's middle


@dataclass(frozen=True)
class Truth:
    """N points on the surfaces of a plate of F frames, each with S samples over its shutter.

    A point that stands on nothing (sky) has `thing` -1, is never visible and never usable.
    """

    lens: Lens
    size: tuple[int, int]  # width, height
    world_to_camera: np.ndarray  # (F, S, 4, 4)
    mover_to_world: np.ndarray  # (M, F, S, 4, 4): the objects that move
    pixels: np.ndarray  # (N, 2): the points that were asked for
    start: np.ndarray  # (N,): the frame in which each was asked for
    thing: np.ndarray  # (N,): number of the object, -1 for none
    mover: np.ndarray  # (N,): index into mover_to_world, -1 for what stands still
    local: np.ndarray  # (N, 3): the point in its mover's coordinates, or in the world's
    normal: np.ndarray  # (N, 3): the surface's normal there, in the same coordinates
    visible: np.ndarray  # (N, F) bool: inside the picture and nothing in front of it
    usable: np.ndarray  # (N,) bool: its 9 px square lies on one flat piece of one object

    def __len__(self) -> int:
        """The number of points."""
        return len(self.pixels)

    @property
    def frames(self) -> int:
        """The number of frames."""
        return len(self.world_to_camera)

    def positions(self) -> np.ndarray:
        """Each point in every frame, shape (N, F, 2), averaged over the shutter; NaN behind the camera."""
        return self.lens.project(_apply(self.world_to_camera[None], self._world())).mean(axis=2)

    def camera_centres(self) -> np.ndarray:
        """The camera's position at the middle of the shutter, shape (F, 3), metres."""
        return np.linalg.inv(self.world_to_camera[:, self._middle])[:, :3, 3]

    def near(self, pixels: np.ndarray, frame: int = 1) -> Truth:
        """Truth for other points of the same frame, from the nearest points of this truth; needs no scene.

        The pixel's ray is cut with the plane of the nearest point. It is usable, and then exact, where
        every known point less than 5 px away in x and y is a usable one on that same plane.
        """
        pixels = np.asarray(pixels, float)
        known = np.flatnonzero(self.start == frame)
        far = np.abs(pixels[:, None] - self.pixels[None, known]).max(axis=2)
        nearest = known[np.argmin(far, axis=1)]
        around = far < 5.0
        same = self.thing[None, known] == self.thing[nearest, None]
        same &= self.normal[nearest] @ self.normal[known].T > 0.9999
        height = self.local[None, known] - self.local[nearest, None]
        same &= np.abs(np.einsum("nkj,nj->nk", height, self.normal[nearest])) < 1e-3
        usable = np.all(~around | (same & self.usable[known]), axis=1) & around.any(axis=1)
        to_camera = (
            self.world_to_camera[frame - 1, self._middle]
            @ self._to_world(self.mover[nearest])[:, frame - 1, self._middle]
        )
        to_local = np.linalg.inv(to_camera)
        origin = to_local[:, :3, 3]
        ray = np.einsum("nij,nj->ni", to_local[:, :3, :3], self.lens.rays(pixels))
        normal = self.normal[nearest]
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.sum((self.local[nearest] - origin) * normal, axis=1) / np.sum(ray * normal, axis=1)
        return dataclasses.replace(
            self,
            pixels=pixels,
            start=np.full(len(pixels), frame),
            thing=self.thing[nearest],
            mover=self.mover[nearest],
            local=np.where(usable[:, None], origin + reach[:, None] * ray, self.local[nearest]),
            normal=normal,
            visible=self.visible[nearest],
            usable=usable,
        )

    def reference(self) -> Reference:
        """What scoring needs of it."""
        return Reference(self.positions(), self.visible, self.usable, self.start - 1, self.size)

    def save(self, path: Path) -> None:
        """Write a compressed .npz; points in single precision (some 1e-4 px)."""
        head = {
            "format": "cinetrack-truth",
            "version": 1,
            "size": self.size,
            "lens": dataclasses.asdict(self.lens),
        }
        np.savez_compressed(
            path,
            head=json.dumps(head),
            world_to_camera=self.world_to_camera,
            mover_to_world=self.mover_to_world,
            pixels=self.pixels.astype(np.float32),
            start=self.start.astype(np.int32),
            thing=self.thing.astype(np.int16),
            mover=self.mover.astype(np.int16),
            local=self.local.astype(np.float32),
            normal=self.normal.astype(np.float32),
            visible=np.packbits(self.visible, axis=1),
            usable=self.usable,
        )

    @property
    def _middle(self) -> int:
        return self.world_to_camera.shape[1] // 2

    def _to_world(self, mover: np.ndarray) -> np.ndarray:
        """The matrices (n, F, S, 4, 4) that take points on `mover` to the world."""
        still = np.broadcast_to(np.eye(4), (1, *self.world_to_camera.shape))
        return np.concatenate([self.mover_to_world, still])[mover]

    def _world(self) -> np.ndarray:
        """The points in world coordinates, shape (N, F, S, 3)."""
        return _apply(self._to_world(self.mover), self.local[:, None, None])


def load(path: Path) -> Truth:
    """Read what `Truth.save` wrote."""
    with np.load(path, allow_pickle=False) as data:
        head = json.loads(str(data["head"]))
        arrays = {key: data[key] for key in data.files if key != "head"}
    if head["format"] != "cinetrack-truth" or head["version"] != 1:
        raise ValueError(f"{path}: expected a cinetrack-truth of version 1, got {head['format']} {head['version']}")
    lens = Lens(head["lens"]["focal"], tuple(head["lens"]["centre"]), head["lens"]["k1"])
    frames = len(arrays["world_to_camera"])
    arrays["visible"] = np.unpackbits(arrays["visible"], axis=1, count=frames).astype(bool)
    for key in ("pixels", "local", "normal"):
        arrays[key] = arrays[key].astype(np.float64)
    return Truth(lens, tuple(head["size"]), **arrays)


def grid(width: int, height: int, step: int) -> np.ndarray:
    """Points (n, 2) every `step` pixels, row by row, from half a step off the border."""
    x, y = np.meshgrid(np.arange(step // 2, width, step), np.arange(step // 2, height, step))
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(float)


def cast(spec: PlateSpec, pixels: np.ndarray, start: np.ndarray) -> Truth:
    """The truth for the points under `pixels` (N, 2) of the frames `start` (N,), by ray casting in Blender.

    The plate's scene replaces the one that is open in Blender, unless it is that plate's already.
    """
    open_scene(spec)
    return Caster(spec).truth(np.asarray(pixels, float).reshape(-1, 2), np.asarray(start, int).reshape(-1))


class Caster:
    """Ray casting into the open scene of a plate."""

    def __init__(self, spec: PlateSpec) -> None:
        import bpy

        self.scene = bpy.context.scene
        self.spec = spec
        self.lens = lens_of(spec)
        self.names = sorted(thing.name for thing in self.scene.objects if thing.type == "MESH")
        self.movers = [n for n in self.names if self.scene.objects[n].animation_data]
        self.world_to_camera, self.mover_to_world = self._matrices()

    def _matrices(self) -> tuple[np.ndarray, np.ndarray]:
        """Camera (F, S, 4, 4) and moving objects (M, F, S, 4, 4) at every sample of every shutter."""
        count = SHUTTER_SAMPLES if self.spec.shutter > 0.0 else 1
        offsets = ((np.arange(count) + 0.5) / count - 0.5) * self.spec.shutter
        cameras = np.empty((self.spec.frames, count, 4, 4))
        movers = np.empty((len(self.movers), self.spec.frames, count, 4, 4))
        flip = np.diag([1.0, -1.0, -1.0, 1.0])  # Blender's camera looks along -z with y up
        for index in range(self.spec.frames):
            for sample, offset in enumerate(offsets):
                self._go_to(index + 1 + offset)
                cameras[index, sample] = np.linalg.inv(np.array(self.scene.camera.matrix_world) @ flip)
                for m, name in enumerate(self.movers):
                    movers[m, index, sample] = np.array(self.scene.objects[name].matrix_world)
        return cameras, movers

    def _go_to(self, time: float) -> None:
        """Open the scene at a time in frames, which may lie between two of them."""
        frame = int(np.floor(time))
        self.scene.frame_set(frame, subframe=time - frame)

    def truth(self, pixels: np.ndarray, start: np.ndarray) -> Truth:
        """Cast, carry and look again: the whole method."""
        n = len(pixels)
        thing, mover, usable = np.full(n, -1), np.full(n, -1), np.zeros(n, bool)
        local, normal = np.zeros((n, 3)), np.zeros((n, 3))
        for frame in np.unique(start):
            chosen = np.flatnonzero(start == frame)
            thing[chosen], world, face = self._hits(pixels[chosen], frame)
            usable[chosen] = self._flat(pixels[chosen], frame, thing[chosen], face)
            mover[chosen] = [self._mover(t) for t in thing[chosen]]
            local[chosen], normal[chosen] = self._to_local(mover[chosen], frame, world, face)
        size = (self.spec.width, self.spec.height)
        unseen = np.zeros((n, self.spec.frames), bool)
        arrays = (self.world_to_camera, self.mover_to_world, pixels, start, thing, mover, local, normal)
        found = Truth(self.lens, size, *arrays, unseen, usable)
        return dataclasses.replace(found, visible=self._visible(found))

    def matte(self, frame: int) -> np.ndarray:
        """Where a frame's rays meet something that moves, bool (height, width); shadows are not part of it."""
        self._go_to(frame)
        picture = np.zeros((self.spec.height, self.spec.width), bool)
        for name in self.movers:
            pixels = self._pixels_around(self.scene.objects[name], frame)
            things, _, _ = self._hits(pixels, frame)
            hit = pixels[[self._mover(thing) >= 0 for thing in things]].astype(int)
            picture[hit[:, 1], hit[:, 0]] = True
        return picture

    def _pixels_around(self, thing: object, frame: int) -> np.ndarray:
        """The pixels (n, 2) of the rectangle in which an object lies; all of them when it reaches behind the camera."""
        corners = _apply(np.array(thing.matrix_world), np.array(thing.bound_box))
        middle = self.world_to_camera.shape[1] // 2
        seen = self.lens.project(_apply(self.world_to_camera[frame - 1, middle], corners))
        size = np.array([self.spec.width, self.spec.height])
        low, high = np.zeros(2, int), size
        if np.isfinite(seen).all():
            low, high = (np.clip(edge, 0, size).astype(int) for edge in (seen.min(axis=0) - 1, seen.max(axis=0) + 2))
        x, y = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
        return np.stack([x.ravel(), y.ravel()], axis=1).astype(float)

    def _mover(self, thing: int) -> int:
        return self.movers.index(self.names[thing]) if thing >= 0 and self.names[thing] in self.movers else -1

    def _pose(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Centre (3,) and camera-to-world rotation (3, 3) of the camera, amid a frame's shutter."""
        to_world = np.linalg.inv(self.world_to_camera[frame - 1, self.world_to_camera.shape[1] // 2])
        return to_world[:3, 3], to_world[:3, :3]

    def _hits(self, pixels: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the rays through `pixels` meet: object number (n,), point and normal (n, 3) in the world."""
        import bpy

        self._go_to(frame)
        depsgraph = bpy.context.evaluated_depsgraph_get()
        number = {name: i for i, name in enumerate(self.names)}
        origin, rotation = self._pose(frame)
        rays = self.lens.rays(pixels) @ rotation.T
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        thing, points, normals = np.full(len(rays), -1), np.zeros((len(rays), 3)), np.zeros((len(rays), 3))
        for i, ray in enumerate(rays):
            hit, location, normal, _, owner, _ = self.scene.ray_cast(depsgraph, origin, ray)
            if hit:
                thing[i] = number[owner.name]
                points[i] = origin + ray * np.dot(np.array(location) - origin, ray)  # exactly on the ray
                normals[i] = normal
        return thing, points, normals

    def _flat(self, pixels: np.ndarray, frame: int, thing: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """Whether the square around each point meets one object at nearly one slope in its corners, (n,)."""
        flat = thing >= 0
        for corner in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            other, _, slope = self._hits(pixels + USABLE_RADIUS * np.array(corner), frame)
            flat &= (other == thing) & (np.sum(slope * normal, axis=1) > USABLE_COSINE)
        return flat

    def _to_local(
        self, mover: np.ndarray, frame: int, world: np.ndarray, normal: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Points and normals in the coordinates of their movers; unchanged on what stands still."""
        local, slope = world.copy(), normal.copy()
        middle = self.world_to_camera.shape[1] // 2
        for m in range(len(self.movers)):
            inverse = np.linalg.inv(self.mover_to_world[m, frame - 1, middle])
            local[mover == m] = _apply(inverse, world[mover == m])
            slope[mover == m] = normal[mover == m] @ inverse[:3, :3].T
        return local, slope

    def _visible(self, found: Truth) -> np.ndarray:
        """Whether each point is in the picture, faces as it did at first and is not hidden, (N, F)."""
        import bpy

        middle = found._middle
        to_world = found._to_world(found.mover)[:, :, middle]
        world = _apply(to_world, found.local[:, None])
        normal = np.einsum("nfij,nj->nfi", to_world[..., :3, :3], found.normal)
        seen = self.lens.project(_apply(self.world_to_camera[None, :, middle], world))
        with np.errstate(invalid="ignore"):
            inside = np.all((seen >= -0.5) & (seen <= np.array(found.size) - 0.5), axis=2)
        offset = world - found.camera_centres()[None]
        distance = np.linalg.norm(offset, axis=2)
        facing = np.sign(np.sum(offset * normal, axis=2))
        first = facing[np.arange(len(found)), found.start - 1]
        candidate = inside & (facing == first[:, None]) & (found.thing >= 0)[:, None]
        visible = np.zeros_like(candidate)
        for index in range(found.frames):
            self._go_to(index + 1)
            depsgraph = bpy.context.evaluated_depsgraph_get()
            origin = found.camera_centres()[index]
            for i in np.flatnonzero(candidate[:, index]):
                gap = distance[i, index] * (1.0 - 2e-4) - 1e-3
                blocked, *_ = self.scene.ray_cast(depsgraph, origin, offset[i, index], distance=gap)
                visible[i, index] = not blocked
        return visible


def _apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (..., 3) after a rigid move (..., 4, 4), broadcast against each other."""
    return np.einsum("...ij,...j->...i", matrix[..., :3, :3], points) + matrix[..., :3, 3]
