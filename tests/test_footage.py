from __future__ import annotations

import gc
import os
import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from cinematic.tracking import BackendUnavailable, Clip, FootageError, ParameterError, ensure_clip_loaded
from cinematic.tracking.footage import Footage, Picture, find_footage, open_footage
from cinematic.tracking.footage.held import Room, Stored
from cinematic.tracking.footage.luminance import Image
from cinematic.tracking.footage.movie import Movie
from cinematic.tracking.footage.sequence import ImageSequence, display_curve
from cinematic.tracking.footage.stream import room_beside
from tests.plates import Plate, write_movie, write_sequence


def test_a_movie_gives_every_frame_as_it_was(plate: Plate, movie: Path) -> None:
    footage = open_footage(movie)
    assert footage.size == (320, 240)
    assert footage.fps == 24
    frames = list(footage.frames())
    assert [number for number, _ in frames] == list(range(1, 25))
    for (_, image), drawn in zip(frames, plate.frames, strict=True):
        assert image.dtype == np.float32
        assert np.abs(image * 255 - drawn).max() < 1.6  # studio range keeps 219 of 256 levels


@pytest.mark.parametrize(("first", "last"), [(1, 1), (7, 9), (8, 8), (9, 24), (24, 24)])
def test_part_of_a_movie_is_the_same_frames(movie: Path, first: int, last: int) -> None:
    whole = dict(open_footage(movie).frames())
    part = dict(open_footage(movie).frames(first, last))
    assert list(part) == list(range(first, last + 1))
    for number, image in part.items():
        np.testing.assert_array_equal(image, whole[number])


@pytest.mark.parametrize("kind", ["movie", "sequence"])
def test_backwards_is_the_same_frames_the_last_one_first(kind: str, request: pytest.FixtureRequest) -> None:
    footage = open_footage(request.getfixturevalue(kind))
    first, last = footage.numbers.first + 1, footage.numbers.last - 1
    forwards = list(footage.frames(first, last))
    backwards = list(footage.frames(first, last, backwards=True))
    assert [number for number, _ in backwards] == [number for number, _ in reversed(forwards)]
    for (number, image), (_, expected) in zip(backwards, reversed(forwards), strict=True):
        np.testing.assert_array_equal(image, expected)
        if number == first + 5:
            np.testing.assert_array_equal(footage.frame(number), expected)


@pytest.mark.parametrize("room", [0, 7 * 320 * 240, 9 * 320 * 240, 2**30])
@pytest.mark.parametrize("piece", [1, 5 * 320 * 240, 100 * 320 * 240])
def test_a_movie_goes_backwards_in_pieces_of_any_length(
    movie: Path, monkeypatch: pytest.MonkeyPatch, piece: int, room: int
) -> None:
    monkeypatch.setattr("cinematic.tracking.footage.movie.PIECE", piece)
    monkeypatch.setattr("cinematic.tracking.footage.stream.ROOM", Room(room, 23))
    footage = open_footage(movie)
    forwards = list(footage.frames(2, 20))
    for last in (20, 17):
        backwards = list(footage.frames(1, last, backwards=True))
        assert [number for number, _ in backwards] == list(range(last, 0, -1))
        for number, image in backwards[:-1]:
            np.testing.assert_array_equal(image, forwards[number - 2][1])


@pytest.fixture(params=["movie", "sequence"])
def counted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Footage, list[int]]:
    """Footage, and the frames of it that are decoded from now on."""
    footage, decoded = open_footage(request.getfixturevalue(request.param)), []
    decode = footage._decode

    def counting(numbers: range) -> Iterator[tuple[int, Stored]]:
        for number, stored in decode(numbers):
            decoded.append(number)
            yield number, stored

    monkeypatch.setattr(footage, "_decode", counting)
    return footage, decoded


def test_what_is_held_is_not_decoded_again(counted: tuple[Footage, list[int]]) -> None:
    footage, decoded = counted
    first, last = footage.numbers.first, footage.numbers.last
    kept = dict(footage.frames(first + 3, first + 8))
    del decoded[:]
    assert footage.frame(first + 4) is not None
    for backwards in (False, True):
        for number, image in footage.frames(first + 4, first + 8, backwards=backwards):
            np.testing.assert_array_equal(image, kept[number])
    assert decoded == []
    again = dict(footage.frames(first + 6, last))  # held at its beginning
    assert decoded == list(range(first + 9, last + 1))
    del decoded[:]
    assert [number for number, _ in footage.frames(backwards=True)] == list(range(last, first - 1, -1))
    assert decoded == [first + 2, first + 1, first]  # held down to there
    np.testing.assert_array_equal(again[first + 7], kept[first + 7])


def test_no_more_is_held_than_there_is_room_for(counted: tuple[Footage, list[int]]) -> None:
    footage, decoded = counted
    image = footage.frame(footage.numbers.first)
    a_frame = image.nbytes if isinstance(footage, ImageSequence) else image.size
    count = footage.numbers.duration
    third = count * a_frame // 3
    for room, held in (
        (Room(count * a_frame, count), count),
        (Room(third + a_frame, count), (third + a_frame) // a_frame),
        (Room(third - a_frame, count), (third - a_frame) // (8 * a_frame)),
        (Room(16 * a_frame, count - 1), 2),
    ):
        footage._held = room.held()
        for _ in range(2):
            del decoded[:]
            assert len(list(footage.frames())) == count
        assert decoded == list(range(footage.numbers.first, footage.numbers.last + 1))[held:]


def held_frame(size: int) -> Stored:
    return Image(np.zeros((1, size // 4), np.float32))


def test_footage_that_lies_idle_makes_room() -> None:
    room = Room(100, 10)
    idle, old = room.held(), room.held()
    idle.offer(1, held_frame(40), 1)
    old.offer(1, held_frame(40), 1)
    new = room.held()
    old.use()
    new.offer(1, held_frame(20), 1)
    assert idle.use().keys() == old.use().keys() == {1}  # there was room for all
    newer = room.held()
    old.use()
    newer.offer(1, held_frame(80), 1)
    assert list(newer.use()) == []  # what has been used since it was opened stays
    newer.offer(1, held_frame(60), 1)
    assert list(newer.use()) == list(old.use()) == [1]
    assert not idle.use()
    assert not new.use()


def test_footage_that_is_gone_holds_nothing() -> None:
    room = Room(100, 10)
    gone = room.held()
    gone.offer(1, held_frame(100), 1)
    frames = gone.use()
    other = room.held()
    gone.use()
    other.offer(1, held_frame(40), 1)
    assert not other.use()
    del gone
    gc.collect()
    other.offer(1, held_frame(40), 1)
    assert list(other.use()) == list(frames) == [1]


@pytest.mark.parametrize(
    ("codec", "pixels"), [("ffv1", "yuv422p10le"), ("mjpeg", "yuvj420p"), ("ffv1", "gray"), ("png", "rgb24")]
)
def test_luminance_is_the_same_whatever_the_pixels_are_stored_as(
    plate: Plate, tmp_path: Path, codec: str, pixels: str
) -> None:
    path = tmp_path / ("movie.mov" if codec == "png" else "movie.mkv")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 240, pixels
        grey = np.repeat(plate.frames[0].astype(np.uint8)[..., None], 3, axis=2)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode())
    image = open_footage(path).frame(1)
    off = image - grey[..., 0] / np.float32(255)
    assert abs(off.mean()) < 0.002
    assert np.abs(off).mean() < 0.01  # a range taken wrongly is off by more


def test_a_movie_with_reordered_frames_counts_as_shown(plate: Plate, tmp_path: Path) -> None:
    path = tmp_path / "reordered.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.options = {"qp": "1", "bf": "3", "g": "6"}
        for frame in plate.frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.stack([frame] * 3, axis=2), format="rgb24")))
        container.mux(stream.encode())
    for number, image in open_footage(path).frames(10, 17):
        assert np.abs(image * 255 - plate.frames[number - 1]).mean() < 2


def turned(movie: Path, target: Path) -> Path:
    """The movie with a quarter turn clockwise in its track header, as a phone writes it."""
    content = bytearray(movie.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 4 + 20 + 16  # version 0: flags, times and ids, layer and volume
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    target.write_bytes(content)
    return target


def test_an_upright_movie_stands_upright(movie: Path, tmp_path: Path) -> None:
    footage = open_footage(turned(movie, tmp_path / "upright.mp4"))
    assert footage.size == (240, 320)
    np.testing.assert_array_equal(footage.frame(3), np.rot90(open_footage(movie).frame(3), -1))


@pytest.mark.blender
def test_blender_turns_it_the_same_way_or_does_not_get_it(movie: Path, tmp_path: Path) -> None:
    import bpy

    upright = turned(movie, tmp_path / "upright.mp4")
    if bpy.app.version < (4, 4, 0):
        with pytest.raises(BackendUnavailable, match=r"Blender 4.* does not turn the frames of upright\.mp4"):
            ensure_clip_loaded(upright)
        return
    image = bpy.data.images.load(str(upright))
    pixels = np.array(image.pixels[:]).reshape(320, 240, 4)[::-1, :, 0]
    assert np.abs(pixels - open_footage(upright).frame(1)).max() < 0.02
    bpy.data.images.remove(image)


def test_a_variable_rate_is_reported(movie: Path, plate: Plate, tmp_path: Path) -> None:
    path = tmp_path / "variable.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for frame, time in zip(plate.frames[:6], (0, 40, 80, 200, 240, 280), strict=True):
            picture = av.VideoFrame.from_ndarray(np.stack([frame] * 3, axis=2), format="rgb24")
            picture.pts, picture.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    variable, constant = open_footage(path), open_footage(movie)
    assert isinstance(variable, Movie)
    assert isinstance(constant, Movie)
    assert variable.has_variable_rate
    assert not constant.has_variable_rate
    assert len(list(variable.frames())) == 6


@pytest.mark.parametrize("interlaced", [False, True])
def test_interlaced_movies_are_told(plate: Plate, tmp_path: Path, interlaced: bool) -> None:
    with av.open(str(tmp_path / "shot.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = plate.size[0], plate.size[1], "yuv420p"
        stream.options = {"x264-params": "tff=1"} if interlaced else {}
        for picture in plate.frames[:3]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray8")))
        container.mux(stream.encode())
    assert open_footage(tmp_path / "shot.mp4").is_interlaced == interlaced


def test_a_sequence_keeps_its_numbers(plate: Plate, sequence: Path) -> None:
    footage = open_footage(sequence)
    assert (footage.numbers.first, footage.numbers.last) == (1001, 1024)
    assert footage.fps is None
    frames = list(footage.frames(1003, 1005))
    assert [number for number, _ in frames] == [1003, 1004, 1005]
    np.testing.assert_allclose(frames[0][1] * 255, plate.frames[2], atol=1e-3)


@pytest.mark.parametrize("name", ["", "shot.1001.png", "shot.1017.png", "shot.####.png", "shot.%04d.png", "shot.#.png"])
def test_every_way_to_write_a_sequence_means_the_whole(sequence: Path, name: str) -> None:
    footage = find_footage(sequence / name)
    assert footage.first_file == sequence / "shot.1001.png"
    assert len(footage.files) == 24
    assert footage.number == 1001


def test_numbers_are_the_last_digits_of_a_name(tmp_path: Path) -> None:
    write_sequence(tmp_path, [np.zeros((4, 4), np.uint8)] * 3)
    for number in (998, 999, 1000):  # grows a digit
        (tmp_path / "shot.1001.png").rename(tmp_path / f"sc02-v3_{number}.png") if number == 998 else None
        (tmp_path / f"sc02-v3_{number}.png").write_bytes((tmp_path / "sc02-v3_998.png").read_bytes())
    footage = find_footage(tmp_path / "sc02-v3_999.png")
    assert [file.name for file in footage.files] == ["sc02-v3_998.png", "sc02-v3_999.png", "sc02-v3_1000.png"]
    assert footage.number == 998


def test_16_bit_and_scene_linear_images(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1.5, 64, dtype=np.float32).reshape(8, 8)
    spec = oiio.ImageSpec(8, 8, 3, oiio.HALF)
    spec.attribute("FramesPerSecond", oiio.TypeDesc("rational"), (24000, 1001))
    output = oiio.ImageOutput.create(str(tmp_path / "light.0101.exr"))
    output.open(str(tmp_path / "light.0101.exr"), spec)
    output.write_image(np.repeat(ramp[..., None], 3, axis=2))
    output.close()
    footage = open_footage(tmp_path)
    (number, image), *_ = footage.frames()
    assert number == 101
    assert footage.fps == pytest.approx(float(Fraction(24000, 1001)))
    np.testing.assert_allclose(image, display_curve(ramp), atol=2e-3)
    assert display_curve(np.float32([0.18]))[0] == pytest.approx(0.4613, abs=1e-3)  # mid grey, IEC 61966-2-1


def written(file: Path, pixels: np.ndarray, kind: str, **layout: Any) -> Path:
    """An image with its pixels stored as `kind`; `layout` are members of the ImageSpec."""
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
    for name, value in layout.items():
        setattr(spec, name, value)
    output = oiio.ImageOutput.create(str(file))
    assert output.open(str(file), spec)
    assert output.write_image(pixels)
    output.close()
    return file


@pytest.mark.parametrize(
    ("name", "kind", "channels", "layout", "within"),
    [
        ("grey.1.png", "uint8", 1, {}, 0.003),
        ("colour.1.png", "uint8", 3, {}, 0.003),
        ("colour.1.tif", "uint16", 3, {}, 0.00002),
        ("colour.1.dpx", "uint16", 3, {}, 0.00002),
        ("colour.1.tif", "float", 3, {}, 1e-6),
        ("grey.1.tif", "float", 1, {}, 1e-6),
        ("grey.1.exr", "half", 1, {}, 0.001),
        ("grey_and_depth.1.tif", "uint16", 2, {}, 0.00002),
        ("four.1.exr", "half", 4, {}, 0.001),
        ("float.1.exr", "float", 3, {}, 1e-6),
        ("tiled.1.exr", "half", 3, {"tile_width": 32, "tile_height": 32}, 0.001),
        ("window.1.exr", "half", 3, {"x": 7, "y": 20, "full_width": 500, "full_height": 700}, 0.001),
    ],
)
def test_an_image_is_the_same_however_its_pixels_are_stored(
    tmp_path: Path, name: str, kind: str, channels: int, layout: dict[str, int], within: float
) -> None:
    pixels = np.random.default_rng(3).random((600, 96, channels)).astype(np.float32)  # taller than what is read at once
    found = open_footage(written(tmp_path / name, pixels, kind, **layout)).frame(1)
    expected = pixels[..., :3].astype(np.float64) @ (0.2126, 0.7152, 0.0722) if channels > 2 else pixels[..., 0]
    if name.endswith("exr"):
        expected = np.where(expected <= 0.0031308, 12.92 * expected, 1.055 * expected ** (1 / 2.4) - 0.055)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < within


@pytest.mark.parametrize(
    ("channels", "picture"),
    [
        (["R", "G", "B", "A", "Z"], "RGB"),
        (["A", "Z", "Y"], "Y"),
        (["crypto.R", "crypto.G", "crypto.B", "R", "G", "B"], "RGB"),
        (["diffuse.R", "diffuse.G", "diffuse.B", "rgba.R", "rgba.G", "rgba.B"], "rgba."),
        (["View.AO.R", "View.AO.G", "View.AO.B", "View.Combined.R", "View.Combined.G", "View.Combined.B"], "Combined."),
        (["left.R", "left.G", "left.B", "right.R", "right.G", "right.B"], "left."),
        (["Z", "depth.Z"], "Z"),
    ],
)
def test_of_an_exrs_channels_the_picture_is_read(tmp_path: Path, channels: list[str], picture: str) -> None:
    shown = np.random.default_rng(2).random((20, 30)).astype(np.float32)
    is_picture = [name in picture or picture in name for name in channels]
    pixels = np.stack([shown if each else shown[::-1] * 0.7 for each in is_picture], axis=2)
    file = written(tmp_path / "shot.1.exr", pixels, "float", channelnames=tuple(channels))
    expected = display_curve(shown)
    assert np.abs(open_footage(file).frame(1) - expected).max() < 1e-5


def test_images_read_together_come_in_order_and_an_error_in_its_turn(tmp_path: Path) -> None:
    for number in range(1, 13):
        written(tmp_path / f"shot.{number:02d}.png", np.full((9, 9, 1), number / 20, np.float32), "uint8")
    footage = open_footage(tmp_path)
    assert [number for number, _ in footage.frames(backwards=True)] == list(range(12, 0, -1))
    for number, image in footage.frames(3, 11):
        assert image[4, 4] == pytest.approx(number / 20, abs=0.003)
    (tmp_path / "shot.07.png").write_bytes((tmp_path / "shot.07.png").read_bytes()[:40])
    footage = open_footage(tmp_path)
    seen: list[int] = []
    with pytest.raises(FootageError, match=r"shot\.07\.png"):
        seen.extend(number for number, _ in footage.frames())
    assert seen == [1, 2, 3, 4, 5, 6]


def test_what_is_no_footage_says_so(tmp_path: Path, plate: Plate) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "junk.mp4").write_bytes(b"junk" * 100)
    (tmp_path / "junk.png").write_bytes(b"junk" * 100)
    (tmp_path / "notes.txt").write_text("FFmpeg would play this as an ANSI terminal\n" * 20)
    two = write_sequence(tmp_path / "two", plate.frames[:1])
    write_sequence(two, plate.frames[:1], first=2001)
    (two / "shot.2001.png").rename(two / "other.2001.png")
    holes = write_sequence(tmp_path / "holes", plate.frames[:8])
    (holes / "shot.1003.png").unlink()
    (holes / "shot.1005.png").unlink()
    for path, reason in {
        "missing.mp4": "found nothing at",
        "missing.####.exr": "found nothing that matches",
        "empty": "expected images in the folder",
        "junk.mp4": "cannot open",
        "junk.png": "cannot open",
        "notes.txt": "found no pictures",
        "two": "expected one image sequence",
        "holes": "frames 1003,1005 of 1001-1008 are missing",
        "holes/shot.1001.png": "frames 1003,1005 of 1001-1008 are missing",
    }.items():
        with pytest.raises(FootageError) as caught:
            open_footage(tmp_path / path)
        assert reason in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [b"pl\xe4n.mp4", b"pl\xe4n.0001.png"])
def test_a_name_that_is_no_text_says_so(tmp_path: Path, movie: Path, name: bytes) -> None:
    file = tmp_path / os.fsdecode(name)
    try:
        file.symlink_to(movie)
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")
    for path in (file, tmp_path) if name.endswith(b"png") else (file,):
        with pytest.raises(FootageError, match=r"expected a path in UTF-8, got b'.*pl\\xe4n"):
            open_footage(path)


def test_frames_that_are_not_there(movie: Path) -> None:
    with pytest.raises(ParameterError, match="expected last frame within 1-24, got 25"):
        open_footage(movie).frames(3, 25)


def test_an_image_of_another_size_names_its_file(tmp_path: Path, plate: Plate) -> None:
    frames = [plate.frames[0], plate.frames[1][:100]]
    with pytest.raises(FootageError, match=r"320x240 like the first, got 320x100: .*shot.1002.png"):
        list(open_footage(write_sequence(tmp_path, frames)).frames())


def write_windows(folder: Path, corners: Sequence[tuple[int, int]]) -> Path:
    """EXR files of 64x40 pixels that begin at these places of a picture of 48x32."""
    folder.mkdir(exist_ok=True)
    for number, (x, y) in enumerate(corners, start=1001):
        spec = oiio.ImageSpec(64, 40, 3, "half")
        spec.x, spec.y = x, y
        spec.full_x = spec.full_y = 0
        spec.full_width, spec.full_height = 48, 32
        file = folder / f"shot.{number}.exr"
        image = oiio.ImageOutput.create(str(file))
        assert image.open(str(file), spec)
        assert image.write_image(np.full((40, 64, 3), 0.5, np.float32))
        image.close()
    return folder


def test_overscan_is_part_of_the_images_and_told(tmp_path: Path) -> None:
    footage = open_footage(write_windows(tmp_path / "shot", [(-8, -5), (-8, -5)]))
    assert footage.size == (64, 40)  # Blender's size, too
    assert footage.picture == Picture((48, 32), left=-8, bottom=-3)
    assert Clip(footage).info.corner == (-8, -3)
    assert {image.shape for _, image in footage.frames()} == {(40, 64)}
    plain = write_windows(tmp_path / "moving", [(-8, -5), (-7, -5)])
    with pytest.raises(FootageError, match=r"data window to begin at -8, -5 like the first's, got -7, -5: .*1002.exr"):
        list(open_footage(plain).frames())


@pytest.mark.parametrize(("container", "codec"), [("mpegts", "libx264"), ("h264", "libx264"), ("mjpeg", "mjpeg")])
def test_a_movie_that_changes_size_midway_names_the_frame(
    tmp_path: Path, plate: Plate, container: str, codec: str
) -> None:
    path, parts = tmp_path / "changes", []
    for number, frames in enumerate((plate.frames[:12], [frame[:120, :160] for frame in plate.frames[12:]])):
        with av.open(str(path), "w", format=container) as output:
            stream = output.add_stream(codec, rate=24)
            stream.height, stream.width = frames[0].shape
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for shown, pixels in enumerate(frames, start=12 * number):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="gray")
                frame.pts = shown
                output.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
            output.mux(stream.encode())
        parts.append(path.read_bytes())
    path.write_bytes(b"".join(parts))
    frames = open_footage(path).frames()
    assert [number for number, _ in islice(frames, 12)] == list(range(1, 13))
    with pytest.raises(FootageError, match="every frame to be 320x240 like the first, frame 13 is 160x120"):
        next(frames)


def test_a_movie_that_was_cut_off_has_the_frames_that_are_left(tmp_path: Path, plate: Plate) -> None:
    path = write_movie(tmp_path / "whole.mkv", plate.frames)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    footage = open_footage(path)
    assert 8 <= footage.numbers.last < 24
    frames = list(footage.frames())
    assert [number for number, _ in frames] == list(range(1, footage.numbers.last + 1))


@pytest.mark.parametrize(("memory", "room"), [(2**30, 384 * 2**20), (16 * 2**30, 2**30), (256 * 2**30, 2 * 2**30)])
def test_frames_are_held_in_a_share_of_the_memory(memory: int, room: int) -> None:
    frame = SimpleNamespace(nbytes=room // 100, luminance=np.zeros((1, 1), np.float32))
    held = room_beside(memory).held()
    for number in range(250):
        held.offer(number, frame, 250)
    assert len(held.use()) == 100


def test_a_stamp_tells_footage_that_has_changed(plate: Plate, tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / "sequence", plate.frames[:4])
    before = find_footage(folder).stamp()
    assert find_footage(folder / "shot.1002.png").stamp() == before
    (folder / "shot.1003.png").write_bytes((folder / "shot.1003.png").read_bytes() + b" ")
    changed = find_footage(folder).stamp()
    assert changed != before
    (folder / "shot.1004.png").unlink()
    assert find_footage(folder).stamp() not in (before, changed)
