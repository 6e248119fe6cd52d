"""Cuts, bad frames, and what is neither."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from cinematic.tracking import Clip
from cinematic.tracking.shots import Watch, looked_at
from tests.plates import drawn_plate, smooth_texture

Images = list[np.ndarray]

ROOT = Path(__file__).resolve().parents[1]


def luminance(frames: list[np.ndarray]) -> Images:
    return [(frame / 255).astype(np.float32) for frame in frames]


def shot(seed: int, count: int = 8) -> Images:
    return luminance(drawn_plate(count=count, seed=seed).frames)


def looked(images: Images) -> Watch:
    watch = Watch()
    frames = list(looked_at(enumerate(images, start=1), watch))
    assert [frame.number for frame in frames] == list(range(1, len(images) + 1))
    assert {frame.number for frame in frames if frame.kind == "bad"} <= set(watch.bad)
    assert [frame.number for frame in frames if frame.kind == "cut"] == watch.cuts
    return watch


def whip_pan(step: int, blurred: bool = True) -> Images:
    """Calm, then ``step`` px a frame (of 320), then calm again."""
    texture = smooth_texture((240, 320 + 12 * step + 40), 5) / 255
    places = [0, 1, 2] + [2 + step * i for i in range(1, 11)] + [3 + 10 * step, 4 + 10 * step, 5 + 10 * step]
    frames = []
    for place, moved in zip(places, np.diff([0, *places]), strict=True):
        frame = texture[:, place : place + 320]
        frames.append(cv2.blur(frame, (max(1, int(moved) // 2), 1)) if blurred else frame)
    return frames


@pytest.mark.parametrize("pair", [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)])
def test_a_cut_is_found_where_it_is(pair: tuple[int, int]) -> None:
    watch = looked(shot(pair[0]) + shot(pair[1]))
    assert (watch.cuts, watch.bad) == ([9], [])


def test_several_cuts_and_short_shots() -> None:
    watch = looked(shot(1) + shot(2)[:3] + shot(3)[:4] + shot(4))
    assert (watch.cuts, watch.bad) == ([9, 12, 16], [])


def flash(image: np.ndarray) -> np.ndarray:
    return np.clip(image * 0.02 + 0.98, 0, 1).astype(np.float32)


def torn(image: np.ndarray) -> np.ndarray:
    """As a decoder leaves a frame whose data is damaged: rows shifted, blocks of grey."""
    rng = np.random.default_rng(0)
    blocks = rng.random((15, 20)).astype(np.float32).repeat(16, 0).repeat(16, 1)
    damaged = np.roll(image, 90, axis=1)
    damaged[40:220] = blocks[40:220]
    return damaged


@pytest.mark.parametrize(
    "spoil",
    [flash, torn, np.zeros_like, np.ones_like, lambda image: image[::-1, ::-1].copy()],
    ids=["flash", "torn", "black", "white", "another picture"],
)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_up_to_three_bad_frames_are_no_cut(spoil: Callable[[np.ndarray], np.ndarray], count: int) -> None:
    images = shot(1, 48)[:16]
    for index in range(7, 7 + count):
        images[index] = spoil(images[index])
    watch = looked(images)
    assert (watch.cuts, watch.bad) == ([], list(range(8, 8 + count)))


def test_bad_frames_of_different_kinds_in_a_row_and_apart() -> None:
    images = shot(1, 16)
    images[4], images[10], images[11] = flash(images[4]), np.zeros_like(images[10]), torn(images[11])
    assert looked(images) == Watch(last=16, bad=[5, 11, 12])


def test_what_lasts_is_no_bad_frame() -> None:
    watch = looked(shot(1, 48)[:8] + shot(2, 48)[:4] + shot(1, 48)[8:16])
    assert (watch.cuts, watch.bad) == ([9, 13], [])
    black = shot(1, 16)
    for index in range(6, 10):
        black[index] = np.zeros_like(black[index])
    assert (looked(black).cuts, looked(black).bad) == ([], [])


def test_a_bad_frame_before_a_cut_hides_neither() -> None:
    images = shot(1, 8) + shot(2, 8)
    images[5] = flash(images[5])
    watch = looked(images)
    assert (watch.cuts, watch.bad) == ([9], [6])


@pytest.mark.parametrize("spoil", [flash, np.zeros_like, np.ones_like])
@pytest.mark.parametrize(("first", "count"), [(7, 1), (8, 1), (7, 2), (6, 3)])
def test_bad_frames_that_cover_a_cut_do_not_hide_it(
    spoil: Callable[[np.ndarray], np.ndarray], first: int, count: int
) -> None:
    images = shot(1, 8) + shot(2, 8)
    bad = range(first, first + count)
    for index in bad:
        images[index] = spoil(images[index])
    watch = looked(images)
    assert (watch.cuts, watch.bad) == ([max(9, bad.stop + 1)], [index + 1 for index in bad])


def test_a_burst_of_flashes_is_no_cut() -> None:
    images = shot(1, 24)
    for index in (4, 6, 7, 9, 12, 13, 14, 16):
        images[index] = flash(images[index])
    watch = looked(images)
    assert watch.cuts == []
    assert watch.bad == [5, 7, 8, 10, 13, 14, 15, 17]


@pytest.mark.parametrize("step", [20, 60, 120, 200])
@pytest.mark.parametrize("blurred", [True, False])
def test_a_whip_pan_is_no_cut(step: int, blurred: bool) -> None:
    watch = looked(whip_pan(step, blurred))
    assert (watch.cuts, watch.bad) == ([], [])


def test_light_that_changes_is_no_cut() -> None:
    images = shot(1, 16)
    ramp = [image * np.float32(0.1 + 0.06 * i) for i, image in enumerate(images)]
    assert looked(ramp) == Watch(last=16)
    lightning = [image * np.float32(0.5 if i != 7 else 1.0) for i, image in enumerate(images)]
    assert looked(lightning) == Watch(last=16)


def test_a_fade_to_black_and_noise_are_no_cuts() -> None:
    rng = np.random.default_rng(0)
    faded = [image * np.float32(max(0.0, 1 - i / 10)) for i, image in enumerate(shot(1, 16))]
    assert looked(faded).cuts == []
    noisy = [(image + rng.normal(0, 0.06, image.shape)).astype(np.float32) for image in shot(1, 16)]
    assert looked(noisy) == Watch(last=16)


def test_something_that_crosses_the_picture_is_no_cut() -> None:
    images = shot(1, 16)
    other = luminance([smooth_texture((240, 130), 77)])[0]
    for i, image in enumerate(images):
        left = 30 * i - 130
        image[:, max(0, left) : max(0, left + 130)] = other[:, max(0, -left) : 130 - max(0, left + 130 - 320)]
    watch = looked(images)
    assert (watch.cuts, watch.bad) == ([], [])


def test_something_large_that_comes_in_slowly_is_no_dissolve() -> None:
    images = [0.4 + 0.4 * (image - 0.4) for image in shot(1, 40)]
    other = luminance([smooth_texture((240, 240), 77)])[0]
    for i, image in enumerate(images[14:], start=1):
        image[:, : 8 * i] = other[:, -8 * i :]
    watch = looked(images)
    assert (watch.cuts, watch.bad) == ([], [])


PLATES = (ROOT / "examples" / "sample_plate.mp4", ROOT / "benchmarks" / "plates" / "committed" / "street_blur.mp4")


@pytest.fixture(scope="module")
def plates() -> list[Images]:
    """The middle of two rendered plates."""
    return [[image[60:300, 160:480] for _, image in Clip.open(path).footage.frames(1, 24)] for path in PLATES]


def dissolved(one: Images, other: Images, count: int) -> Images:
    """``count`` frames are mixtures: the last ones of the one and the first ones of the other."""
    shares = np.linspace(0, 1, count + 2, dtype=np.float32)[1:-1]
    mixed = [(1 - s) * a + s * b for s, a, b in zip(shares, one[-count:], other[:count], strict=True)]
    return one[:-count] + mixed + other[count:]


@pytest.mark.parametrize("count", [6, 10, 15])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_dissolve_is_found(plates: list[Images], count: int, backwards: bool) -> None:
    images = dissolved(*plates, count)
    watch = looked(images[::-1] if backwards else images)
    (cut,) = watch.cuts
    true = range(25 - count, 25)
    assert watch.bad == list(range(watch.bad[0], cut))
    assert abs(watch.bad[0] - true[0]) <= 2
    assert abs(watch.bad[-1] - true[-1]) <= 1 + count // 5


def test_no_dissolve_where_pictures_stay_alike_or_only_the_light_goes(plates: list[Images]) -> None:
    light = [1 - 0.8 * np.sin(np.pi * i / 23) for i in range(24)]
    assert looked([image * np.float32(share) for image, share in zip(plates[0], light, strict=True)]) == Watch(last=24)
    blur = [cv2.GaussianBlur(image, (0, 0), 0.1 + 6 * np.sin(np.pi * i / 23)) for i, image in enumerate(plates[0])]
    assert looked(blur) == Watch(last=24)


@pytest.mark.parametrize("gain", [1.5, 2.0, 3.0])
@pytest.mark.parametrize("lift", [0.2, 0.4])
def test_a_flash_that_whitens_what_it_lights_is_neither_a_cut_nor_a_dissolve(gain: float, lift: float) -> None:
    for path in PLATES:
        images = [image for _, image in Clip.open(path).footage.frames(1, 24)]
        for index, share in ((10, 1.0), (11, 0.4)):
            lit = images[index] * (1 + (gain - 1) * share) + lift * share
            images[index] = np.clip(lit, 0, 1).astype(np.float32)
        watch = looked(images)
        assert watch.cuts == []
        assert set(watch.bad) <= {11, 12}


@pytest.mark.parametrize(("path", "seed"), [(PLATES[0], 3), (PLATES[1], 2), (PLATES[1], 11)])
def test_a_shaken_camera_blurs_frames_and_dissolves_nothing(path: Path, seed: int) -> None:
    shaken = np.random.default_rng(seed).uniform(0.1, 8.0, 24)
    frames = Clip.open(path).footage.frames(1, 24)
    images = [cv2.GaussianBlur(image, (0, 0), sigma) for (_, image), sigma in zip(frames, shaken, strict=True)]
    assert looked(images) == Watch(last=24)


def test_going_on_from_any_frame_finds_the_same(plates: list[Images]) -> None:
    images = shot(1, 8) + dissolved(plates[0][12:], plates[1][:12], 8)
    images[4], images[7] = flash(images[4]), flash(images[7])
    straight = looked(images)
    assert len(straight.cuts) == 2
    for stop in range(1, len(images) + 1):
        watch = Watch()
        kinds = {}
        for frame in looked_at(enumerate(images, start=1), watch):
            kinds[frame.number] = frame.kind
            if frame.number == stop:
                break
        assert watch.last is not None
        again = Watch(watch.calm, watch.last, list(watch.cuts), list(watch.bad))
        start = again.again_from(1)
        rest = looked_at(enumerate(images[start - 1 :], start=start), again)
        kinds |= {frame.number: frame.kind for frame in rest}
        assert again == straight
        assert sorted(kinds) == list(range(1, len(images) + 1))
