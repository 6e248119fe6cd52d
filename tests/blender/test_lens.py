"""Lens models against the pictures that Blender itself undistorts, and tracks through the lens of a .blend."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from cinematic.tracking import TrackData, formats
from cinematic.tracking.blend_file import open_blend, write_blend
from cinematic.tracking.coords import co_from_pixels, pixels_from_co
from cinematic.tracking.lens import Lens
from cinematic.tracking.movie_clip import MovieClipStore, lens_of
from tests.command import run

WIDTH, HEIGHT, FOCAL, PRINCIPAL = 640, 360, 600.0, (330.0, 190.0)
DOTS = np.array([(x, y) for x in range(40, WIDTH, 80) for y in range(30, HEIGHT, 60)], dtype=np.float64)

SCRIPT = """
import bpy, json, sys, time
from pathlib import Path
picture, folder, model, terms = sys.argv[1], Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
bpy.ops.wm.read_factory_settings(use_empty=True)
clip = bpy.data.movieclips.load(picture)
camera = clip.tracking.camera
camera.focal_length_pixels, camera.principal_point_pixels = 600.0, (330.0, 190.0)
camera.distortion_model, camera.pixel_aspect = model, float(sys.argv[5])
for name, value in terms.items():
    setattr(camera, name, value)
clip.use_proxy = clip.use_proxy_custom_directory = clip.proxy.build_undistorted_100 = True
clip.proxy.build_25 = False
clip.proxy.quality, clip.proxy.directory = 100, str(folder)
window = bpy.context.window_manager.windows[0]
area = window.screen.areas[0]
area.ui_type = "CLIP_EDITOR"
area.spaces.active.clip = clip
region = next(region for region in area.regions if region.type == "WINDOW")
with bpy.context.temp_override(window=window, area=area, region=region):
    bpy.ops.clip.rebuild_proxy()
for _ in range(300):  # Blender writes them in the background
    found = sorted(folder.rglob("*.jpg"))
    if len(found) == 2:
        break
    time.sleep(0.1)
time.sleep(0.5)
print(found[0])
"""

MODELS = [
    ("POLYNOMIAL", {"k1": -0.2, "k2": 0.05, "k3": 0.02}),
    ("DIVISION", {"division_k1": -0.2, "division_k2": 0.05}),
    ("NUKE", {"nuke_k1": 0.15, "nuke_k2": -0.03}),
    ("BROWN", {"brown_k1": -0.2, "brown_k2": 0.05, "brown_k3": 0.02, "brown_k4": 0.01,
               "brown_p1": 0.01, "brown_p2": -0.005}),
]  # fmt: skip


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sequence of two pictures with a soft dot at each of DOTS."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    image = sum(np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 2.5**2)) for x, y in DOTS)
    folder = tmp_path_factory.mktemp("dots")
    for number in (1, 2):
        assert cv2.imwrite(str(folder / f"dots.{number:04d}.png"), np.clip(image * 255, 0, 255).astype(np.uint8))
    return folder / "dots.0001.png"


def centres(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Centres of the dots that are whole, px."""
    _, _, boxes, _ = cv2.connectedComponentsWithStats((image > 40).astype(np.uint8))
    found = []
    for x, y, width, height, _ in boxes[1:]:
        if x >= 3 and y >= 3 and x + width <= WIDTH - 3 and y + height <= HEIGHT - 3:
            part = image[y - 2 : y + height + 2, x - 2 : x + width + 2].astype(np.float64)
            rows, columns = np.mgrid[y - 2 : y + height + 2, x - 2 : x + width + 2]
            found.append(((part * columns).sum() / part.sum(), (part * rows).sum() / part.sum()))
    return np.array(found)


@pytest.mark.parametrize(
    ("model", "terms", "aspect"),
    [(model, terms, 1.0) for model, terms in MODELS] + [(*MODELS[0], 2.0), (*MODELS[2], 1.5)],
)
def test_the_formula_is_blenders(
    model: str, terms: dict[str, float], aspect: float, picture: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", SCRIPT, str(picture), str(tmp_path), model, json.dumps(terms), str(aspect)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    image = cv2.imread(result.stdout.splitlines()[-1], cv2.IMREAD_GRAYSCALE)
    assert image is not None
    radial = tuple(value for name, value in terms.items() if "k" in name)
    tangential = tuple(value for name, value in terms.items() if name.startswith("brown_p"))
    # Undistorting pictures, Blender counts whole pixels from the centre of the bottom-left one: half a pixel more here.
    principal = (PRINCIPAL[0] + 0.5, PRINCIPAL[1] + 0.5)
    lens = Lens(model, (WIDTH, HEIGHT), FOCAL, principal, radial, tangential, aspect)
    expected = pixels_from_co(lens.undistorted(co_from_pixels(DOTS, lens.size)), lens.size)
    found = centres(image)
    assert len(found) > 30
    away = np.linalg.norm(found[:, None] - expected[None], axis=2).min(axis=1)
    moved = np.linalg.norm(found[:, None] - DOTS[None], axis=2).min(axis=1)
    assert moved.max() > 5
    assert away.max() < 0.1


def test_out_of_a_blend_without_distortion_and_back_into_it(bpy: Any, clip_1001: Any, tmp_path: Path) -> None:
    camera = clip_1001.tracking.camera
    camera.distortion_model, camera.brown_k1, camera.brown_p1 = "BROWN", -0.2, 0.01
    lens = lens_of(clip_1001)
    assert lens.radial == pytest.approx((-0.2, 0, 0, 0))
    assert lens.tangential == pytest.approx((0.01, 0))
    MovieClipStore(clip_1001).write([TrackData("a", {1001: (0.1, 0.2), 1002: (0.9, 0.7)})])
    write_blend(clip_1001, tmp_path / "shot.blend")
    out = run("convert", tmp_path / "shot.blend", tmp_path / "bare.nk", "--lens", "undistorted")
    assert (out.returncode, out.stderr) == (0, "")
    (bare,) = formats.read(tmp_path / "bare.nk", size=lens.size)
    assert bare.markers[1001] == pytest.approx(tuple(lens.undistorted([(0.1, 0.2)])[0]), abs=1e-6)
    assert abs(bare.markers[1001][0] - 0.1) > 0.005
    arguments = ["--size", "320x240", "--lens", "distorted", "--overwrite"]
    back = run("convert", tmp_path / "bare.nk", tmp_path / "shot.blend", *arguments)
    assert (back.returncode, back.stderr) == (0, "")
    tracks = {track.name: track for track in MovieClipStore(open_blend(tmp_path / "shot.blend")).read()}
    again = tracks["a.001"].markers
    assert again[1001] == pytest.approx((0.1, 0.2), abs=1e-6)
    assert again[1002] == pytest.approx((0.9, 0.7), abs=1e-6)


def test_a_lens_needs_a_blend(tmp_path: Path) -> None:
    formats.write([], tmp_path / "a.nk", size=(10, 10))
    told = run("convert", tmp_path / "a.nk", tmp_path / "b.csv", "--lens", "undistorted")
    assert "expected IN to be a .blend, whose camera has the lens" in told.stderr
    told = run("convert", tmp_path / "a.nk", tmp_path / "b.csv", "--lens", "distorted")
    assert "expected OUT to be a .blend" in told.stderr
    told = run("convert", tmp_path / "a.nk", tmp_path / "b.csv", "--lens", "wide")
    assert "expected --lens to be one of undistorted, distorted" in told.stderr
