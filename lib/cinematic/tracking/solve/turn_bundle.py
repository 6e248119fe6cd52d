"""Bundle adjustment of cameras that only turn: rotations, a lens, and directions in place of points, all together.

Gauss-Newton with the directions eliminated (Schur complement) and Geman-McClure weights. In arrays whose last axis is
the markers (m): what numpy adds and multiplies then lies side by side, three times as fast as with little matrices.

Sources: Brown & Lowe 2007 (adjustment of rotations and focal length); Triggs et al. 2000, section 6.1 (elimination);
Black & Rangarajan 1996 (weights).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .cameras import Cameras

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_MOST_BEND = 2.0  # of the radial terms, either way: a shot that does not fit must not run away with them
_PRIOR_PX = 2.0  # pull of the start on log(focal), as one residual: holds what a camera that hardly turns cannot tell
_LIKELY_OFF = 0.03  # of the picture's longer side: how far off its middle the lens's may be, under the same pull
_NEAREST = 1e-6  # what is seen from behind counts as that far ahead
_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-4, 1e-12, 1e8
_SETTLED = 1e-7  # of the cost: where a step brings less, it was the last
_FIRM = 1e-9  # added to what is divided by


@dataclass(frozen=True)
class Freed:
    """What is looked for besides rotations and directions."""

    focal: bool = False
    distortion: bool = False
    zooms: bool = False
    """Every frame has a focal length of its own, which is looked for."""
    middle: bool = False
    """The lens's middle need not be the picture's."""


def bundled(
    cameras: Cameras, directions: FloatArray, positions: FloatArray, freed: Freed, scale: float, steps: int
) -> tuple[Cameras, float]:
    """The adjusted cameras, and their robust cost, px^2.

    Parameters
    ----------
    directions : (n, 3)
        Unit vectors, of tracks with two markers or more.
    positions : (n, f, 2)
        px; NaN where there is no marker, or where its frame has no camera.
    scale
        px; what counts as far off.
    steps
        At most.
    """
    problem = _Problem(cameras, positions, freed, scale)
    state = _State(cameras, directions)
    view = problem.view(state)
    damping, cost = _DAMPING, problem.cost(state, view)
    for _ in range(steps):
        tried = problem.stepped(state, view, damping)
        seen = problem.view(tried)
        after = problem.cost(tried, seen)
        if after > cost:
            damping *= 10
            if damping > _MOST_DAMPING:
                break
            continue
        settled = cost - after < _SETTLED * cost
        state, view, cost, damping = tried, seen, after, max(damping * 0.2, _LEAST_DAMPING)
        if settled:
            break
    return state.cameras, cost


@dataclass(frozen=True)
class _State:
    """What is searched for."""

    cameras: Cameras
    directions: FloatArray  # (n, 3) unit vectors


@dataclass(frozen=True)
class _View:
    """The markers as a state shows them."""

    residual: FloatArray  # (2, m) px
    off: FloatArray  # (m,) its length squared, px^2
    turned: FloatArray  # (3, 3, m) the rotation of each marker's camera
    depth: FloatArray  # (m,) of its direction, ahead of the camera
    plane: FloatArray  # (2, m) the direction where the depth is 1
    square: FloatArray  # (m,) the distance from the middle there, squared


class _Problem:
    """Markers to be explained, and one step towards cameras and directions that explain them better."""

    def __init__(self, start: Cameras, positions: FloatArray, freed: Freed, scale: float) -> None:
        self.rows, self.frames = np.nonzero(np.isfinite(positions[..., 0]))
        self.markers = positions[self.rows, self.frames].T.copy()
        self.freed, self.scale = freed, scale
        self.log_start, self.middle_start = np.log(start.focal), np.array(start.centre)
        self.middle_pull = _PRIOR_PX / (_LIKELY_OFF * 2 * self.middle_start.max())
        self.solved = np.flatnonzero(start.solved)
        self.place = (np.cumsum(start.solved) - 1)[self.frames]  # of a marker's frame among those solved
        self.own = 4 if freed.zooms else 3  # parameters of a frame: turn, and its focal length when zooming
        self.one_focal = freed.focal and not freed.zooms
        # Where each kind of shared parameter begins: a focal length, two radial terms, the lens's middle.
        self.bends = int(self.one_focal)
        self.middle = self.bends + 2 * freed.distortion
        self.shared = self.middle + 2 * freed.middle

    def view(self, state: _State) -> _View:
        cameras = state.cameras
        turned = np.take(np.moveaxis(cameras.rotation, 0, -1), self.frames, axis=-1)
        x, y, z = _turned(turned, state.directions.T[:, self.rows])
        depth = np.maximum(z, _NEAREST)
        plane = np.stack([x / depth, y / depth])
        square = plane[0] ** 2 + plane[1] ** 2
        shown = plane * (cameras.curve.stretch(square) * cameras.focal[self.frames])
        residual = shown + np.array(cameras.centre)[:, None] - self.markers
        return _View(residual, residual[0] ** 2 + residual[1] ** 2, turned, depth, plane, square)

    def cost(self, state: _State, view: _View) -> float:
        """The robust sum of squares, px^2."""
        robust = view.off / (1 + view.off / self.scale**2)
        return float(robust.sum() + (self._pull(state.cameras) ** 2).sum())

    def stepped(self, state: _State, view: _View, damping: float) -> _State:
        """One Gauss-Newton step, damped."""
        root = 1 / (1 + view.off / self.scale**2)  # of the weight
        residual, bases = root * view.residual[None], _tangents(state.directions)
        own, shared, across = (root * slopes for slopes in self._slopes(state, view, bases))
        frames, tracks, count = len(self.solved), len(state.directions), self.own * len(self.solved)
        camera = np.zeros((count + self.shared, count + self.shared))
        blocks = camera[:count, :count].reshape(frames, self.own, frames, self.own)
        blocks[np.arange(frames), :, np.arange(frames)] = _summed(_products(own, own), self.place, frames)
        camera[:count, count:] = _summed(_products(own, shared), self.place, frames).reshape(count, self.shared)
        camera[count:, :count] = camera[:count, count:].T
        camera[count:, count:] = _products(shared, shared).sum(axis=-1)
        push = np.concatenate([
            _summed(_products(own, residual), self.place, frames).ravel(),
            _products(shared, residual)[:, 0].sum(axis=-1),
        ])  # fmt: skip
        self._add_pull(camera, push, state.cameras)
        point = _summed(_products(across, across), self.rows, tracks)
        point_push = _summed(_products(across, residual), self.rows, tracks)[..., 0]
        cross = np.zeros((count + self.shared, 2, tracks))
        parameters = self.place * self.own + np.arange(self.own)[:, None]
        cross[parameters[:, None], np.arange(2)[:, None], self.rows] = _products(own, across)
        cross[count:] = np.moveaxis(_summed(_products(shared, across), self.rows, tracks), 0, -1)

        # With L L' = point, inv(L) takes the directions out: half the work of a product with their inverse.
        point += (damping * np.einsum("nii->n", point)[:, None, None] / 2 + _FIRM) * np.eye(2)
        first = np.sqrt(point[:, 0, 0])
        side = point[:, 0, 1] / first
        second = np.sqrt(point[:, 1, 1] - side**2)
        halved = np.stack([point_push[:, 0] / first, (point_push[:, 1] - side * point_push[:, 0] / first) / second])
        cross[:, 0] /= first
        cross[:, 1] = (cross[:, 1] - side * cross[:, 0]) / second
        flat = cross.reshape(len(cross), -1)
        camera[np.diag_indices_from(camera)] *= 1 + damping
        camera[np.diag_indices_from(camera)] += _FIRM
        step = np.linalg.solve(camera - flat @ flat.T, push - flat @ halved.ravel())
        left = halved - (step @ flat).reshape(2, tracks)
        along = left[1] / second
        return self._moved(state, -step, -np.stack([(left[0] - side * along) / first, along]), bases)

    def _slopes(self, state: _State, view: _View, bases: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(k, 2, m) Derivatives of the residuals: by the frame's own parameters, shared ones, the direction's two."""
        curve, focal = state.cameras.curve, state.cameras.focal[self.frames]
        px, py = view.plane
        bend, rise = focal * curve.stretch(view.square), 2 * focal * curve.by_square(view.square)
        mixed = rise * px * py
        # By the plane's two coordinates, then by the three of the direction in the camera's axes, times the depth.
        by_x, by_y = np.stack([bend + rise * px**2, mixed]), np.stack([mixed, bend + rise * py**2])
        by_z = -(by_x * px + by_y * py)
        turn = [by_z * py - by_y, by_x - by_z * px, by_y * px - by_x * py]
        by_focal = view.plane * bend  # by log(focal)
        by_terms = curve.by_terms(view.square).T * focal
        own = np.stack([*turn, by_focal] if self.freed.zooms else turn)
        shared = np.zeros((self.shared, 2, len(px)))
        shared[: self.bends] = by_focal
        if self.freed.distortion:
            shared[self.bends : self.middle] = by_terms[:, None] * view.plane
        shared[self.middle :] = np.eye(2)[..., None][: 2 * self.freed.middle]
        across = np.zeros((2, 2, len(px)))
        for slopes, base in zip(across, np.moveaxis(bases, -1, 0), strict=True):
            x, y, z = _turned(view.turned, base.T[:, self.rows])
            slopes[:] = (by_x * x + by_y * y + by_z * z) / view.depth
        return own, shared, across

    def _pull(self, cameras: Cameras) -> FloatArray:
        """Residuals of log(focal), and of the lens's middle, against their starts, px."""
        away, off = (np.log(cameras.focal) - self.log_start)[self.solved], np.array(cameras.centre) - self.middle_start
        focals = len(away) if self.freed.zooms else int(self.one_focal)
        return np.concatenate([_PRIOR_PX * away[:focals], self.middle_pull * off[: 2 * self.freed.middle]])

    def _add_pull(self, camera: FloatArray, push: FloatArray, cameras: Cameras) -> None:
        count, pull = self.own * len(self.solved), self._pull(cameras)
        focals = np.arange(3, count, self.own) if self.freed.zooms else count + np.arange(self.bends)
        middle = count + self.middle + np.arange(2 * self.freed.middle)
        at = np.concatenate([focals, middle])
        slope = np.concatenate([np.full(len(focals), _PRIOR_PX), np.full(len(middle), self.middle_pull)])
        camera[at, at] += slope**2
        push[at] += slope * pull

    def _moved(self, state: _State, step: FloatArray, point_step: FloatArray, bases: FloatArray) -> _State:
        cameras = state.cameras
        count = self.own * len(self.solved)
        own, shared = step[:count].reshape(-1, self.own), step[count:]
        rotation, focal = cameras.rotation.copy(), cameras.focal.copy()
        rotation[self.solved] = rotations(own[:, :3]) @ rotation[self.solved]
        if self.freed.zooms:
            focal[self.solved] *= np.exp(own[:, 3].clip(-0.5, 0.5))
        elif self.one_focal:
            focal = focal * np.exp(np.clip(shared[0], -0.5, 0.5))
        bend = np.array([cameras.k1, cameras.k2])
        bend = bend + (shared[self.bends : self.middle] if self.freed.distortion else 0.0)
        k1, k2 = np.clip(bend, -_MOST_BEND, _MOST_BEND).tolist()
        x, y = np.array(cameras.centre) + (shared[self.middle :] if self.freed.middle else 0.0)
        directions = state.directions + np.einsum("nik,kn->ni", bases, point_step)
        directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        moved = replace(cameras, rotation=rotation, focal=focal, centre=(float(x), float(y)), k1=k1, k2=k2)
        return _State(moved, directions)


def rotations(turns: FloatArray) -> FloatArray:
    """(n, 3, 3) Rotations by axis times angle (n, 3), radians (Rodrigues)."""
    angle = np.linalg.norm(turns, axis=1)[:, None, None]
    cross = _crossed(turns)
    safe = np.maximum(angle, 1e-12)
    return np.eye(3) + np.sin(safe) / safe * cross + (1 - np.cos(safe)) / safe**2 * cross @ cross


def _turned(rotation: FloatArray, vectors: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Vectors (3, m), each by its own rotation (3, 3, m)."""
    x, y, z = vectors
    first, second, third = (row[0] * x + row[1] * y + row[2] * z for row in rotation)
    return first, second, third


def _products(left: FloatArray, right: FloatArray) -> FloatArray:
    """(k, l, m) The products, over x and y, of each of (k, 2, m) and each of (l, 2, m)."""
    products: FloatArray = left[:, None, 0] * right[None, :, 0]
    products += left[:, None, 1] * right[None, :, 1]
    return products


def _summed(values: FloatArray, groups: IntArray, count: int) -> FloatArray:
    """(count, k, l) The sum of values (k, l, m) of each group."""
    sums = np.zeros((*values.shape[:2], count))
    for place in np.ndindex(*values.shape[:2]):
        sums[place] = np.bincount(groups, values[place], minlength=count)
    return np.moveaxis(sums, -1, 0)


def _tangents(directions: FloatArray) -> FloatArray:
    """(n, 3, 2) Two unit vectors across each direction."""
    helper = np.eye(3)[np.argmin(np.abs(np.nan_to_num(directions)), axis=1)]
    first = np.cross(directions, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(directions, first)], axis=2)


def _crossed(vectors: FloatArray) -> FloatArray:
    """(n, 3, 3) The matrices that take the cross product with vectors (n, 3)."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
