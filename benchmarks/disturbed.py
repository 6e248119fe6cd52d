"""What happens to plates, from flashes and zooms to dirt and compression, drawn into one whose truth is exact.

    python -m benchmarks.disturbed                 all of them, on the committed courtyard
    python -m benchmarks.disturbed --only zoom     those whose name has these letters

Each disturbed plate is tracked, judged, cleaned and its camera solved, nothing known of it. Positions are brought back
to the plate as it was rendered before they are compared with its truth; the camera's path is the same. Prints Markdown;
keeps JSON in `benchmarks/results`.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks import delivered, report
from benchmarks.footage import write_sequence
from benchmarks.plates import catalogue, truth
from benchmarks.plates.catalogue import Entry
from benchmarks.report import Table
from benchmarks.score import Scores, score
from benchmarks.solving import figures_of_a_solve
from benchmarks.whole_shots import positions_of
from cinematic.tracking import Clip, auto_track, clean_tracks, judge_with_motion

_TIMES = 17  # at which an open shutter sees

Pictures = list[np.ndarray]  # (height, width) uint8
# Of a frame's index (or a time between two), picture size and focal length.
Homographies = Callable[[float, tuple[int, int], float], np.ndarray]

COLUMNS = {
    "tracks": "tracks", "bad1": "bad1", "after": "cleaned", "bad4": "bad4", "after4": "cleaned",
    "kept": "good markers kept", "thinnest": "tracks on the thinnest frame", "solve": "solve px", "frames": "frames",
    "ate": "ate", "focal_off": "focal off",
}  # fmt: skip


@dataclass(frozen=True)
class Disturbance:
    """Something that happens to a plate."""

    name: str
    drawn: Callable[[Pictures, np.random.Generator], Pictures] = lambda pictures, _: pictures
    warped: Homographies = lambda *_: np.eye(3)  # rendered px -> disturbed px
    pixel_aspect: float = 1.0  # what the clip is told
    readout: float = 0.0  # share of a frame's time in which the rows are read, while what is ``warped`` goes on
    shutter: float = 0.0  # share of a frame's time in which the shutter is open, meanwhile, too


def _zoom(begin: float, end: float) -> Homographies:
    def homography(index: float, size: tuple[int, int], _: float) -> np.ndarray:
        scale = begin + (end - begin) * index / (catalogue.COURTYARD.frames - 1)
        x, y = (size[0] - 1) / 2, (size[1] - 1) / 2
        return np.array([[scale, 0, x - scale * x], [0, scale, y - scale * y], [0, 0, 1]])

    return homography


def _squeezed(_: float, size: tuple[int, int], __: float) -> np.ndarray:
    """To half its width, as an anamorphic lens does; shown twice as high in place of half as wide."""
    middle = (size[1] - 1) / 2
    return np.array([[1, 0, 0], [0, 2, -middle], [0, 0, 1]])


def _stabilised(px: float) -> Homographies:
    """Shifted against the lens, as by an optical stabiliser or one in post: so much across, six tenths of it down."""

    def homography(index: float, _: tuple[int, int], __: float) -> np.ndarray:
        across, down = px * np.sin(index / 5), 0.6 * px * (np.sin(index / 3.7 + 1) - np.sin(1))
        return np.array([[1, 0, across], [0, 1, down], [0, 0, 1]])

    return homography


def _shaken(degrees: float) -> Homographies:
    def homography(index: float, size: tuple[int, int], focal: float) -> np.ndarray:
        turn = np.deg2rad(np.random.default_rng(100 + int(index)).uniform(-degrees, degrees, 3)) * (index > 0)
        return _turned(turn, size, focal)

    return homography


def _hand_held(degrees: float) -> Homographies:
    """Shaken by so much at 2 Hz, and by less the faster, up to 5 Hz at 24 frames a second."""
    rng = np.random.default_rng(7)
    hertz = np.array([2.0, 3.1, 4.9])
    size_of, phase = degrees * (2 / hertz[:, None]) ** 2 * rng.choice([-1, 1], (3, 3)), rng.uniform(0, 6.28, (3, 3))

    def homography(index: float, size: tuple[int, int], focal: float) -> np.ndarray:
        turns = size_of * (np.sin(2 * np.pi * hertz[:, None] * index / 24 + phase) - np.sin(phase))
        return _turned(np.deg2rad(turns.sum(axis=0)), size, focal)

    return homography


def _stepped(degrees: float) -> Homographies:
    """Steps that shake it: kicked by up to so much, and swinging back within five frames."""
    rng = np.random.default_rng(3)
    steps = [(first + rng.uniform(-0.5, 0.5), rng.normal(size=3) * (1, 0.6, 0.4)) for first in range(5, 48, 12)]

    def homography(index: float, size: tuple[int, int], focal: float) -> np.ndarray:
        turn = np.zeros(3)
        for begun, kick in steps:
            since = max(0.0, index - begun)
            turn += kick * np.exp(-since / 2.5) * np.sin(1.6 * since) * (1 - np.exp(-((since / 0.8) ** 2)))
        return _turned(np.deg2rad(degrees * turn), size, focal)

    return homography


def _turned(turn: np.ndarray, size: tuple[int, int], focal: float) -> np.ndarray:
    """What a camera's turn, a rotation vector, does to its picture."""
    lens = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])
    return lens @ cv2.Rodrigues(turn)[0] @ np.linalg.inv(lens)


def _each(change: Callable[[np.ndarray, float], np.ndarray]) -> Callable[[Pictures, np.random.Generator], Pictures]:
    """Change every picture (float); told how far the shot has come, 0 to 1."""

    def drawn(pictures: Pictures, _: np.random.Generator) -> Pictures:
        last = len(pictures) - 1
        return [_clipped(change(each.astype(float), index / last)) for index, each in enumerate(pictures)]

    return drawn


def _clipped(values: np.ndarray) -> np.ndarray:
    """As a picture of 8 bits shows them."""
    return np.clip(values, 0, 255).astype(np.uint8)


def _defocused(picture: np.ndarray, share: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), 0.01 + 3 * np.sin(np.pi * share))


def _flash(pictures: Pictures, _: np.random.Generator) -> Pictures:
    lit = list(pictures)
    for index, gain, lift in ((23, 2.0, 90.0), (24, 1.6, 40.0)):
        lit[index] = _clipped(gain * pictures[index] + lift)
    return lit


def _burnt_in(pictures: Pictures, _: np.random.Generator) -> Pictures:
    def with_text(index: int, picture: np.ndarray) -> np.ndarray:
        shown, bar = picture.copy(), len(picture) // 9
        shown[:bar] = shown[-bar:] = 0
        for text, place in ((f"00:00:01:{index:02d}", (20, len(shown) - 15)), ("SHOT 010 TAKE 3", (400, 25))):
            cv2.putText(shown, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1, cv2.LINE_AA)
        return shown

    return [with_text(index, picture) for index, picture in enumerate(pictures)]


def _grain(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    return [_clipped(each + rng.normal(0, 8, each.shape)) for each in pictures]


def _flicker(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    return [_clipped(each * rng.uniform(0.7, 1.3)) for each in pictures]


def _rain(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    wet = [each.copy() for each in pictures]
    for each in wet:
        for x, y in zip(rng.integers(0, each.shape[1], 120), rng.integers(0, each.shape[0], 120), strict=True):
            cv2.line(each, (int(x), int(y)), (int(x) + 2, int(y) + 14), 200, 1, cv2.LINE_AA)
    return wet


def _water(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Waves in the lower half: four textures, each with its own way, added up."""
    height, width = pictures[0].shape
    waves = []
    for size, way in ((1.5, (0.5, -0.7)), (2.0, (1.6, 0.4)), (3.0, (-1.1, 0.3)), (5.0, (-0.3, 0.9))):
        wave = cv2.GaussianBlur(rng.normal(size=(2 * height, 2 * width)), (0, 0), sigmaX=2 * size, sigmaY=size)
        waves.append((wave / wave.std(), way))

    def with_water(index: int, picture: np.ndarray) -> np.ndarray:
        shown = picture.copy()
        shown[height // 2 :] = _clipped(90 + 25 * _wandered(waves, index, (width, height)))[height // 2 :]
        return shown

    return [with_water(index, picture) for index, picture in enumerate(pictures)]


def _wandered(layers: list[tuple[np.ndarray, tuple[float, float]]], index: int, size: tuple[int, int]) -> np.ndarray:
    """The sum of textures, twice as large as the picture, that each go their own way, px a frame."""
    x, y = -np.array(size) / 2
    return np.sum(
        [
            cv2.warpAffine(layer, np.array([[1, 0, x + way[0] * index], [0, 1, y + way[1] * index]]), size)
            for layer, way in layers
        ],
        axis=0,
    )


def _leaves(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """The left three fifths sway by up to 3 px, in about a second, each part at its own time."""
    height, width = pictures[0].shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    phase = cv2.GaussianBlur(rng.normal(size=(height, width)), (0, 0), 12)
    phase *= 2.5 / phase.std()
    swaying = cv2.GaussianBlur((x < 0.6 * width).astype(np.float32), (0, 0), 6)

    def swayed(index: int, picture: np.ndarray) -> np.ndarray:
        across = 3.0 * swaying * np.sin(2 * np.pi * index / 22 + phase)
        down = 1.5 * swaying * np.sin(2 * np.pi * index / 15 + 1.3 * phase)
        places = [(at + by).astype(np.float32) for at, by in ((x, across), (y, down))]
        return cv2.remap(picture, *places, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)

    return [swayed(index, picture) for index, picture in enumerate(pictures)]


def _passer_by(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    coat = cv2.resize(rng.integers(0, 256, (20, 16)).astype(np.uint8), (160, 200), interpolation=cv2.INTER_CUBIC)
    passed = [each.copy() for each in pictures]
    for index, each in enumerate(passed):
        left = 10 + 8 * index
        each[120:320, left : left + 160] = coat[:, : max(0, each.shape[1] - left)]
    return passed


def _bus(long: int) -> Callable[[Pictures, np.random.Generator], Pictures]:
    """So many px long and as high as the picture, it crosses from a sixth of the shot to five sixths."""

    def drawn(pictures: Pictures, rng: np.random.Generator) -> Pictures:
        height, width = pictures[0].shape
        coarse = rng.integers(0, 256, (height // 10, long // 10)).astype(np.uint8)
        side = cv2.resize(coarse, (long, height), interpolation=cv2.INTER_CUBIC)
        passed, first, last = [each.copy() for each in pictures], len(pictures) // 6, 5 * len(pictures) // 6
        for index in range(first, last):
            left = round((index - first) / (last - first) * (width + long)) - long
            shown = passed[index][:, max(0, left) : max(0, left + long)]
            shown[:] = side[:, max(0, -left) :][:, : shown.shape[1]]
        return passed

    return drawn


def _bonnet(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """The lower half is the car that the camera is in."""
    height, width = pictures[0].shape
    coarse = rng.integers(0, 256, (height // 16, width // 8)).astype(np.uint8)
    bonnet = cv2.resize(coarse, (width, height - height // 2), interpolation=cv2.INTER_CUBIC)
    return [np.concatenate([each[: height // 2], bonnet]) for each in pictures]


def _dirt(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Specks on the lens: fifteen out of focus, twelve sharp ones."""
    height, width = pictures[0].shape
    dark = np.zeros((height, width), np.float32)
    for radius, strength in [(r, 0.6) for r in rng.uniform(4, 10, 15)] + [(2.0, 0.8)] * 12:
        speck = np.zeros_like(dark)
        cv2.circle(
            speck, (int(rng.integers(0, width)), int(rng.integers(0, height))), round(radius), 1, -1, cv2.LINE_AA
        )
        dark = np.maximum(dark, strength * cv2.GaussianBlur(speck, (0, 0), 0.4 * radius))
    return [_clipped(each * (1 - dark)) for each in pictures]


def _caustics(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Bright lines of light that wander over everything."""
    height, width = pictures[0].shape
    layers = []
    for size, way in ((3, (0.9, 0.4)), (5, (-0.6, 0.7))):
        layer = cv2.GaussianBlur(rng.normal(size=(2 * height, 2 * width)), (0, 0), size)
        layers.append((layer / layer.std(), way))

    def lit(index: int, picture: np.ndarray) -> np.ndarray:
        return _clipped(picture * (0.8 + 0.5 * np.exp(-3 * np.abs(_wandered(layers, index, (width, height))))))

    return [lit(index, picture) for index, picture in enumerate(pictures)]


def _compressed(pictures: Pictures, _: np.random.Generator) -> Pictures:
    with tempfile.TemporaryDirectory() as folder:
        movie = Path(folder, "small.mp4")
        with av.open(str(movie), "w") as container:
            stream = container.add_stream("libx264", rate=24)
            (stream.height, stream.width), stream.pix_fmt = pictures[0].shape, "yuv420p"
            stream.options = {"crf": "34"}
            for each in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(each, format="gray8")))
            container.mux(stream.encode())
        with av.open(str(movie)) as container:
            return [frame.to_ndarray(format="gray8") for frame in container.decode(video=0)]


DISTURBANCES = (
    Disturbance("as rendered"),
    Disturbance("zoom in, 1 to 1.8", warped=_zoom(1.0, 1.8)),
    Disturbance("zoom out, 1.8 to 1", warped=_zoom(1.8, 1.0)),
    Disturbance("squeezed 2:1 and told so", warped=_squeezed, pixel_aspect=2.0),
    Disturbance("squeezed 2:1, not told", warped=_squeezed),
    Disturbance("shaken, 1.5 degrees a frame", warped=_shaken(1.5)),
    Disturbance("hand-held", warped=_hand_held(0.5)),
    Disturbance("hand-held, rolling shutter of 0.5", warped=_hand_held(0.5), readout=0.5),
    Disturbance("hand-held, rolling shutter of 0.8", warped=_hand_held(0.5), readout=0.8),
    Disturbance("steps that smear it by up to 11 px", warped=_stepped(1.0), shutter=0.5),
    Disturbance("steps that smear it by up to 22 px", warped=_stepped(2.0), shutter=0.5),
    Disturbance("stabilised, the picture shifted by 12 px", warped=_stabilised(12.0)),
    Disturbance("flash over two frames", _flash),
    Disturbance("one black frame", lambda pictures, _: [each * (i != 23) for i, each in enumerate(pictures)]),
    Disturbance("exposure flickers, 0.7 to 1.3", _flicker),
    Disturbance("exposure falls to 0.4", _each(lambda picture, share: picture * (1 - 0.6 * share))),
    Disturbance("focus pulled, 3 px", _each(_defocused)),
    Disturbance("letterbox and burnt-in timecode", _burnt_in),
    Disturbance("grain, 8 of 255", _grain),
    Disturbance("x264, crf 34", _compressed),
    Disturbance("rain", _rain),
    Disturbance("water in the lower half", _water),
    Disturbance("leaves in the wind, three fifths", _leaves),
    Disturbance("light that wanders, as under water", _caustics),
    Disturbance("dirt on the lens", _dirt),
    Disturbance("a car's bonnet, half of the picture", _bonnet),
    Disturbance("someone passes by", _passer_by),
    Disturbance("a bus passes, half as long as the picture", _bus(320)),
    Disturbance("a bus passes, seven tenths of it", _bus(450)),
)  # fmt: skip


def on(entry: Entry, disturbance: Disturbance) -> dict[str, float | str]:
    """A table's row: the plate, disturbed, from tracks to the camera."""
    size, frames = entry.footage.size, range(1, entry.footage.frames + 1)
    exact = truth.cast(entry.spec, np.empty((0, 2)), np.empty(0, int))
    rng = np.random.default_rng(zlib.crc32(disturbance.name.encode()))
    seen = [_while_open(disturbance, index, size, exact.lens.focal) for index in range(len(frames))]
    warps = [np.mean(at_times, axis=0) for at_times in seen]  # they are all but shifts: this is where it was on average
    moved = [
        _clipped(np.mean([_warped(entry.footage.grey(frame), warp) for warp in at_times], axis=0) + 0.5)
        for frame, at_times in zip(frames, seen, strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        footage = write_sequence(disturbance.drawn(moved, rng), Path(folder))
        clip = Clip.open(footage.path(1))
        clip.pixel_aspect = disturbance.pixel_aspect
        coverage = auto_track(clip)
        before = _scored(entry, clip, warps)
        verdicts, motion = judge_with_motion(clip)
        clean_tracks(clip, verdicts=verdicts)
        after = _scored(entry, clip, warps)
        middle = [warp[len(warp) // 2] for warp in warps]
        zooms = np.array([warp[0, 0] if not warp[2, :2].any() else 1.0 for warp in middle])
        return {
            "name": disturbance.name, "tracks": coverage.tracks, "bad1": before.bad1, "after": f"{after.bad1:.2%}",
            "bad4": before.bad4, "after4": f"{after.bad4:.2%}", "kept": f"{after.good / before.good:.0%}",
            "thinnest": str(min(sum(frame in track.markers for track in clip.tracks) for frame in frames)),
            **figures_of_a_solve(clip, motion, exact.camera_centres(), exact.lens.focal * zooms),
        }  # fmt: skip


def _while_open(disturbance: Disturbance, index: int, size: tuple[int, int], focal: float) -> list[np.ndarray]:
    """Where the picture was at times while the shutter was open: each as :func:`_by_row`."""
    if not disturbance.shutter:
        return [_by_row(disturbance, index, size, focal)]
    times = index + disturbance.shutter * np.linspace(-0.5, 0.5, _TIMES)
    return [_by_row(disturbance, float(time), size, focal) for time in times]


def _by_row(disturbance: Disturbance, index: float, size: tuple[int, int], focal: float) -> np.ndarray:
    """(h, 3, 3): rendered px -> disturbed px when each row was read; the same one where all are read at once."""
    if not disturbance.readout:
        return np.broadcast_to(disturbance.warped(index, size, focal), (size[1], 3, 3))
    times = index + disturbance.readout * ((np.arange(size[1]) + 0.5) / size[1] - 0.5)
    return np.array([disturbance.warped(float(time), size, focal) for time in times])


def _warped(picture: np.ndarray, by_row: np.ndarray) -> np.ndarray:
    height, width = picture.shape
    if (by_row == by_row[0]).all():
        return cv2.warpPerspective(picture, by_row[0], (width, height), flags=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(width, dtype=float), np.arange(height, dtype=float))
    source = np.einsum("hij,hwj->hwi", np.linalg.inv(by_row), np.stack([x, y, np.ones_like(x)], axis=2))
    maps = (source[..., :2] / source[..., 2:]).astype(np.float32)
    return cv2.remap(picture, maps[..., 0], maps[..., 1], cv2.INTER_CUBIC)


def _scored(entry: Entry, clip: Clip, warps: list[np.ndarray]) -> Scores:
    """The tracks there are now, brought back to the plate as it was rendered."""
    tracks = clip.read()
    positions = positions_of(tracks, entry.footage.size, range(1, entry.footage.frames + 1))
    for index, warp in enumerate(warps):
        marked = np.isfinite(positions[:, index, 0])
        if marked.any():
            seen = positions[marked, index]
            rows = np.clip(seen[:, 1].round().astype(int), 0, len(warp) - 1)
            back = np.einsum("nij,nj->ni", np.linalg.inv(warp[rows]), np.column_stack([seen, np.ones(len(seen))]))
            positions[marked, index] = back[:, :2] / back[:, 2:]
    return score(positions, delivered.judged_at(entry, tracks, positions).found.reference())


def main() -> None:
    """Print the table, and keep it."""
    (entry,) = catalogue.entries("committed", ["courtyard"])
    table = Table("disturbed", "The courtyard, disturbed: auto_track, clean_tracks, solve_camera", COLUMNS)
    report.fill(table, {each.name: partial(on, entry, each) for each in DISTURBANCES}, __doc__)


if __name__ == "__main__":
    main()
