"""Cameras from tracks alone, through COLMAP (pycolmap): pairs of frames, global mapping, bundle adjustment.

Arrays in, arrays out; COLMAP's database, images and points exist in here only. Its pixels have (0.5, 0.5) in the centre
of the top-left one, so half a pixel is added on the way in.

Sources: two-view geometries and bundle adjustment, Schönberger & Frahm 2016; focal length from the fundamental matrices
of many pairs, Sweeney et al. 2015; global mapping, Pan et al. 2024 (GLOMAP).
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..coords import SQUARE, Extent
from .cameras import Cameras
from .lens_curve import PINHOLE, LensCurve

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

GAPS = (1, 2, 4, 8, 16)
"""Key frames from one of a pair to the other."""

MOST_PAIRS = 1200
"""Pairs of frames that are looked at; on a long shot the long gaps are taken at every second, third ... frame."""

LEAST_COMMON = 15
"""Tracks that a pair of frames must have in common."""

LEAST_POINTS = 8
"""Points that a frame must show to be given a camera after the mapping."""

ROBUST_PX = 0.5
"""Where the adjustment's Cauchy loss begins to bend, px."""

_PAIR_PX = 1.5  # how far a marker may be off a pair's geometry
_PAIR_TRIALS = 3000  # at most; enough where four in ten of a pair's tracks are right, and hopeless pairs take no longer
_MOSTLY_OUTVOTED = 0.5  # such a pair tells nothing of the scene
_OUTVOTED = 0.1  # of the tracks that a pair rests on; with more that do not fit other pairs it is looked at again
_OFF_PLANE, _OFF_PLANE_SHARE = 4, 0.05  # tracks, and share of them, that are off a plane where a pair shows parallax
_POSE_PX = 4.0  # how far a marker may be off the pose of a frame that is added afterwards
_MAP_ITERATIONS = 30  # of bundle adjustment within the mapping; what it leaves, the rounds that follow refine
_SEED = 1


@dataclass(frozen=True)
class _Pair:
    """Two frames, and what their k common tracks say of how they lie to each other."""

    first: int
    second: int
    tracks: IntArray  # (k,)
    matches: npt.NDArray[np.uint32]  # (m, 2) the keypoints that were looked at: of all of these tracks, or of some
    geometry: Any
    fits: npt.NDArray[np.bool_]  # (k,) which tracks agree with that


@dataclass(frozen=True)
class Mapped:
    """What global mapping made of the tracks."""

    cameras: Cameras | None  # None: nothing could be mapped
    parallax_share: float  # of the pairs whose geometry was told: those that show parallax
    pairs: int
    outvoted: npt.NDArray[np.bool_]  # (n,) tracks that do not fit most of what the others fit

    @property
    def solved_share(self) -> float:
        """Of the frames: those that have a camera."""
        return float(self.cameras.solved.mean()) if self.cameras is not None else 0.0


def map_cameras(
    positions: FloatArray, size: Extent, focal: float, *, focal_is_known: bool, calibrated: bool = True,
    zooms: bool = False, curve: LensCurve = PINHOLE,
) -> Mapped:  # fmt: skip
    """Cameras of all frames at once, from tracks that may hold many wrong markers.

    Parameters
    ----------
    positions : (n, f, 2)
        Tracks over consecutive frames, px; NaN where there is no marker.
    focal
        px; a start to search from where it is not known.
    calibrated
        Where it is not known it is first told from the pairs of frames, and pairs that tell another one are left out.
        That finds it from far away, but of few tracks many pairs are wrong about it, and frames lose all of theirs.
    zooms
        A focal length of its own in every frame, where it is not known.
    """
    with tempfile.TemporaryDirectory(prefix="cinetrack-") as folder, _hushed():
        database = Path(folder, "tracks.db")
        kinds, votes = _write_database(database, positions, size, focal, focal_is_known, zooms, curve)
        told = sum(kinds.values())
        parallax = kinds["CALIBRATED"] + kinds["UNCALIBRATED"]
        cameras = _map(database, positions.shape[1], focal_is_known, calibrated) if told else None
    return Mapped(cameras, parallax / told if told else 0.0, told, votes < 0)


def adjust(
    cameras: Cameras, points: FloatArray, positions: FloatArray, size: Extent, *,
    refine_focal: bool, refine_distortion: bool, zooms: bool = False, pixels: bool = False, shifts: bool = False,
    middle: bool = False, iterations: int = 100,
) -> tuple[Cameras, FloatArray]:  # fmt: skip
    """Refine cameras and points together: robust bundle adjustment over the markers given.

    Parameters
    ----------
    points : (n, 3)
    positions : (n, f, 2)
        px; NaN: not used. Points with fewer than two of them stay as they are.
    zooms
        A focal length of its own in every frame.
    pixels
        The pixel aspect is found, too, with the focal length.
    shifts
        Each frame's picture may be shifted against the lens, and has a lens of its own, focal length and all.
    middle
        The lens's middle is found, too.
    iterations
        At most.
    """
    import pycolmap

    used = np.isfinite(positions[..., 0]) & cameras.solved & np.isfinite(points[:, :1])
    rows = np.flatnonzero(used.sum(axis=1) >= 2)
    frames = np.flatnonzero(cameras.solved & used[rows].any(axis=0))
    scene = _scene(cameras, frames, points[rows], positions[rows], used[rows], size, zooms or shifts, pixels)
    options = _plain(pycolmap.BundleAdjustmentOptions())
    options.refine_focal_length, options.refine_extra_params = refine_focal, refine_distortion
    options.refine_principal_point = shifts or middle
    options.ceres.loss_function_type, options.ceres.loss_function_scale = pycolmap.LossFunctionType.CAUCHY, ROBUST_PX
    options.ceres.solver_options.function_tolerance = 1e-7
    options.ceres.solver_options.max_num_iterations = iterations
    config = pycolmap.BundleAdjustmentConfig()
    for frame in frames:
        config.add_image(int(frame) + 1)
    config.fix_gauge(pycolmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    with _hushed():  # the adjuster itself: COLMAP's own loop around it prints past its log
        pycolmap.create_default_bundle_adjuster(options, config, scene).solve()
    adjusted = points.copy()
    adjusted[rows] = [scene.point3D(int(number)).xyz for number in range(1, len(rows) + 1)]
    found = _cameras_of(scene, {f"{frame:06d}": frame for frame in frames}, len(cameras.focal))
    if shifts:
        found = replace(found, centre=cameras.centre, shift=_centres(scene, len(cameras.focal)) - cameras.centre)
    return replace(found, focal_range=cameras.focal_range), adjusted


def add_frames(cameras: Cameras, points: FloatArray, positions: FloatArray, size: Extent, *, zooms: bool) -> Cameras:
    """Give frames that have no camera one, from the points that are seen there; those with too few stay without."""
    import pycolmap

    estimation, refinement = pycolmap.AbsolutePoseEstimationOptions(), pycolmap.AbsolutePoseRefinementOptions()
    estimation.ransac.max_error, estimation.ransac.random_seed = _POSE_PX, _SEED
    refinement.refine_focal_length, refinement.gradient_tolerance = zooms, 1e-6
    rotation, translation, focal = cameras.rotation.copy(), cameras.translation.copy(), cameras.focal.copy()
    known = np.flatnonzero(cameras.solved)
    seen = np.isfinite(positions[..., 0]) & np.isfinite(points[:, :1])
    for frame in np.flatnonzero(~cameras.solved):
        rows = np.flatnonzero(seen[:, frame])
        if len(rows) < LEAST_POINTS:
            continue
        camera = _camera(size, float(np.interp(frame, known, cameras.focal[known])), cameras.curve, cameras.centre)
        found = pycolmap.estimate_and_refine_absolute_pose(
            positions[rows, frame] + 0.5, points[rows], camera, estimation, refinement
        )
        if found is not None and found["num_inliers"] >= max(LEAST_POINTS, len(rows) / 2):
            matrix = found["cam_from_world"].matrix()
            rotation[frame], translation[frame], focal[frame] = matrix[:, :3], matrix[:, 3], camera.params[0]
    return replace(cameras, rotation=rotation, translation=translation, focal=focal)


def write_text_model(
    folder: Path, cameras: Cameras, points: FloatArray, positions: FloatArray, size: Extent, names: Sequence[str],
    errors: Sequence[float],
) -> None:  # fmt: skip
    """Write COLMAP's text model (cameras.txt, images.txt, points3D.txt ...) into a folder that exists.

    Parameters
    ----------
    points : (n, 3)
    positions : (n, f, 2)
        px; NaN: not seen.
    names
        Of the f pictures.
    errors
        Of the n points, px.
    """
    used = np.isfinite(positions[..., 0]) & cameras.solved
    changes = cameras.zooms or cameras.shift is not None
    scene = _scene(cameras, np.flatnonzero(cameras.solved), points, positions, used, size, changes)
    for image in scene.images.values():
        image.name = names[image.image_id - 1]
    for number, error in enumerate(errors, start=1):
        scene.point3D(number).error = error
    scene.write_text(folder)


def _write_database(
    path: Path,
    positions: FloatArray,
    size: Extent,
    focal: float,
    focal_is_known: bool,
    zooms: bool,
    curve: LensCurve,
) -> tuple[Counter[str], IntArray]:
    """Keypoints of all frames and the geometries of pairs; how many of these are of which kind, and tracks' votes."""
    import pycolmap

    seen = np.isfinite(positions[..., 0])
    place = np.cumsum(seen, axis=0) - 1  # a track's place among the keypoints of each frame
    keypoints = [positions[seen[:, frame], frame] + 0.5 for frame in range(positions.shape[1])]
    middle = ((size[0] - 1) / 2, (size[1] - 1) / 2)
    cameras = [_camera(size, focal, curve, middle) for _ in (keypoints if zooms else keypoints[:1])]
    for number, camera in enumerate(cameras, start=1):
        camera.camera_id, camera.has_prior_focal_length = number, focal_is_known
    camera_of = cameras if zooms else cameras * len(keypoints)
    # Of two pictures of one camera COLMAP would look for the focal length by a solver that may crash on points of one
    # plane (poselib's relpose_6pt_shared_focal). Of two cameras it does not, and what comes of it is as good.
    twin = _camera(size, focal, curve, middle)
    twin.camera_id, twin.has_prior_focal_length = len(cameras) + 1, focal_is_known

    def look(first: int, second: int, common: IntArray) -> _Pair:
        matches = np.stack([place[common, first], place[common, second]], axis=1).astype(np.uint32)
        options = _pair_options(len(common))
        estimate = (
            pycolmap.estimate_calibrated_two_view_geometry if focal_is_known else pycolmap.estimate_two_view_geometry
        )
        geometry = estimate(camera_of[first], keypoints[first], twin, keypoints[second], matches, options)
        inliers = np.asarray(geometry.inlier_matches).reshape(-1, 2)[:, 0]
        return _Pair(first, second, common, matches, geometry, np.isin(matches[:, 0], inliers))

    def looked_at(pair: tuple[int, int]) -> _Pair:
        return look(*pair, np.flatnonzero(seen[:, pair[0]] & seen[:, pair[1]]))

    kinds: Counter[str] = Counter()
    with pycolmap.Database.open(path) as database, ThreadPoolExecutor() as pool:
        for camera in cameras:
            _write_camera(database, camera)
        for frame, points in enumerate(keypoints):
            _write_frame(database, frame + 1, points, camera_of[frame].camera_id)
        pairs, votes = _of_one_scene(list(pool.map(looked_at, _pairs(seen))), len(positions), look)
        for pair in pairs:
            database.write_matches(pair.first + 1, pair.second + 1, pair.matches)
            database.write_two_view_geometry(pair.first + 1, pair.second + 1, pair.geometry)
            kinds[pycolmap.TwoViewGeometryConfiguration(pair.geometry.config).name] += 1
    for failed in ("UNDEFINED", "DEGENERATE"):
        kinds.pop(failed, None)
    return kinds, votes


def _of_one_scene(
    pairs: Sequence[_Pair], tracks: int, look: Callable[[int, int, IntArray], _Pair]
) -> tuple[list[_Pair], IntArray]:
    """The pairs, those looked at again that rest on tracks which do not fit others; and the votes of all ``tracks``.

    Something large that passes before the camera is for a while what most tracks show, and a fundamental matrix is
    easily bent to it and to much of the scene at once. It was not so before: from the pair that most tracks agree
    about, to later and to earlier frames, each track gathers votes, and where a pair rests on those that have been
    outvoted, its geometry is that of the others, if as many as before of those that have fitted so far fit it.
    """
    votes, kept = np.zeros(tracks, np.int64), list[_Pair]()
    if not pairs:
        return kept, votes
    surest = max(pairs, key=lambda pair: (pair.fits.mean(), len(pair.tracks)))
    later = sorted((p for p in pairs if p.second > surest.first), key=lambda pair: (pair.second, pair.first))
    earlier = sorted((p for p in pairs if p.second <= surest.first), key=lambda pair: (-pair.first, -pair.second))
    votes[surest.tracks] = np.where(surest.fits, 1, -1)
    for pair in (*later, *earlier):
        trusted, doubted = votes[pair.tracks] > 0, votes[pair.tracks] < 0
        outvoted = (pair.fits & doubted).sum() / max(1, pair.fits.sum())
        if outvoted > _OUTVOTED and (~doubted).sum() >= LEAST_COMMON:
            again = look(pair.first, pair.second, pair.tracks[~doubted])
            fits = np.isin(pair.tracks, again.tracks[again.fits])
            if (fits & trusted).sum() >= (pair.fits & trusted).sum():
                pair, outvoted = replace(again, tracks=pair.tracks, fits=fits), 0.0
        if outvoted > _MOSTLY_OUTVOTED:
            continue
        votes[pair.tracks] += np.where(pair.fits, 1, -1) * (pair.second - pair.first)
        kept.append(pair)
    return kept, votes


def _pair_options(common: int) -> Any:
    """How to look at a pair of frames with so many tracks in common.

    COLMAP takes it for one of a plane, or of a camera that turned, where a homography explains four fifths of what a
    fundamental matrix does. On a square with boxes it explains nine tenths, and the rest shows parallax all the same;
    on a plane and nothing else it explains all but the few wrong tracks that a fundamental matrix can be bent to.
    """
    import pycolmap

    options = pycolmap.TwoViewGeometryOptions()
    options.detect_watermark = False  # a resting camera's tracks look like one
    options.ransac.max_error, options.ransac.random_seed = _PAIR_PX, _SEED
    options.ransac.max_num_trials = _PAIR_TRIALS
    options.max_H_inlier_ratio = max(options.max_H_inlier_ratio, 1 - max(_OFF_PLANE_SHARE, _OFF_PLANE / common))
    return options


def _write_camera(database: Any, camera: Any) -> None:
    import pycolmap

    database.write_camera(camera, use_camera_id=True)
    rig = pycolmap.Rig()
    rig.rig_id = camera.camera_id
    rig.add_ref_sensor(camera.sensor_id)
    database.write_rig(rig, use_rig_id=True)


def _write_frame(database: Any, number: int, keypoints: FloatArray, camera: int) -> None:
    import pycolmap

    image = pycolmap.Image(name=f"{number - 1:06d}", camera_id=camera, image_id=number)
    frame = pycolmap.Frame()
    frame.frame_id = image.frame_id = number
    frame.rig_id = camera
    frame.add_data_id(image.data_id)
    database.write_frame(frame, use_frame_id=True)
    database.write_image(image, use_image_id=True)
    database.write_keypoints(number, keypoints.astype(np.float32))


def _pairs(seen: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    frames = seen.shape[1]
    gaps = [gap for gap in GAPS if gap < frames]
    step = max(1, round(len(gaps) * frames / MOST_PAIRS))
    for gap in gaps:
        for first in range(0, frames - gap, step if gap > 2 else 1):  # neighbours hold the chain together
            if (seen[:, first] & seen[:, first + gap]).sum() >= LEAST_COMMON:
                yield first, first + gap


def _map(database: Path, frames: int, focal_is_known: bool, calibrated: bool) -> Cameras | None:
    import pycolmap

    if calibrated and not focal_is_known:
        calibration = pycolmap.ViewGraphCalibrationOptions()
        calibration.random_seed = _SEED
        pycolmap.calibrate_view_graph(database, calibration)  # where it finds none the start remains
    options = pycolmap.GlobalPipelineOptions()
    options.random_seed = options.mapper.random_seed = _SEED
    options.num_threads = options.mapper.num_threads = 1
    options.mapper.rotation_averaging.random_seed = options.mapper.global_positioning.random_seed = _SEED
    _plain(options.mapper.bundle_adjustment)
    options.mapper.bundle_adjustment.refine_focal_length = not focal_is_known
    options.mapper.bundle_adjustment.refine_extra_params = False
    options.mapper.bundle_adjustment.ceres.solver_options.max_num_iterations = _MAP_ITERATIONS
    options.mapper.skip_retriangulation = True  # the rounds of triangulation that follow do that, and better
    found = pycolmap.global_mapping(database, database.parent, database.parent / "maps", options)
    if not found:
        return None
    scene = max(found.values(), key=lambda each: each.num_reg_images())
    return _cameras_of(scene, {f"{frame:06d}": frame for frame in range(frames)}, frames)


def _plain(options: Any) -> Any:
    """Bundle adjustment without commentary, on one thread: sums that come in another order give another result."""
    options.print_summary = False
    options.ceres.solver_options.num_threads = 1
    return options


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep COLMAP's running commentary (a line for every picture that it is not given) off the terminal."""
    import pycolmap

    log = pycolmap.logging
    level = log.minloglevel
    log.minloglevel = log.FATAL.value
    try:
        yield
    finally:
        log.minloglevel = level


def _camera(
    size: Extent, focal: float, curve: LensCurve, centre: Sequence[float], pixel_aspect: float | None = None
) -> Any:
    """None: pixels are square, and stay so."""
    import pycolmap

    width, height = size
    model = "RADIAL_FISHEYE" if curve.fisheye else "RADIAL"
    params = [focal, centre[0] + 0.5, centre[1] + 0.5, curve.k1, curve.k2]
    if pixel_aspect is not None:
        model = "OPENCV_FISHEYE" if curve.fisheye else "OPENCV"
        params = [focal, focal * pixel_aspect, *params[1:], 0.0, 0.0]
    return pycolmap.Camera(model=model, width=round(width), height=round(height), params=params, camera_id=1)


def _scene(
    cameras: Cameras, frames: npt.NDArray[np.int64], points: FloatArray, positions: FloatArray,
    used: npt.NDArray[np.bool_], size: Extent, each_its_own: bool, pixels: bool = False,
) -> Any:  # fmt: skip
    """A COLMAP reconstruction of the arrays: one lens for all frames, or each its own."""
    import pycolmap

    scene = pycolmap.Reconstruction()
    aspect = cameras.pixel_aspect if pixels or cameras.pixel_aspect != SQUARE else None
    camera = None
    for frame in frames:
        if camera is None or each_its_own:
            focal = float(cameras.focal[frame])
            camera = _camera(size, focal, cameras.curve, cameras.centres[frame].tolist(), aspect)
            camera.camera_id = int(frame) + 1
            scene.add_camera_with_trivial_rig(camera)
        pose = pycolmap.Rigid3d(np.column_stack([cameras.rotation[frame], cameras.translation[frame]]))
        keypoints = positions[used[:, frame], frame] + 0.5
        image = pycolmap.Image(f"{frame:06d}", keypoints, camera_id=camera.camera_id, image_id=int(frame) + 1)
        scene.add_image_with_trivial_frame(image, pose)
    place = np.cumsum(used, axis=0) - 1
    for row, point in enumerate(points):
        elements = [
            pycolmap.TrackElement(int(frame) + 1, int(place[row, frame])) for frame in np.flatnonzero(used[row])
        ]
        scene.add_point3D(point, pycolmap.Track(elements))
    return scene


def _centres(scene: Any, frames: int) -> FloatArray:
    """(f, 2) px: each frame's principal point; NaN where it has no camera."""
    centres = np.full((frames, 2), np.nan)
    for image in scene.images.values():
        camera = scene.cameras[image.camera_id]
        centres[int(image.name)] = camera.principal_point_x - 0.5, camera.principal_point_y - 0.5
    return centres


def _cameras_of(scene: Any, frame_of: dict[str, int], frames: int) -> Cameras:
    rotation, translation = np.full((frames, 3, 3), np.nan), np.full((frames, 3), np.nan)
    focal = np.full(frames, np.nan)
    curve, centre, aspect = PINHOLE, (0.0, 0.0), SQUARE
    for image in scene.images.values():
        if image.has_pose:
            frame = frame_of[image.name]
            matrix = image.cam_from_world().matrix()
            rotation[frame], translation[frame] = matrix[:, :3], matrix[:, 3]
            camera = scene.cameras[image.camera_id]
            if camera.model_name in ("OPENCV", "OPENCV_FISHEYE"):
                focal[frame], down, x, y, k1, k2, *_ = camera.params
                aspect = float(down / focal[frame])
            else:
                focal[frame], x, y, k1, k2 = camera.params
            centre = (x - 0.5, y - 0.5)
            curve = LensCurve(float(k1), float(k2), camera.model_name.endswith("FISHEYE"))
    return Cameras(rotation, translation, focal, centre, pixel_aspect=aspect).through(curve)
