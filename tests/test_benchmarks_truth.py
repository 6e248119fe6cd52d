"""The truth is tested itself: against the renderer's own depth, and motion-blurred against a sharp twin."""

import dataclasses

import numpy as np
import pytest

from benchmarks.plates import truth
from benchmarks.plates.truth import Lens

bpy = pytest.importorskip("bpy")
OpenImageIO = pytest.importorskip("OpenImageIO")

from benchmarks.plates import rendered  # noqa: E402

pytestmark = pytest.mark.blender

SPEC = rendered.PlateSpec(layout="courtyard", seed=5, width=192, height=108, frames=5, samples=1, movers=1)


def depth_pass(folder, frame: int) -> np.ndarray:
    """Cycles' depth (distance along the optical axis, metres) through every pixel's centre, (height, width)."""
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
    """The surface that Cycles saw at a pixel lies, seen from the other end, where the truth says: to 0.01 px."""
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
