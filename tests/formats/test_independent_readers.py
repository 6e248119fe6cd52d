"""What others make of the files: COLMAP itself, and TAP-Vid's readers."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from cinematic.tracking import TrackData, formats
from cinematic.tracking.types import ClipInfo

pycolmap = pytest.importorskip("pycolmap")

WIDTH, HEIGHT, FOCAL = 1280, 720, 1100.0
CLIP = ClipInfo("/plates/shot.1001.png", WIDTH, HEIGHT, None, 1001, 1016)
FRAMES = range(CLIP.frame_start, CLIP.frame_end + 1)


def poses() -> dict[int, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """World-to-camera rotation and translation on each frame: a camera that walks sideways and turns."""
    result = {}
    for step, frame in enumerate(FRAMES):
        angle = np.radians(1.5 * step)
        rotation = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        result[frame] = rotation, -rotation @ np.array([0.25 * step, 0.05 * step, 0.0])
    return result


def world_points(count: int = 80) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(3)
    return rng.uniform([-2.0, -1.5, 6.0], [4.0, 1.5, 12.0], (count, 3))


def tracks_of(points: npt.NDArray[np.float64]) -> list[TrackData]:
    """Exact tracks; every third one has a gap that no image pair at distance 1 bridges."""
    tracks = []
    for number, point in enumerate(points):
        markers = {}
        for frame, (rotation, translation) in poses().items():
            x, y, z = rotation @ point + translation
            u, v = FOCAL * x / z + WIDTH / 2, FOCAL * y / z + HEIGHT / 2  # COLMAP's pixels: edges, y down
            if 0 < u < WIDTH and 0 < v < HEIGHT and not (number % 3 == 0 and 1005 <= frame <= 1011):
                markers[frame] = (u / WIDTH, 1 - v / HEIGHT)
        tracks.append(TrackData(f"point {number}", markers))
    return tracks


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("colmap") / "tracks.db"
    formats.write(tracks_of(world_points()), path, clip=CLIP)
    return path


def test_colmap_opens_the_database(database: Path) -> None:
    opened = pycolmap.Database.open(str(database))
    try:
        (camera,) = opened.read_all_cameras()
        images = {image.name: image for image in opened.read_all_images()}
        assert (camera.width, camera.height, camera.model.name) == (WIDTH, HEIGHT, "SIMPLE_PINHOLE")
        assert sorted(images) == [f"shot.{frame}.png" for frame in FRAMES]
        markers = sum(len(track.markers) for track in tracks_of(world_points()))
        assert opened.num_keypoints() == markers
        assert opened.num_verified_image_pairs() == opened.num_matched_image_pairs() > len(FRAMES)
        first = tracks_of(world_points())[1].markers[1001]
        keypoints = opened.read_keypoints(images["shot.1001.png"].image_id)
        away = keypoints[:, :2] - (first[0] * WIDTH, (1 - first[1]) * HEIGHT)
        assert np.abs(away).max(axis=1).min() < 1e-3
    finally:
        opened.close()


def test_colmap_triangulates_with_our_cameras(database: Path, tmp_path: Path) -> None:
    truth = world_points()
    model = _model_with_known_cameras(database)
    solved = pycolmap.triangulate_points(model, str(database), str(tmp_path), str(tmp_path))
    found = np.array([point.xyz for point in solved.points3D.values()])
    lengths = [point.track.length() for point in solved.points3D.values()]
    tracks = [track for track in tracks_of(truth) if len(track.markers) > 1]
    assert len(found) == len(tracks)
    assert sorted(lengths) == sorted(len(track.markers) for track in tracks)  # gaps are bridged: none fell apart
    nearest = np.linalg.norm(found[:, None] - truth[None], axis=2).min(axis=1)
    assert nearest.max() < 1e-3


def _model_with_known_cameras(database: Path) -> Any:
    opened = pycolmap.Database.open(str(database))
    images = opened.read_all_images()
    opened.close()
    model = pycolmap.Reconstruction()
    camera = pycolmap.Camera(
        model="SIMPLE_PINHOLE", width=WIDTH, height=HEIGHT, params=[FOCAL, WIDTH / 2, HEIGHT / 2], camera_id=1
    )
    model.add_camera_with_trivial_rig(camera)
    for image in images:
        rotation, translation = poses()[int(image.name.split(".")[1])]
        pose = pycolmap.Rigid3d(pycolmap.Rotation3d(rotation), translation)
        known = pycolmap.Image(image_id=image.image_id, name=image.name, camera_id=1)
        model.add_image_with_trivial_frame(known, pose)
    return model


def test_colmap_reads_the_text_model(tmp_path: Path) -> None:
    tracks = tracks_of(world_points(12))
    formats.write(tracks, tmp_path / "model", "colmap", clip=CLIP)
    model = pycolmap.Reconstruction()
    model.read_text(str(tmp_path / "model"))
    assert sorted(image.name for image in model.images.values()) == [f"shot.{frame}.png" for frame in FRAMES]
    assert sorted(point.track.length() for point in model.points3D.values()) == sorted(len(t.markers) for t in tracks)
    point = model.points3D[2]
    element = point.track.elements[0]
    seen = model.images[element.image_id].points2D[element.point2D_idx]
    frame = int(model.images[element.image_id].name.split(".")[1])
    x, y = tracks[1].markers[frame]
    assert seen.xy == pytest.approx((x * WIDTH, (1 - y) * HEIGHT), abs=1e-5)
    assert seen.point3D_id == 2


def test_what_colmap_wrote_comes_back(database: Path, tmp_path: Path) -> None:
    """A database that pycolmap makes, with its own matches."""
    path = tmp_path / "own.db"
    opened = pycolmap.Database.open(str(path))
    camera = opened.write_camera(pycolmap.Camera(model="PINHOLE", width=100, height=50, params=[90, 90, 50, 25]))
    keypoints = {1: [[10, 20], [30, 40]], 2: [[31, 41], [11, 21]], 3: [[12, 22]]}
    ids = {}
    for frame, rows in keypoints.items():
        ids[frame] = opened.write_image(pycolmap.Image(name=f"sub2/img_{frame:05d}.jpg", camera_id=camera))
        opened.write_keypoints(ids[frame], np.array(rows, dtype=np.float32))
    opened.write_matches(ids[1], ids[2], np.array([[0, 1], [1, 0]], dtype=np.uint32))
    opened.write_matches(ids[2], ids[3], np.array([[1, 0]], dtype=np.uint32))
    opened.close()
    shot = formats.read(path)
    assert shot.size == (100, 50)
    assert [list(track.markers) for track in shot] == [[1, 2, 3], [1, 2]]
    assert shot.tracks[0].markers[3] == pytest.approx((0.12, 1 - 22 / 50))


def test_tap_vid_finds_the_points_where_it_looks(tmp_path: Path) -> None:
    """As its evaluation does: raster positions are points times size, queries are [t, y, x] in 256 x 256 pixels."""
    corner = TrackData("corner", {1001: (0.25, 0.9), 1003: (0.5, 0.75)})
    formats.write([corner], tmp_path / "a.pkl", clip=CLIP)
    with (tmp_path / "a.pkl").open("rb") as file:
        (video,) = pickle.load(file).values()
    points, occluded = video["points"], video["occluded"]
    assert (points.dtype, points.shape, occluded.dtype, occluded.shape) == ("float32", (1, 16, 2), "bool", (1, 16))
    first = int(np.where(~occluded[0])[0][0])
    x, y = points[0, first] * 256
    query = (first, y, x)
    assert query == pytest.approx((0, 0.1 * 256, 0.25 * 256), abs=1e-4)
    assert np.where(~occluded[0])[0].tolist() == [0, 2]
    image = np.zeros((HEIGHT, WIDTH))
    image[: HEIGHT // 4, : WIDTH // 2] = 1  # a corner that can be seen: co (0.5, 0.75)
    column, row = np.floor(points[0, 2] * (WIDTH, HEIGHT)).astype(int)
    assert (image[row - 1, column - 1], image[row, column]) == (1, 0)
