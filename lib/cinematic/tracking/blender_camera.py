"""Blender: its own camera solver, and a solved camera in a scene: animated, with its bundles and the plate behind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .blender import require_blender
from .clip import Clip
from .context import ClipEditor, camera_object, tracking_context
from .coords import Size, pixels_from_co, squared_size
from .errors import FootageError, TrackingError
from .lens import LENS_MODELS, SENSOR_WIDTH, Lens
from .movie_clip import MovieClipStore, clip_size, lens_terms
from .presets import larger_than_usual
from .scene_motion import frame_positions, positions_within
from .solve.cameras import Cameras, ShotCameras
from .solve.far_away import far_away
from .solve.focal import LIKELY_FOCAL
from .solve.keyframes import solve_keyframes
from .solve.lens_curve import pole_of_division
from .solve.result import CameraSolve
from .solve.solution import LensSearch
from .types import TrackData

FloatArray = npt.NDArray[np.float64]

_AXES = np.diag([1.0, -1.0, -1.0])
"""Blender's camera axes (y up, z backwards) <-> ours (y down, z forward)."""

_REFINE = ("focal_length", "principal_point", "radial_distortion", "tangential_distortion")
_NAME = "Solved camera"
_BUNDLES = "Bundles"

_NOT_LOST = 1.0  # px, on plates up to 1920 wide; a solve that goes wrong is off by many more
_MOST_MARKERS = 200_000  # that Blender solves in less than a minute
_PAIRS_WITHOUT_FAR = 3  # that are tried without what is far away, too: where these are lost it is by something else
_WORTH = 1.1  # times: how much lower the error has to be for tracks to be left out
_REACH = 0.95  # of the division model's pole: how far out the picture's corners may lie on the plane
_FEW_MARKERS = 30_000  # that it solves in a second: a lost solve's error may be small, too, and a second one tells


@dataclass(frozen=True)
class Beginning:
    """What Blender's solver begins from, and what came of it where it was tried."""

    frames: tuple[int, int] | None  # two of the plate's; None: the camera only turns, all of them
    error: float | None  # px, Blender's average; infinite: no solve; None: not tried
    is_weighed: bool  # tracks have weights, and their errors count by these
    works: bool  # it was tried, and Blender was not lost
    far_away: int = 0  # tracks that show no distance, and without which Blender is not lost where it was with them
    disabled: bool = False  # whether those are disabled; else they have weight 0


def told_of_first_try(begun: Beginning | None) -> str:
    """That a .blend is done and, where it was tried, what whoever presses Solve will see."""
    if begun is None or begun.error is None:
        return "done"
    begins = "as a tripod's" if begun.frames is None else "from frames {} and {}".format(*begun.frames)
    if begun.works:
        weighed = " with the tracks' weights" if begun.is_weighed else ""
        without = ""
        if begun.far_away:
            how = "are disabled" if begun.disabled else "have weight 0"
            without = f"; {begun.far_away} tracks too far away to show their distance {how}: it is lost with them"
        return f"done; Blender's own solve {begins}: {begun.error:.2f} px{weighed}{without}"
    begins = begins if begun.frames is None else "from whatever frames it begins"
    found = f"{begun.error:.1f} px off at best" if np.isfinite(begun.error) else "it finds no camera"
    return f"done; but Blender's own solve is lost {begins}: {found}"


def solve_in_blender(
    store: Clip | MovieClipStore, names: Sequence[str], frames: Sequence[int], lens: LensSearch, only_turns: bool,
    *, far: Collection[str] = (), left_out: Sequence[str] = (),
) -> tuple[Cameras, FloatArray, float]:  # fmt: skip
    """Blender's camera solve: cameras by frame, the named tracks' bundles (n, 3), and its average error, px.

    On a MovieClip the reconstruction and the lens stay in it. The tracks of our own clip go through a MovieClip that
    lasts as long as the solve. Enabled tracks that are ``left_out`` are disabled meanwhile; those too ``far`` away to
    show their distance have weight 0, or are disabled, if Blender is lost with them.

    Raises
    ------
    BackendUnavailable
        Without Blender.
    TrackingError
        Blender could not solve; with its words.
    """
    require_blender()
    with _as_movie_clip(store) as clip, _disabled(clip, left_out), _settings(clip, lens, only_turns):
        _set_lens(clip, _straight(lens.focal or LIKELY_FOCAL * max(clip.size), tuple(clip.size), lens.pixel_aspect))
        with tracking_context(clip) as editor, _tracks_kept(clip, far):
            _solve_from_what_works(editor, clip, _keyframe_pairs(clip, MovieClipStore(clip).read()), far)
        found = clip.tracking.reconstruction
        if not found.is_valid:
            raise TrackingError("Blender's solve_camera failed: it found no valid reconstruction")
        return _cameras(clip, frames), _bundles(clip, names), float(found.average_error)


def set_solve_keyframes(clip: Any, tracks: Iterable[TrackData], lens: Lens | None = None) -> tuple[int, int] | None:
    """Have Blender's solver begin from two plate frames that suit the tracks; None: no two do, all stays.

    Blender begins from frames 1 and 30, or from its own choice, and loses long shots by either. Its start is not
    robust: it may be lost even from frames that see much of the same from far apart.

    Parameters
    ----------
    lens
        What the shot was taken with, as far as it is known. Blender then solves with it from one pair after the other,
        until its error says that it is not lost, twice where that takes seconds; the solves are thrown away, and the
        best pair is taken. None: the likeliest pair is. So it is where the clip holds a reconstruction, which would be
        lost, and of so many markers that to try takes minutes.
    """
    begun = _set_beginning(clip, tracks, lens)
    return None if begun is None else begun.frames


def make_ready_to_solve(
    clip: Any,
    tracks: Iterable[TrackData],
    known: ShotCameras | None,
    *,
    focal: float | None = None,
    keep_solve: bool = False,
) -> Beginning | None:
    """Leave a clip as Blender's solver needs it for its first try: lens, tripod or not, and the frames to begin from.

    Returns what will come of that try; None: no two frames are fit to begin from.

    Parameters
    ----------
    known
        The shot's cameras as a judgement or a solve has found them: their lens, and whether they only turn, are set;
        or nearly turn, on a tripod whose lens is off its pivot, where no two frames are fit to begin from.
        Where Blender's solver is lost, tracks that they show to be too far away to tell their distance get weight 0, or
        are disabled, if it is not lost then; but for locked ones and those set by hand. None: what the clip has stays.
    focal
        px, where it is known, but no cameras are: the clip gets it, as that of a lens that does not bend.
    keep_solve
        Leave Blender's solve in the clip, where it was tried and is not lost, as if somebody had pressed Solve.
    """
    cameras = None if known is None else known.cameras
    if cameras is not None:
        lens = lens_of_cameras(cameras, tuple(clip.size))
    else:
        lens = None if focal is None else _straight(focal, tuple(clip.size), MovieClipStore(clip).pixel_aspect)
    if lens is not None:
        MovieClipStore(clip).pixel_aspect = lens.pixel_aspect
        clip.tracking.camera.sensor_width = SENSOR_WIDTH
        _set_lens(clip, lens)
    if cameras is not None:
        clip.tracking.settings.use_tripod_solver = cameras.only_turn
        if cameras.only_turn:
            return _as_tripod(clip, lens, keep_solve)
    begun = _set_beginning(clip, tracks, lens, known, keep_solve)
    return begun if cameras is None or begun is not None else _nearly_as_tripod(clip, lens, keep_solve)


def _as_tripod(clip: Any, lens: Lens | None, keep_solve: bool) -> Beginning:
    """Blender's tripod solver needs no frames to begin from; it is tried all the same."""
    error: float | None = None
    if lens is not None and _may_be_tried(clip):
        error = _solved_as_tripod(clip, lens, keep_solve)
    return _beginning(clip, None, error)


def _nearly_as_tripod(clip: Any, lens: Lens | None, keep_solve: bool) -> Beginning | None:
    """Of a camera that moves by so little that no two frames are fit to begin from; None: it does not nearly turn."""
    begun = _as_tripod(clip, lens, keep_solve)
    clip.tracking.settings.use_tripod_solver = begun.works
    return begun if begun.works else None


def _set_beginning(
    clip: Any,
    tracks: Iterable[TrackData],
    lens: Lens | None,
    known: ShotCameras | None = None,
    keep_solve: bool = False,
) -> Beginning | None:
    tracks = list(tracks)
    pairs = _keyframe_pairs(clip, tracks)
    if not pairs:
        return None
    start = _Start(pairs[0])
    error: float | None = None
    if lens is not None and _may_be_tried(clip):
        far = () if known is None else too_far_away(tracks, known, MovieClipStore(clip).size)
        start, error = _first_that_works(clip, pairs, far, lens, keep_solve)
    _begin_from(clip, start)
    return replace(_beginning(clip, start.frames, error), far_away=len(start.left_out), disabled=start.disabled)


def leave_ready(
    clip: Any,
    tracks: Iterable[TrackData],
    known: ShotCameras | None,
    *,
    focal: float | None = None,
    camera: CameraSolve | None = None,
) -> Beginning | None:
    """:func:`make_ready_to_solve`, and a solved ``camera`` in the scene, or else Blender's own solve where it works.

    Returns what will come of Blender's first try; None: nothing, as also with a camera whose lens, which the clip gets,
    is too wide for Blender to solve through.
    """
    begun: Beginning | None = None
    if camera is None or not _is_too_wide(camera.cameras, clip_size(clip)):
        begun = make_ready_to_solve(clip, tracks, known, focal=focal, keep_solve=camera is None)
    if camera is not None:
        add_solved_camera(camera, clip)
    return begun


def too_far_away(tracks: Iterable[TrackData], known: ShotCameras, size: Size) -> tuple[str, ...]:
    """The names of those that show no distance, and that nobody has locked or set by hand."""
    of_shot = [track for track in tracks if track.enabled and track.markers and known.holds(track.markers)]
    positions = positions_within(of_shot, size, known.first, len(known.frames))
    far = far_away(known.cameras, positions, size[0])
    return tuple(
        track.name for track, is_far in zip(of_shot, far, strict=True) if is_far and not (track.locked or track.by_hand)
    )


def _may_be_tried(clip: Any) -> bool:
    """Whether a solve loses no other one, and does not take minutes."""
    return not clip.tracking.reconstruction.is_valid and _markers_in(clip) <= _MOST_MARKERS


def _beginning(clip: Any, frames: tuple[int, int] | None, error: float | None) -> Beginning:
    is_weighed = any(track.weight not in (0.0, 1.0) for track in clip.tracking.tracks)
    return Beginning(frames, error, is_weighed, works=error is not None and error <= _not_lost(clip))


def lens_of_cameras(cameras: Cameras, size: Size) -> Lens | None:
    """The lens of solved cameras, as Blender can solve through it; None: it zooms, Blender knows one focal length only.

    Blender has no fisheye. The division model, its "Nuke", comes to the same, but where it is solved through, Blender
    looks for where it shows a point from where a pinhole does; beyond its pole, 90 degrees from the middle, that ends
    anywhere. So a wider one is given as "Brown", with four terms.
    """
    if cameras.zooms:
        return None
    lens = _first_lens(cameras, size)
    if not _is_too_wide(cameras, size):
        return lens
    by, radial = cameras.curve.as_series(_rim(cameras, size), LENS_MODELS["BROWN"][0])
    return replace(lens, model="BROWN", focal=by * lens.focal, radial=radial)


def _is_too_wide(cameras: Cameras, size: Size) -> bool:
    """Whether Blender would be lost where it solves through the division model that undistorts the pictures."""
    if not cameras.fisheye:
        return False
    rim, curve = _rim(cameras, size), cameras.curve
    return float(curve.undone(np.array([rim]))[0]) > _REACH * pole_of_division(*curve.divided_by(rim))


def _first_lens(cameras: Cameras, size: Size) -> Lens:
    """That of the first solved frame, as Blender undistorts pictures by it."""
    focal = float(cameras.focal[cameras.solved][0])
    x, y = cameras.centre
    straight = replace(_straight(focal, size, cameras.pixel_aspect), principal=(x + 0.5, size[1] - 0.5 - y))
    if not cameras.fisheye:
        return replace(straight, radial=(cameras.k1, cameras.k2))
    half = max(squared_size(size, cameras.pixel_aspect)) / 2 / focal  # what Blender counts in, in focal lengths
    first, second = cameras.curve.divided_by(_rim(cameras, size))
    return replace(straight, model="NUKE", radial=(first * half**2, second * half**4))


def _rim(cameras: Cameras, size: Size) -> float:
    """How far from the lens's middle the picture's farthest corner is, in focal lengths of the first solved frame."""
    off = np.abs(np.array(cameras.centre) - (np.array(size) - 1) / 2)
    farthest = (np.array(size) / 2 + off) * [1.0, 1 / cameras.pixel_aspect]
    return float(np.hypot(*farthest) / cameras.focal[cameras.solved][0])


def _straight(focal: float, size: Size, pixel_aspect: float) -> Lens:
    return Lens("POLYNOMIAL", size, focal, (size[0] / 2, size[1] / 2), pixel_aspect=pixel_aspect)


def _keyframe_pairs(clip: Any, tracks: Iterable[TrackData]) -> list[tuple[int, int]]:
    """Plate frames to begin from, the likeliest pair first."""
    store = MovieClipStore(clip)
    first, positions = frame_positions([track for track in tracks if track.enabled], store.size)
    return [(first + earlier, first + later) for earlier, later in solve_keyframes(positions, store.size)]


def _markers_in(clip: Any) -> int:
    return sum(len(track.markers) for track in clip.tracking.tracks)


def _not_lost(clip: Any) -> float:
    """Up to which average error, px, Blender's solver has not lost its way."""
    return _NOT_LOST * larger_than_usual(clip.size[0])


class _Start(NamedTuple):
    """From where Blender's solver begins, and without what."""

    frames: tuple[int, int]  # two of the plate's
    left_out: tuple[str, ...] = ()  # tracks that get weight 0 ...
    disabled: bool = False  # ... or are disabled


def _begin_from(clip: Any, start: _Start) -> None:
    numbers, camera = MovieClipStore(clip).numbers, camera_object(clip)
    camera.keyframe_a, camera.keyframe_b = (numbers.clip_from_plate(frame) for frame in start.frames)
    clip.tracking.settings.use_keyframe_selection = False
    if start.disabled:
        MovieClipStore(clip).disable(start.left_out)
    else:
        MovieClipStore(clip).set_weights(dict.fromkeys(start.left_out, 0.0))


def _first_that_works(
    clip: Any, pairs: Sequence[tuple[int, int]], far: Collection[str], lens: Lens, keep_solve: bool
) -> tuple[_Start, float]:
    """The first start from which Blender's solve is not lost, the best one where it always is; and its error, px."""
    with _trying(clip, lens, only_turns=False) as editor:
        errors = _tried(editor, clip, pairs, far)
        best = _best(errors)
        works = errors[best] <= _not_lost(clip)
        if keep_solve and works:
            _leave_best(editor, clip, errors)
        else:
            editor.run("clear_solution")
    return best if works else _Start(best.frames), errors[best]


def _solved_as_tripod(clip: Any, lens: Lens, keep_solve: bool) -> float:
    """Blender's average error, px, of a camera that only turns; infinite: it finds none."""
    with _trying(clip, lens, only_turns=True) as editor:
        error = _error_of_a_solve(editor, clip)
        if not keep_solve or error > _not_lost(clip):
            editor.run("clear_solution")
    return error


@contextmanager
def _trying(clip: Any, lens: Lens, *, only_turns: bool) -> Iterator[ClipEditor]:
    """Inside, Blender solves with this lens; lens and settings are put back."""
    with _settings(clip, LensSearch(lens.focal), only_turns), _lens_kept(clip), tracking_context(clip) as editor:
        _set_lens(clip, lens)
        yield editor


def _solve_from_what_works(
    editor: ClipEditor, clip: Any, pairs: Sequence[tuple[int, int]], far: Collection[str]
) -> None:
    """Leave the best solve in the clip; where no two frames are likely, from Blender's own choice."""
    errors = _tried(editor, clip, pairs, far)
    if errors:
        _leave_best(editor, clip, errors)
    else:
        editor.run("solve_camera")


def _leave_best(editor: ClipEditor, clip: Any, errors: Mapping[_Start, float]) -> None:
    """Solve once more from the best of what was tried, unless it was the last."""
    best = _best(errors)
    if best == list(errors)[-1] and np.isfinite(errors[best]):
        return
    _begin_from(clip, best)
    editor.run("solve_camera")


def _best(errors: Mapping[_Start, float]) -> _Start:
    return min(errors, key=lambda start: errors[start] * (_WORTH if start.left_out else 1.0))


def _tried(
    editor: ClipEditor, clip: Any, pairs: Iterable[tuple[int, int]], far: Collection[str] = ()
) -> dict[_Start, float]:
    """Blender's average error, px, from each pair until it was not lost from enough of them; infinite: no solve.

    Where it is lost, it begins from the same pair without what is ``far``, too. Such points, in front of one camera and
    behind the next as noise will have it, are what it is mostly lost by: with weight 0 they do not spoil its bundle
    adjustment any more, but the places of further cameras, which it finds by all points alike; disabled, not these.
    """
    errors: dict[_Start, float] = {}
    enough = 2 if _markers_in(clip) <= _FEW_MARKERS else 1
    for number, pair in enumerate(pairs):
        for start in _starts(pair, tuple(far) if number < _PAIRS_WITHOUT_FAR else ()):
            with _tracks_kept(clip, start.left_out):
                _begin_from(clip, start)
                errors[start] = _error_of_a_solve(editor, clip)
            if errors[start] <= _not_lost(clip):
                break
        if sum(error <= _not_lost(clip) for error in errors.values()) == enough:
            break
    return errors


def _starts(pair: tuple[int, int], far: tuple[str, ...]) -> list[_Start]:
    return [_Start(pair), *(_Start(pair, far, disabled) for disabled in (False, True) if far)]


@contextmanager
def _tracks_kept(clip: Any, names: Collection[str]) -> Iterator[None]:
    """Whether the tracks named are enabled, and their weights, are put back."""
    store, weights = MovieClipStore(clip), {name: clip.tracking.tracks[name].weight for name in names}
    try:
        yield
    finally:
        store.enable(names)
        store.set_weights(weights)


def _error_of_a_solve(editor: ClipEditor, clip: Any) -> float:
    """Blender's average error, px; infinite: no solve."""
    try:
        editor.run("solve_camera")
    except TrackingError:  # of frames that are no start; what is wrong with all is said by a solve that somebody wants
        return float("inf")
    found = clip.tracking.reconstruction
    return float(found.average_error) if found.is_valid else float("inf")


def add_solved_camera(solve: CameraSolve, clip: Any) -> Any:
    """Put a solved camera into the current scene; the camera object.

    A camera named "Solved camera" with a keyframe on every solved frame, its lens and the clip as its background; a
    mesh "Bundles" with a vertex for each bundle (attributes ``track``, its name, and ``error``, px). The camera becomes
    the scene's. The clip gets the lens, too, so that Blender undistorts the background where the lens is not straight.

    Parameters
    ----------
    solve
        See :class:`.solve.result.CameraSolve` for axes and scale.
    clip : bpy.types.MovieClip
        Of the same footage.
    """
    bpy = require_blender()
    numbers = MovieClipStore(clip).numbers
    data = bpy.data.cameras.new(_NAME)
    camera = bpy.data.objects.new(_NAME, data)
    scene = bpy.context.scene
    scene.collection.objects.link(camera)
    scene.camera = camera
    _write_lens(data, solve)
    _animate(camera, solve, numbers)
    _show_behind(data, clip, solve)
    _write_clip_lens(clip, solve)
    scene.collection.objects.link(_point_cloud(bpy, solve))
    return camera


@contextmanager
def _as_movie_clip(store: Clip | MovieClipStore) -> Iterator[Any]:
    if isinstance(store, MovieClipStore):
        yield store.clip
        return
    bpy = require_blender()
    try:
        clip = bpy.data.movieclips.load(str(store.footage.path))
    except RuntimeError as error:
        raise FootageError(f"Blender cannot read {store.footage.path}: {error}") from error
    clip.tracking.camera.pixel_aspect = store.pixel_aspect
    try:
        MovieClipStore(clip).write(store.read())
        yield clip
    finally:
        bpy.data.movieclips.remove(clip)


@contextmanager
def _disabled(clip: Any, names: Sequence[str]) -> Iterator[None]:
    movie_clip = MovieClipStore(clip)
    movie_clip.disable(names)
    try:
        yield
    finally:
        movie_clip.enable(names)


@contextmanager
def _settings(clip: Any, lens: LensSearch, only_turns: bool) -> Iterator[None]:
    """Blender's solver settings for this search; they are put back."""
    settings, camera = clip.tracking.settings, camera_object(clip)
    begun_from = camera.keyframe_a, camera.keyframe_b
    wanted = {f"refine_intrinsics_{part}": False for part in _REFINE} | {
        "refine_intrinsics_focal_length": not lens.focal_is_exact,
        "refine_intrinsics_radial_distortion": bool(lens.distortion),
        "use_keyframe_selection": True,
        "use_tripod_solver": only_turns,
    }
    kept = {name: getattr(settings, name) for name in wanted}
    for name, value in wanted.items():
        setattr(settings, name, value)
    try:
        yield
    finally:
        camera.keyframe_a, camera.keyframe_b = begun_from
        for name, value in kept.items():
            setattr(settings, name, value)


def _set_lens(clip: Any, lens: Lens) -> None:
    """Of the models with radial terms only."""
    camera = clip.tracking.camera
    camera.distortion_model = lens.model
    terms = lens_terms(lens.model)
    for name, value in zip(terms, (*lens.radial, *[0.0] * len(terms)), strict=False):
        setattr(camera, name, value)
    camera.principal_point_pixels = lens.principal
    units, camera.units = camera.units, "PIXELS"
    camera.focal_length_pixels = lens.focal
    camera.units = units


@contextmanager
def _lens_kept(clip: Any) -> Iterator[None]:
    """What :func:`_set_lens` sets is put back."""
    camera = clip.tracking.camera
    terms = [name for model in LENS_MODELS for name in lens_terms(model)]
    kept = {name: getattr(camera, name) for name in ("distortion_model", "focal_length_pixels", *terms)}
    kept["principal_point"] = tuple(camera.principal_point)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(camera, name, value)


def _cameras(clip: Any, frames: Sequence[int]) -> Cameras:
    """Blender's reconstruction as ours."""
    numbers = MovieClipStore(clip).numbers
    intrinsics = clip.tracking.camera
    rotation, translation = np.full((len(frames), 3, 3), np.nan), np.full((len(frames), 3), np.nan)
    for camera in clip.tracking.reconstruction.cameras:
        row = numbers.plate_from_clip(camera.frame) - frames[0]
        if 0 <= row < len(frames):
            matrix = np.array(camera.matrix)
            rotation[row] = _AXES @ matrix[:3, :3].T
            translation[row] = -rotation[row] @ matrix[:3, 3]
    solved = np.isfinite(translation[:, 0])
    focal = np.where(solved, intrinsics.focal_length_pixels, np.nan)
    x, y = intrinsics.principal_point_pixels
    width, height = clip.size
    centre_x, centre_y = pixels_from_co((x / width, y / height), (width, height)).tolist()
    k1, k2, aspect = float(intrinsics.k1), float(intrinsics.k2), float(intrinsics.pixel_aspect)
    return Cameras(rotation, translation, focal, (centre_x, centre_y), k1, k2, aspect)


def _bundles(clip: Any, names: Sequence[str]) -> FloatArray:
    points = np.full((len(names), 3), np.nan)
    for row, name in enumerate(names):
        track = clip.tracking.tracks[name]
        if track.has_bundle:
            points[row] = track.bundle
    return points


def _write_lens(data: Any, solve: CameraSolve) -> None:
    first = solve.solved_frames[0]
    data.sensor_fit, data.sensor_width = "HORIZONTAL", solve.sensor_width
    data.shift_x, data.shift_y = _lens_shift(solve, first)
    data.lens = solve.focal_mm(first)


def _lens_shift(solve: CameraSolve, frame: int) -> tuple[float, float]:
    """Blender's shift of a camera's lens, in picture widths."""
    across, down = 0.5 - solve.centre_co(frame)
    return float(across), float(down * solve.clip.height / solve.clip.width / solve.clip.pixel_aspect)


def _animate(camera: Any, solve: CameraSolve, numbers: Any) -> None:
    from mathutils import Matrix

    euler = None
    for frame in solve.solved_frames:
        row = solve.row(frame)
        matrix = Matrix((solve.cameras.rotation[row].T @ _AXES).tolist())
        euler = matrix.to_euler("XYZ") if euler is None else matrix.to_euler("XYZ", euler)  # near the one before
        camera.rotation_euler, camera.location = euler, solve.cameras.positions[row].tolist()
        at = numbers.scene_from_plate(frame)
        camera.keyframe_insert("rotation_euler", frame=at)
        camera.keyframe_insert("location", frame=at)
        if solve.zooms:
            camera.data.lens = solve.focal_mm(frame)
            camera.data.keyframe_insert("lens", frame=at)
        if solve.cameras.shift is not None:
            camera.data.shift_x, camera.data.shift_y = _lens_shift(solve, frame)
            camera.data.keyframe_insert("shift_x", frame=at)
            camera.data.keyframe_insert("shift_y", frame=at)
    for owner in (camera, camera.data):
        if owner.animation_data is not None:
            _make_linear(owner.animation_data)


def _make_linear(animation: Any) -> None:
    """Straight lines between the keyframes: where frames are missing nothing swings."""
    for curve in _curves(animation):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"


def _curves(animation: Any) -> list[Any]:
    """Blender 4.4 gave actions slots, and each of these curves of its own."""
    if require_blender().app.version < (4, 4, 0):
        return list(animation.action.fcurves)
    strips = (strip for layer in animation.action.layers for strip in layer.strips)
    return [curve for strip in strips for curve in strip.channelbag(animation.action_slot).fcurves]


def _show_behind(data: Any, clip: Any, solve: CameraSolve) -> None:
    data.show_background_images = True
    background = data.background_images.new()
    background.source, background.clip, background.alpha = "MOVIE_CLIP", clip, 1.0
    background.frame_method = "STRETCH"
    background.clip_user.use_render_undistorted = solve.cameras.is_bent


def _write_clip_lens(clip: Any, solve: CameraSolve) -> None:
    camera = clip.tracking.camera
    camera.sensor_width, camera.units = solve.sensor_width, "MILLIMETERS"
    camera.pixel_aspect = solve.clip.pixel_aspect
    _set_lens(clip, _first_lens(solve.cameras, clip_size(clip)))


def _point_cloud(bpy: Any, solve: CameraSolve) -> Any:
    mesh = bpy.data.meshes.new(_BUNDLES)
    mesh.from_pydata(list(solve.bundles.values()), [], [])
    names = mesh.attributes.new("track", "STRING", "POINT")
    for row, name in enumerate(solve.bundles):
        names.data[row].value = name.encode()
    errors = mesh.attributes.new("error", "FLOAT", "POINT")  # from here on ``names`` is stale: Blender moves the data
    of_track = solve.track_errors
    errors.data.foreach_set("value", [of_track.get(name, float("nan")) for name in solve.bundles])
    return bpy.data.objects.new(_BUNDLES, mesh)
