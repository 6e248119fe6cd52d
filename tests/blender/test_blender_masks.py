"""What is drawn on a clip, masks and annotations, leaves out what Blender shows of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from cinematic.tracking import (
    Clip,
    ParameterError,
    add_track,
    auto_track,
    detect_features,
    ensure_clip_loaded,
    track_markers,
    tracking_context,
)
from cinematic.tracking.blender_masks import annotation_of, drawn_mask
from cinematic.tracking.coords import pixels_from_co
from cinematic.tracking.movie_clip import MovieClipStore
from tests.blender.conftest import surroundings
from tests.plates import write_movie, write_sequence

SIZE = (320, 240)
SQUARE = [(0.2, 0.4), (0.45, 0.4), (0.45, 0.65), (0.2, 0.65)]


def shaped(layer: Any, places: Sequence[tuple[float, float]], handles: str = "VECTOR") -> Any:
    """A closed spline, its points where Blender counts them: the larger side is 1, 0.5 is the middle."""
    spline = layer.splines.new()
    spline.points.add(len(places) - 1)
    spline.use_cyclic = True
    move(spline, places, handles)
    return spline


def move(spline: Any, places: Sequence[tuple[float, float]], handles: str = "VECTOR") -> None:
    for point, place in zip(spline.points, places, strict=True):
        point.handle_type = handles
        point.co = point.handle_left = point.handle_right = place


def right_by(distance: float) -> list[tuple[float, float]]:
    return [(x + distance, y) for x, y in SQUARE]


def left_out(clip: Any, entry: Any, first: int, last: int, keep: bool = False) -> dict[int, np.ndarray]:
    mask = drawn_mask(clip, entry, first, last, keep=keep)
    assert mask is not None
    return dict(mask.frames(first, last, backwards=False))


def polygon(places: Sequence[tuple[float, float]], size: tuple[int, int] = SIZE) -> np.ndarray:
    """Drawn by hand: y is counted from the middle, in units of the larger side."""
    width, height = size
    side = max(size)
    pixels = [(width / 2 + (x - 0.5) * side - 0.5, height / 2 - (y - 0.5) * side - 0.5) for x, y in places]
    area = np.zeros((height, width), np.uint8)
    cv2.fillPoly(area, [np.rint(np.array(pixels) * 256).astype(np.int32)], (1,), shift=8)
    return area > 0


def assert_alike(found: np.ndarray, expected: np.ndarray, perimeter: int = 0) -> None:
    """The same but for pixels on the border."""
    assert expected.any()
    assert not expected.all()
    assert np.count_nonzero(found != expected) <= perimeter


def composited(bpy: Any, mask: Any, frames: Sequence[int], folder: Path) -> dict[int, np.ndarray]:
    """What Blender's compositor makes of a mask, as linear values: another way than the sequencer's."""
    scene = bpy.data.scenes.new("compositor")
    if bpy.app.version >= (5, 0, 0):
        tree = scene.compositing_node_group = bpy.data.node_groups.new("compositor", "CompositorNodeTree")
        tree.interface.new_socket(name="Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        output = tree.nodes.new("NodeGroupOutput")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        output = tree.nodes.new("CompositorNodeComposite")
    node = tree.nodes.new("CompositorNodeMask")
    node.mask = mask
    tree.links.new(node.outputs[0], output.inputs[0])
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = *SIZE, 100
    render.use_sequencer, render.engine = False, "BLENDER_WORKBENCH"
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_depth = "32"
    found = {}
    for frame in frames:
        scene.frame_start = scene.frame_end = frame
        render.filepath = str(folder / "comp.####")
        bpy.ops.render.render(animation=True, scene=scene.name)
        found[frame] = oiio.ImageBuf(str(folder / f"comp.{frame:04d}.exr")).get_pixels(oiio.FLOAT)[..., 0] >= 0.5
    bpy.data.scenes.remove(scene)
    if bpy.app.version >= (5, 0, 0):  # before, it is the scene's own
        bpy.data.node_groups.remove(tree)
    return found


def edited(clip: Any, mask: Any, operate: Callable[[Any], Any]) -> None:
    """As an artist does it: in a Clip Editor that shows the mask."""
    with tracking_context(clip) as editor:
        editor.space.mode, editor.space.mask = "MASK", mask
        operate(editor)
        editor.space.mode = "TRACKING"


def walking(bpy: Any, clip: Any, frames: tuple[int, int]) -> Any:
    """A mask that goes to the right, by shape keys on two scene frames."""
    mask = bpy.data.masks.new("walking")
    layer = mask.layers.new(name="actor")
    spline = shaped(layer, SQUARE)
    for point in spline.points:
        point.select = True  # of a layer without anything selected Blender keeps no shape

    def keyed(editor: Any) -> None:
        for frame, distance in zip(frames, (0.0, 0.5), strict=True):
            editor.scene.frame_set(frame)
            move(spline, right_by(distance))
            assert bpy.ops.mask.shape_key_insert() == {"FINISHED"}

    edited(clip, mask, keyed)
    return mask


# -- masks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(320, 240), (120, 200)])
def test_a_mask_is_where_it_was_drawn(bpy: Any, tmp_path: Path, size: tuple[int, int]) -> None:
    picture = np.full((size[1], size[0]), 128, np.uint8)
    clip = ensure_clip_loaded(write_movie(tmp_path / "shot.mp4", [picture] * 3))
    mask = bpy.data.masks.new("m")
    shaped(mask.layers.new(name="a"), SQUARE)
    for frame, found in left_out(clip, mask, 1, 3).items():
        assert frame in (1, 2, 3)
        assert_alike(found, polygon(SQUARE, size), perimeter=int(sum(size) * 0.5))
        rows, columns = np.nonzero(found)
        x, y = size[0] / 2 - 0.5 + (0.325 - 0.5) * max(size), size[1] / 2 - 0.5 - (0.525 - 0.5) * max(size)
        assert (columns.mean(), rows.mean()) == (pytest.approx(x, abs=0.51), pytest.approx(y, abs=0.51))
    kept = left_out(clip, mask, 2, 2, keep=True)
    assert np.array_equal(kept[2], ~left_out(clip, mask, 2, 2)[2])


def feathered(bpy: Any, mask: Any, layer: Any, spline: Any) -> None:
    curved(bpy, mask, layer, spline)
    for point in spline.points:
        point.weight = 0.15


def curved(bpy: Any, mask: Any, layer: Any, spline: Any) -> None:
    move(spline, SQUARE, "FREE")
    for point, (x, y) in zip(spline.points, SQUARE, strict=True):
        point.handle_left, point.handle_right = (x - 0.1, y + 0.05), (x + 0.1, y - 0.05)


def inverted(bpy: Any, mask: Any, layer: Any, spline: Any) -> None:
    layer.invert = True


def subtracted(bpy: Any, mask: Any, layer: Any, spline: Any) -> None:
    over = mask.layers.new(name="b")
    shaped(over, right_by(0.1))
    over.blend = "SUBTRACT"


def added(bpy: Any, mask: Any, layer: Any, spline: Any) -> None:
    """Two layers that are half there are more than half together, where both are."""
    layer.alpha = 0.4
    over = mask.layers.new(name="b")
    shaped(over, right_by(0.1))
    over.blend, over.alpha = "ADD", 0.4


def hidden_from_renders(bpy: Any, mask: Any, layer: Any, spline: Any) -> None:
    over = mask.layers.new(name="b")
    shaped(over, right_by(0.4))
    over.hide_render = True


def fading(bpy: Any, mask: Any, layer: Any, spline: Any) -> None:
    layer.alpha = 1.0
    layer.keyframe_insert("alpha", frame=1)
    over = mask.layers.new(name="b")
    shaped(over, right_by(0.4))
    over.keyframe_insert("alpha", frame=1)
    over.alpha = 0.0
    over.keyframe_insert("alpha", frame=24)


@pytest.mark.parametrize(
    "drawn", [feathered, curved, inverted, subtracted, added, hidden_from_renders, fading], ids=lambda f: f.__name__
)
def test_a_mask_is_what_the_compositor_makes_of_it(bpy: Any, clip: Any, tmp_path: Path, drawn: Any) -> None:
    mask = bpy.data.masks.new("m")
    layer = mask.layers.new(name="a")
    spline = shaped(layer, SQUARE)
    if drawn is feathered:
        curved(bpy, mask, layer, spline)
    plain = left_out(clip, mask, 1, 1)[1]
    drawn(bpy, mask, layer, spline)
    expected = composited(bpy, mask, [1, 8, 24], tmp_path)
    found = left_out(clip, mask, 1, 24)
    for frame, picture in expected.items():  # within a feather the compositor's values are finer than 8 bits
        assert_alike(found[frame], picture, perimeter=40 if drawn is feathered else 4)
    if drawn is hidden_from_renders:
        assert np.array_equal(found[8], plain)
    elif drawn is fading:
        assert np.count_nonzero(found[1]) == pytest.approx(2 * np.count_nonzero(found[24]), abs=8)
    else:
        assert np.count_nonzero(found[8] != plain) > 100


def test_shape_keys_move_a_mask_by_the_scenes_frames(bpy: Any, clip_1001: Any, tmp_path: Path) -> None:
    clip_1001.frame_start = 101
    mask = walking(bpy, clip_1001, (101, 121))
    found = left_out(clip_1001, mask, 1001, 1024)
    expected = composited(bpy, mask, [101, 107, 121, 124], tmp_path)
    for frame, picture in expected.items():
        assert_alike(found[frame + 900], picture, perimeter=4)
    assert_alike(found[1001], polygon(SQUARE), perimeter=200)
    assert_alike(found[1021], polygon(right_by(0.5)), perimeter=200)


def test_a_mask_follows_the_track_that_is_its_parent(bpy: Any, clip: Any, tmp_path: Path) -> None:
    track = add_track(clip, 1, (0.3, 0.6), "parent")
    track_markers(clip)
    mask = bpy.data.masks.new("m")
    spline = shaped(mask.layers.new(name="a"), SQUARE)

    def parented(editor: Any) -> None:
        editor.go_to(1)
        track.select, clip.tracking.tracks.active = True, track
        for point in spline.points:
            point.select = True
        assert bpy.ops.mask.parent_set() == {"FINISHED"}

    edited(clip, mask, parented)
    found = left_out(clip, mask, 1, 24)
    centre = {frame: np.mean(np.nonzero(found[frame])[::-1], axis=1) for frame in (1, 24)}
    places = pixels_from_co([track.markers.find_frame(frame).co for frame in (1, 24)], SIZE)
    assert np.linalg.norm(places[1] - places[0]) > 5
    np.testing.assert_allclose(centre[24] - centre[1], places[1] - places[0], atol=0.6)


def test_nothing_of_it_is_left(bpy: Any, clip: Any, capfd: pytest.CaptureFixture[str]) -> None:
    mask = walking(bpy, clip, (1, 24))
    before = surroundings(bpy, clip)
    kept = [list(getattr(bpy.data, kind).keys()) for kind in ("scenes", "masks", "images", "node_groups")]
    capfd.readouterr()
    left_out(clip, mask, 1, 24)
    assert capfd.readouterr() == ("", "")
    assert [list(getattr(bpy.data, kind).keys()) for kind in ("scenes", "masks", "images", "node_groups")] == kept
    assert surroundings(bpy, clip) == before
    assert (mask.frame_start, mask.frame_end) == (1, 100)


@pytest.mark.parametrize("engine", ["klt", "libmv"])
def test_tracks_keep_off_a_mask_as_off_its_pictures(bpy: Any, sequence: Path, tmp_path: Path, engine: str) -> None:
    def tracks(mask_of: Callable[[Any], Any]) -> dict[str, Any]:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        clip = ensure_clip_loaded(sequence)
        mask = mask_of(clip)
        detect_features(clip, min_distance=10, mask=mask, engine=engine)
        track_markers(clip, mask=mask, engine=engine)
        return {track.name: track.to_dict() for track in MovieClipStore(clip).read()}

    clip = ensure_clip_loaded(sequence)
    pictures = left_out(clip, walking(bpy, clip, (1001, 1024)), 1001, 1024).values()
    folder = write_sequence(tmp_path, [np.where(picture, 255, 0).astype(np.uint8) for picture in pictures])
    drawn = tracks(lambda clip: walking(bpy, clip, (1001, 1024)))
    assert drawn == tracks(lambda clip: folder)
    assert len(drawn) > 30
    assert drawn != tracks(lambda clip: None)


def test_a_whole_shot_with_a_mask_and_its_checkpoint(bpy: Any, clip: Any, tmp_path: Path) -> None:
    mask = walking(bpy, clip, (1, 24))
    pictures = left_out(clip, mask, 1, 24)
    assert not (pictures[1] & pictures[24]).any()
    auto_track(clip, mask=mask)
    on_mask = markers = 0
    for track in MovieClipStore(clip).read():
        for frame, co in track.markers.items():
            x, y = np.clip(np.rint(pixels_from_co(co, SIZE)).astype(int), 0, (319, 239))
            on_mask, markers = on_mask + pictures[frame][y, x], markers + 1
    assert (on_mask, markers > 500) == (0, True)

    class Stop(Exception):
        pass

    def stop(progress: Any) -> None:
        if progress.done == 30:
            raise Stop

    with pytest.raises(Stop):
        auto_track(clip, mask=mask, checkpoint=tmp_path, on_progress=stop)
    mask.layers[0].invert = True
    with pytest.raises(ParameterError, match="its masks is"):
        auto_track(clip, mask=mask, checkpoint=tmp_path, resume=True)
    mask.layers[0].invert = False
    assert auto_track(clip, mask=mask, checkpoint=tmp_path, resume=True).tracks_per_frame


# -- annotations ------------------------------------------------------------------------------------------------------


def new_annotation(bpy: Any, name: str) -> Any:
    return (bpy.data.annotations if bpy.app.version >= (5, 0, 0) else bpy.data.grease_pencils).new(name)


def annotated(bpy: Any, clip: Any, drawings: dict[int, Any], name: str = "note") -> Any:
    """A layer of the clip's annotation with strokes on scene frames, places normalised.

    Blender draws strokes through the view of a window, and without one they get no places: these are then set.
    """
    if annotation_of(clip) is None:
        setattr(clip, "annotation" if bpy.app.version >= (5, 0, 0) else "grease_pencil", new_annotation(bpy, "notes"))
    layers = annotation_of(clip).layers
    layer = layers.new(name)
    layers.active_note = layer.info
    flip = {"pen_flip": False} if bpy.app.version < (4, 3, 0) else {}
    with tracking_context(clip) as editor:
        for frame, strokes in drawings.items():
            editor.scene.frame_current = frame
            for stroke in strokes:
                elements = [
                    {"name": "", "location": (0, 0, 0), "mouse": (10.0 * i, 5.0 * i * i), "mouse_event": (0, 0),
                     "pressure": 1.0, "size": 1.0, "time": 0.0, "is_start": i == 0, "x_tilt": 0.0, "y_tilt": 0.0,
                     **flip}
                    for i in range(len(stroke))
                ]  # fmt: skip
                assert bpy.ops.gpencil.annotate(mode="DRAW", stroke=elements) == {"FINISHED"}
                drawing = next(entry for entry in layer.frames if entry.frame_number == frame)
                for point, place in zip(drawing.strokes[-1].points, stroke, strict=True):
                    point.co = (*place, 0.0)
    return layer


def box(left: float, bottom: float, right: float, top: float) -> list[tuple[float, float]]:
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def inside(*boxes: tuple[float, float, float, float]) -> np.ndarray:
    area = np.zeros((240, 320), bool)
    x, y = (np.arange(320) + 0.5) / 320, 1 - (np.arange(240) + 0.5) / 240
    for left, bottom, right, top in boxes:
        area |= ((x > left) & (x < right))[None, :] & ((y > bottom) & (y < top))[:, None]
    return area


ONE, OTHER, THIRD = (0.1, 0.2, 0.4, 0.5), (0.5, 0.6, 0.9, 0.9), (0.05, 0.05, 0.2, 0.95)


def test_an_annotation_shows_until_the_next_one(bpy: Any, clip: Any) -> None:
    clip.frame_start = 101
    annotated(bpy, clip, {103: [box(*ONE)], 110: [box(*ONE), box(*OTHER)]})
    found = left_out(clip, annotation_of(clip), 1, 24)
    assert not found[1].any()
    assert not found[2].any()
    for frame, expected in ((3, inside(ONE)), (9, inside(ONE)), (10, inside(ONE, OTHER)), (24, inside(ONE, OTHER))):
        assert_alike(found[frame], expected, perimeter=1100)
        assert (found[frame] >= expected).all()


def test_layers_of_an_annotation(bpy: Any, clip: Any) -> None:
    one = annotated(bpy, clip, {1: [box(*ONE)]}, "one")
    other = annotated(bpy, clip, {1: [box(*OTHER)], 5: [box(*THIRD)]}, "other")
    assert (left_out(clip, one, 1, 1)[1] >= inside(ONE)).all()
    assert not left_out(clip, one, 1, 1)[1][inside(OTHER)].any()
    both = left_out(clip, annotation_of(clip), 5, 5)[5]
    assert both[inside(ONE)].all()
    assert both[inside(THIRD)].all()
    one.annotation_hide = True
    assert not left_out(clip, annotation_of(clip), 1, 1)[1][inside(ONE)].any()
    with pytest.raises(
        ParameterError, match="expected strokes around an area on frames 1-1, annotation 'one' has none"
    ):
        left_out(clip, one, 1, 1)
    other.lock_frame = True
    assert other.active_frame.frame_number == 5
    assert left_out(clip, other, 1, 1)[1][inside(THIRD)].all()


def test_what_is_no_mask_of_the_clip_is_refused(bpy: Any, clip: Any, movie: Path) -> None:
    words = "expected mask as a path or a list of paths"
    foreign = new_annotation(bpy, "another's")
    for entry in (foreign, clip, 3, [None]):
        with pytest.raises(ParameterError, match=words):
            detect_features(clip, mask=entry)
    with pytest.raises(ParameterError, match=words):
        detect_features(Clip.open(movie), mask=bpy.data.masks.new("m"))
    layer = annotated(bpy, clip, {1: [box(*ONE)]})
    layer.frames[0].strokes[0].points[1].co = (np.nan, 0.5, 0.0)
    with pytest.raises(
        ParameterError, match="'note' to have been drawn in Blender's window, its strokes have no places"
    ):
        detect_features(clip, mask=annotation_of(clip))
    assert len(clip.tracking.tracks) == 0


def test_a_mask_on_pixels_that_are_not_square_is_refused(bpy: Any, clip: Any) -> None:
    clip.display_aspect = (2.0, 1.0)
    with pytest.raises(ParameterError, match="expected square pixels to read mask 'm'"):
        detect_features(clip, mask=bpy.data.masks.new("m"))


@pytest.mark.parametrize("engine", ["klt", "libmv"])
def test_tracks_keep_to_an_annotation(bpy: Any, clip: Any, engine: str) -> None:
    annotated(bpy, clip, {1: [box(0.2, 0.2, 0.8, 0.8)]})
    assert detect_features(clip, min_distance=8, mask_keep=annotation_of(clip), engine=engine) > 20
    track_markers(clip, mask_keep=annotation_of(clip), engine=engine)
    places = [place for track in MovieClipStore(clip).read() for place in track.markers.values()]
    assert len(places) > 200
    assert np.min(places) > 0.2
    assert np.max(places) < 0.8


def detected(clip: Any, **options: Any) -> set[tuple[float, float]]:
    before = {track.name for track in clip.tracking.tracks}
    count = detect_features(clip, threshold=0.05, margin=10, min_distance=5, **options)
    new = [track for track in clip.tracking.tracks if track.name not in before]
    assert len(new) == count
    return {tuple(track.markers[0].co) for track in new}


def test_blenders_own_placement(bpy: Any, clip: Any) -> None:
    """Blender divides what it finds on the whole frame; the strokes of all the layer's frames count."""
    annotated(bpy, clip, {1: [box(*ONE)], 20: [box(*OTHER)]})
    everything = detected(clip)
    within = {
        (x, y)
        for x, y in everything
        if any(left < x < right and bottom < y < top for left, bottom, right, top in (ONE, OTHER))
    }
    assert 5 < len(within) < len(everything) - 5
    assert detected(clip, placement="INSIDE_GPENCIL") == within
    assert detected(clip, placement="OUTSIDE_GPENCIL") == everything - within


def test_placements_that_cannot_be(bpy: Any, clip: Any) -> None:
    with pytest.raises(ParameterError, match="expected placement to be one of FRAME, INSIDE_GPENCIL, OUTSIDE_GPENCIL"):
        detect_features(clip, placement="INSIDE")
    with pytest.raises(ParameterError, match=r"expected strokes on the active annotation layer of 'shot\.mp4'"):
        detect_features(clip, placement="INSIDE_GPENCIL")
    with pytest.raises(ParameterError, match="expected engine libmv for placement INSIDE_GPENCIL"):
        detect_features(clip, placement="INSIDE_GPENCIL", engine="klt")
    annotated(bpy, clip, {1: [box(*ONE)]})
    assert detect_features(clip, placement="INSIDE_GPENCIL") > 0
