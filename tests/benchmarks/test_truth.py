"""The truth is tested itself: against the renderer's own depth, and motion-blurred against a sharp twin."""

import dataclasses

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from benchmarks.plates import truth

bpy = pytest.importorskip("bpy")
OpenImageIO = pytest.importorskip("OpenImageIO")

from benchmarks.plates import mattes, rendered  # noqa: E402

pytestmark = pytest.mark.blender

SPEC = rendered.PlateSpec(layout="courtyard", seed=5, width=192, height=108, frames=5, samples=1, movers=1)


def depth_pass(folder, frame: int) -> np.ndarray:
    """Cycles' depth along the optical axis, metres, through every pixel's centre; (height, width)."""
    scene = bpy.context.scene
    scene.frame_set(frame)
    bpy.context.view_layer.use_pass_z = True
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = "BOX", 0.01
    scene.cycles.samples = 1
    scene.render.image_settings.media_type = "MULTI_LAYER_IMAGE"
    scene.render.image_settings.file_format = "OPEN_EXR_MULTILAYER"
    scene.render.image_settings.color_depth = "32"
    scene.render.filepath = str(folder / f"depth{frame}.exr")
    bpy.ops.render.render(write_still=True)
    picture = OpenImageIO.ImageBuf(scene.render.filepath, 1, 0)  # the parts: combined, depth
    assert picture.spec().channelnames == ("ViewLayer.Depth.Z",)
    return picture.get_pixels(OpenImageIO.FLOAT)[:, :, 0].astype(float)


@pytest.mark.parametrize("frame", [1, SPEC.frames])
def test_the_rays_agree_with_the_renderer(tmp_path, frame):
    """What Cycles saw at a pixel lies, seen from the other end, where the truth says: to 0.01 px."""
    points = truth.grid(SPEC.width, SPEC.height, step=3)
    found = truth.cast(SPEC, points, np.full(len(points), frame))
    depth = depth_pass(tmp_path, frame)
    bpy.context.scene["plate"] = ""  # the pass has changed its settings
    rendered_z = depth[points[:, 1].astype(int), points[:, 0].astype(int)]
    in_camera = found.lens.rays(points) * rendered_z[:, None]
    other = SPEC.frames + 1 - frame
    here, there = found.world_to_camera[[frame - 1, other - 1], 0]
    move = there @ np.linalg.inv(here)
    seen = found.lens.project(in_camera @ move[:3, :3].T + move[:3, 3])
    error = np.linalg.norm(seen - found.positions()[:, other - 1], axis=1)
    judged = found.usable & (found.mover < 0)
    assert judged.sum() > 500
    assert np.max(error[judged]) < 0.01


def between_frames(poses: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Camera-to-world matrices (n, 4, 4) at `times` in frames from 0, straight and steady between `poses`."""
    frames = np.arange(len(poses))
    result = np.tile(np.eye(4), (len(times), 1, 1))
    result[:, :3, :3] = Slerp(frames, Rotation.from_matrix(poses[:, :3, :3]))(times).as_matrix()
    result[:, :3, 3] = np.stack([np.interp(times, frames, axis) for axis in poses[:, :3, 3].T], axis=1)
    return result


def test_motion_blurred_truth_against_a_sharp_twin():
    """The mean of the sharp twin's projections at 81 instants of the shutter is the blurred position."""
    spec = dataclasses.replace(SPEC, frames=12)
    points = truth.grid(spec.width, spec.height, step=6)
    sharp = truth.cast(spec, points, np.full(len(points), 3))
    blurred = truth.cast(dataclasses.replace(spec, shutter=0.4), points, np.full(len(points), 3))
    assert blurred.world_to_camera.shape[1] == truth.SHUTTER_SAMPLES
    poses, frame = np.linalg.inv(sharp.world_to_camera[:, 0]), 7
    instants = np.linalg.inv(between_frames(poses, frame - 1 + np.linspace(-0.2, 0.2, 81)))
    judged = (sharp.mover < 0) & sharp.visible[:, frame - 1]
    world = sharp.local[judged, None]
    in_camera = np.einsum("tij,ntj->nti", instants[:, :3, :3], world + np.zeros((1, 81, 1))) + instants[:, :3, 3]
    expected = sharp.lens.project(in_camera).mean(axis=1)
    unblurred = sharp.positions()[judged, frame - 1]
    assert judged.sum() > 300
    assert np.max(np.linalg.norm(unblurred - expected, axis=1)) > 0.02  # there is something to get right
    assert np.max(np.linalg.norm(blurred.positions()[judged, frame - 1] - expected, axis=1)) < 0.003


def test_the_shutter_is_centred_on_the_frame(tmp_path):
    """The blurred picture lies on the sharp one; a shutter that opens with the frame would shift it."""
    frame = 3
    spec = dataclasses.replace(SPEC, width=320, height=180, samples=8)
    pictures = {}
    for shutter in (0.0, 0.4):
        plate = rendered.Plate(dataclasses.replace(spec, shutter=shutter), tmp_path)
        rendered.open_scene(plate.spec)
        rendered.render_frame(plate, frame)
        pictures[shutter] = cv2.imread(str(plate.path(frame)), cv2.IMREAD_GRAYSCALE)
    features = cv2.goodFeaturesToTrack(pictures[0.0], 200, 0.02, 6)
    moved, found, _ = cv2.calcOpticalFlowPyrLK(pictures[0.0], pictures[0.4], features, None, winSize=(15, 15))
    points = features[:, 0].astype(float)
    sharp = truth.cast(spec, points, np.full(len(points), frame))
    blurred = truth.cast(dataclasses.replace(spec, shutter=0.4), points, np.full(len(points), frame))
    judged = sharp.usable & (found[:, 0] > 0)
    path = sharp.positions()
    late = 0.2 * (path[:, frame] - path[:, frame - 1])[judged]
    error = (moved[:, 0] - features[:, 0] - blurred.positions()[:, frame - 1] + path[:, frame - 1])[judged]
    along = late / np.linalg.norm(late, axis=1, keepdims=True)
    assert np.median(np.linalg.norm(late, axis=1)) > 0.5
    assert abs(np.median(np.sum(error * along, axis=1))) < 0.1


def test_a_saved_truth_judges_points_that_it_does_not_hold(tmp_path):
    """A grid's truth, read back without Blender, gives other points' paths as casting them would."""
    start = np.ones(1, int)
    held = truth.grid(SPEC.width, SPEC.height, step=4)
    truth.cast(SPEC, held, start.repeat(len(held))).save(tmp_path / "truth.npz")
    points = np.random.default_rng(0).uniform([10, 10], [180, 100], (2000, 2))
    near = truth.load(tmp_path / "truth.npz").near(points)
    exact = truth.cast(SPEC, points, start.repeat(len(points)))
    usable = near.usable
    assert usable.sum() > 100
    assert np.array_equal(near.thing[usable], exact.thing[usable])
    error = np.linalg.norm(near.positions() - exact.positions(), axis=2)[usable]
    assert np.quantile(error, 0.99) < 0.001
    assert np.mean(near.visible[usable] == exact.visible[usable]) > 0.93  # they differ along the edges of occluders


def test_a_truth_of_another_format_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", head='{"format": "other", "version": 3}')
    with pytest.raises(ValueError, match="expected a cinetrack-truth of version 1, got other 3"):
        truth.load(tmp_path / "other.npz")


def test_a_moving_object_carries_its_points():
    """A point on the cart follows the cart; what stands still next to it does not."""
    spec = rendered.PlateSpec(layout="courtyard", seed=5, width=320, height=180, frames=6, movers=1)
    points = truth.grid(spec.width, spec.height, step=4)
    found = truth.cast(spec, points, np.ones(len(points), int))
    on_cart = (found.mover == 0) & found.usable
    assert on_cart.sum() > 5
    to_world = found.mover_to_world[0, :, 0]
    travelled = np.linalg.norm(to_world[-1, :3, 3] - to_world[0, :3, 3])
    assert travelled == pytest.approx(np.hypot(3.5, 0.1), rel=1e-3)
    frozen = dataclasses.replace(found, mover_to_world=np.repeat(found.mover_to_world[:, :1], 6, axis=1))
    shift = np.linalg.norm(found.positions()[:, -1] - frozen.positions()[:, -1], axis=1)
    assert np.all(shift[on_cart] > 20.0)
    assert np.max(shift[(found.mover < 0) & (found.thing >= 0)]) == 0.0


def test_a_matte_is_white_exactly_where_rays_meet_a_moving_object(tmp_path):
    frame = 4
    matte = cv2.imread(str(mattes.sequence(SPEC, tmp_path).with_name(f"{frame:04d}.png")), cv2.IMREAD_GRAYSCALE)
    points = truth.grid(SPEC.width, SPEC.height, step=1)
    moving = truth.cast(SPEC, points, np.full(len(points), frame)).mover >= 0
    assert np.array_equal(matte.reshape(-1) == 255, moving)
    assert 100 < moving.sum() < 0.2 * len(points)


def test_a_long_shot_goes_further_and_not_slower():
    spec = rendered.PlateSpec(layout="street", seed=5, width=64, height=36, frames=144, samples=1)
    nothing = np.empty((0, 2)), np.empty(0, int)
    ways = {}
    for frames in (48, 144):
        centres = truth.cast(dataclasses.replace(spec, frames=frames), *nothing).camera_centres()
        ways[frames] = np.linalg.norm(centres[-1] - centres[0])
    assert ways[144] == pytest.approx(3 * ways[48], rel=0.1)
