from __future__ import annotations

import base64
import hashlib
import math
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from cinematic.tracking.coords import FrameNumbers, co_from_pixels
from cinematic.tracking.errors import FootageError, ParameterError
from cinematic.tracking.footage import Footage, Luminance
from cinematic.tracking.footage.luminance import Image
from cinematic.tracking.report import write_report
from cinematic.tracking.report.curves import Axis, frame_ticks, histogram, low_frames
from cinematic.tracking.report.pictures import FRAME_BYTES, FRAME_SIDE, frame_uri, pattern_uri
from cinematic.tracking.report.strips import chosen_frames
from cinematic.tracking.report.words import figure, label, spans
from cinematic.tracking.types import REASONS, ClipInfo, Readiness, TrackData, Verdict
from tests.plates import smooth_texture

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
HOSTILE = [
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "a & b <b>c</b> {{ 7*7 }} {% raw %}",
    "дверь 扉 🎯 \u202eleft",
    "</title></style></svg>",
]


class Still(Footage):
    """The same picture on every frame, shifted by a pixel a frame; counts what is decoded."""

    def __init__(self, count: int = 12, size: tuple[int, int] = (160, 120), first: int = 1001, fails: int = 0) -> None:
        super().__init__()
        self.path = Path("/plates/shot.1001.exr")
        self.size = size
        self.fps = 24.0
        self.numbers = FrameNumbers(first, count)
        self.texture = smooth_texture((size[1], size[0] + count), 7) / 255
        self.decoded: list[int] = []
        self.fails = fails

    def image(self, frame: int) -> Luminance:
        shift = frame - self.numbers.first
        return np.ascontiguousarray(self.texture[:, shift : shift + self.size[0]], dtype=np.float32)

    def _decode(self, numbers: range) -> Iterator[tuple[int, Image]]:
        for frame in numbers:
            if frame == self.fails:
                raise FootageError(f"cannot read frame {frame}")
            self.decoded.append(frame)
            yield frame, Image(self.image(frame))

    @property
    def info(self) -> ClipInfo:
        return ClipInfo(str(self.path), *self.size, self.fps, self.numbers.first, self.numbers.last)

    def track(self, name: str, x: float = 80, y: float = 60) -> TrackData:
        """A track that is right: it moves with the picture."""
        frames = range(self.numbers.first, self.numbers.last + 1)
        at = co_from_pixels([(x - i, y) for i, _ in enumerate(frames)], self.size)
        return TrackData(
            name,
            dict(zip(frames, map(tuple, at.tolist()), strict=True)),
            reference_frames=[frames[0]],
            correlations=dict.fromkeys(frames[1:], 0.9),
        )


def verdict(name: str, state: str = "bad", badness: float = 0.9, frames: tuple[int, ...] = (1004, 1005)) -> Verdict:
    return Verdict(
        name,
        state,
        () if state == "good" else ("drifting", "low correlation"),
        badness,
        {} if state == "good" else dict.fromkeys(frames, "drifting"),
        {"correlation": 0.8, "epipolar_px": 1.4},
        {"epipolar_px": {frame: 0.1 * (frame % 7) for frame in range(1001, 1013)}},
    )


LENS = "27.04 mm (480.7 px) on a sensor 36 mm wide"
READY = Readiness(0.6, ("Frames 1001–1012 have 3 good tracks.",), dict.fromkeys(range(1001, 1013), 3), LENS)


class Page(HTMLParser):
    """Parses, and fails where elements are not closed in their order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        self.text = "".join(self.words)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif not self.open or self.open[-1] != "style":
            self.words.append(data)

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        return [a for t, a in self.elements if t == tag and all(a.get(k) == v for k, v in attributes.items())]


def report(
    path: Path, tracks: list[TrackData], verdicts: list[Verdict], footage: Still | None, info: ClipInfo | None = None
) -> Page:
    write_report(path, info or (footage or Still()).info, tracks, verdicts, READY, footage)
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


def decoded(uri: str) -> npt.NDArray[np.uint8]:
    kind, _, data = uri.partition(";base64,")
    assert kind in ("data:image/png", "data:image/jpeg")
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return picture.astype(np.uint8)


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("with_footage", [True, False])
def test_any_number_of_tracks(path: Path, count: int, with_footage: bool) -> None:
    footage = Still()
    tracks = [footage.track(f"Track.{i:03d}", 40 + 20 * i) for i in range(count)]
    page = report(path, tracks, [verdict(t.name) for t in tracks], footage if with_footage else None, footage.info)
    assert len(page.all("details")) == count + (2 if count else 1)
    assert ("The footage was not at hand" in page.text) is not with_footage
    assert ("There are no tracks." in page.text) is (count == 0)
    assert [len(page.all(f"h{level}")) > 0 for level in (1, 2, 3)] == [True, True, True]
    assert len(page.all("image")) == (0 if not with_footage else 4 if count else 3)


def test_a_page_of_all_kinds_of_tracks(path: Path) -> None:
    footage = Still()
    tracks = [footage.track(name, 40 + 15 * i) for i, name in enumerate(["good", "off", "locked", "new", "empty"])]
    tracks[1].enabled, tracks[2].locked, tracks[4].markers = False, True, {}
    verdicts = [verdict("good", "good", 0.1), verdict("off"), verdict("locked", "suspect", 0.5), verdict("empty")]
    page = report(path, tracks, [*verdicts, verdict("removed")], footage)
    assert "1 track is switched off" in page.text
    assert "1 is locked" in page.text
    assert "1 verdict is of a track that is no longer there" in page.text
    assert {a["data-v"] for a in page.all("tr") if "data-v" in a} == {"good", "suspect", "bad", "unjudged"}
    assert any("off" in a.get("class", "").split() for a in page.all("g"))
    assert "no markers" in page.text


def test_the_worst_come_first_and_are_limited(path: Path) -> None:
    footage = Still()
    tracks = [footage.track(f"t{i}", 30 + i) for i in range(60)]
    page = report(path, tracks, [verdict(t.name, badness=i / 60) for i, t in enumerate(tracks)], footage)
    cards = [a for a in page.all("details") if a.get("id", "").startswith("track-")]
    assert [a["id"] for a in cards] == [f"track-{rank}" for rank in range(40)]
    assert "The 40 worst of 60 tracks" in page.text
    assert page.html.index(">t59<") < page.html.index(">t58<")


def test_hostile_names_are_only_text(path: Path) -> None:
    footage = Still()
    tracks = [footage.track(name, 40 + 15 * i) for i, name in enumerate(HOSTILE)]
    tracks[0].lost[1012] = HOSTILE[0]
    tracks[0].motion_model = HOSTILE[1]
    verdicts = [
        Verdict(name, "bad", (name,), 0.9, {1004: name}, {name: 1.0}, {name: {1001: 1.0, 1002: 2.0}})
        for name in HOSTILE
    ]
    info = ClipInfo(f"/plates/{HOSTILE[1]}.mov", *footage.size, None, 1001, 1012)
    write_report(path, info, tracks, verdicts, Readiness(0.5, tuple(HOSTILE), {}, HOSTILE[0]), footage)
    page = Page(path.read_text(encoding="utf-8"))
    assert len(page.scripts) == 1
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]
    assert not [a for a in page.all("img") if not a["src"].startswith("data:image/png;base64,")]
    assert all(name in page.text for name in HOSTILE)


def test_nothing_is_loaded_from_anywhere(path: Path) -> None:
    footage = Still()
    page = report(path, [footage.track("a")], [verdict("a")], footage)
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for name in ("src", "href", "srcset", "action", "poster", "data", "xlink:href"):
            assert attributes.get(name, "#").startswith(("data:image/", "#")), (tag, attributes)
    assert not re.search(
        r"https?://|//[a-z]|@import|url\(", re.sub(r"data:image/[a-z]+;base64,[\w+/=]+", "", page.html)
    )
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    digest = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_a_strip_shows_the_pattern_upright_on_every_frame(path: Path) -> None:
    footage = Still()
    page = report(path, [footage.track("a", 80, 60)], [verdict("a")], footage)
    strip = page.all("img")
    assert [a["alt"] for a in strip[:2]] == ["reference pattern on frame 1001", "pattern on frame 1001"]
    assert "pattern on frame 1004, bad: drifting" in [a["alt"] for a in strip]
    assert len(strip) == 13
    patch = footage.image(1001)[50:71, 70:91]
    for image in strip:
        shown = decoded(image["src"]).astype(float)
        assert shown.shape == (21, 21)
        assert np.corrcoef(shown.ravel(), patch.ravel())[0, 1] > 0.995  # clipped at 2.5 deviations


def test_tracks_are_drawn_where_they_are(path: Path) -> None:
    """In the picture's pixels, from the beginning of the way to the marker; the centre of the first one is 0."""
    footage = Still()
    page = report(path, [footage.track("a", 80, 60)], [verdict("a", "good")], footage)
    boxes = page.all("svg", viewbox="-0.5 -0.5 160 120")
    assert len(boxes) == 4  # three frames, and where the track is
    pictures = page.all("image")
    assert {(a["x"], a["y"], a["width"], a["height"]) for a in pictures} == {("-0.5", "-0.5", "160", "120")}
    assert page.all("path", **{"class": "mark"})[0]["d"] == "M80 60h0"
    last = page.all("path", **{"class": "tail"})[-2]["d"]
    assert last == "M80 60l" + " ".join(["-1 0"] * 11)
    assert page.all("path", **{"class": "mark"})[2]["d"] == "M69 60h0"
    assert page.all("use") == [{"href": f"#{pictures[0]['id']}"}]


def test_patterns_beyond_the_image_and_the_footage(path: Path) -> None:
    footage = Still()
    track = footage.track("a", 6, 60)  # walks out on the left
    track.markers[2000] = (0.5, 0.5)
    page = report(path, [track], [verdict("a")], footage)
    pictures = [decoded(a["src"]) for a in page.all("img")]
    assert len(pictures) == 13
    assert all(picture.ndim == 3 and (picture[..., 3] == 0).any() for picture in pictures)  # transparent outside
    assert "1 more marker not pictured" in page.text


def test_the_footage_is_read_once(path: Path) -> None:
    footage = Still(40)
    told: list[int] = []
    tracks = [footage.track(f"t{i}", 100 + i) for i in range(3)]
    verdicts = [verdict(t.name, frames=(1030,)) for t in tracks]
    write_report(path, footage.info, tracks, verdicts, READY, footage, on_frame=told.append)
    assert footage.decoded == told == list(range(1001, 1041))


def test_readiness_and_the_lens_are_told(path: Path) -> None:
    text = report(path, [Still().track("a")], [verdict("a")], None).text
    assert READY.reasons[0] in text
    assert f"Lens, as the judgement found it: {LENS}." in text
    write_report(path, Still().info, [], [], Readiness(1.0, (), {}), None)
    assert "Lens" not in Page(path.read_text(encoding="utf-8")).text


def test_it_says_what_is_left_since(path: Path) -> None:
    tracks = [Still().track("a")]
    assert "left" not in report(path, tracks, [verdict("a")], None).text
    write_report(path, Still().info, tracks, [verdict("a")], READY, None, delivered=372)
    assert "Cleaned and filled up again, 372 tracks are left." in Page(path.read_text(encoding="utf-8")).text


def test_a_failure_leaves_the_old_report(path: Path) -> None:
    path.write_text("old", encoding="utf-8")
    footage = Still(fails=1007)
    with pytest.raises(FootageError, match="frame 1007"):
        report(path, [footage.track("a")], [verdict("a")], footage)
    with pytest.raises(UnicodeEncodeError):  # a lone surrogate cannot be written
        report(path, [footage.track("\ud800")], [], None)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(path.parent.iterdir()) == [path]


def test_other_footage_is_refused(path: Path) -> None:
    footage = Still()
    with pytest.raises(ParameterError, match="expected footage of size and frames"):
        write_report(path, Still(count=13).info, [], [], READY, footage)
    assert not path.exists()


def test_numbers_that_are_none_do_no_harm(path: Path) -> None:
    footage = Still()
    track = footage.track("a")
    track.markers[1003] = (math.nan, math.inf)
    nothing = Verdict("a", "bad", (), math.nan, {}, {"x_px": math.nan}, {"x_px": {1001: math.nan, 1002: math.inf}})
    page = report(path, [track, TrackData("none")], [nothing], footage)
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"base64,[\w+/=]+", "", page.html), re.IGNORECASE)


def test_five_thousand_tracks_stay_small(path: Path) -> None:
    footage = Still(120, (1280, 720))
    rng = np.random.default_rng(2)
    footage.texture = rng.random(footage.texture.shape).astype(np.float32)  # the most that pictures can cost
    frames = range(1001, 1121)
    tracks, verdicts = [], []
    for index, (x, y) in enumerate(rng.uniform(0.05, 0.95, (5000, 2)).tolist()):
        name = f"A track of a name as long as Blender lets it be.{index:06d}"
        way = np.array([x, y]) + np.cumsum(rng.normal(0, 0.002, (len(frames), 2)), axis=0)
        tracks.append(TrackData(name, dict(zip(frames, map(tuple, way.tolist()), strict=True))))
        state = ("good", "suspect", "bad")[index % 3]
        bad = {} if state == "good" else dict.fromkeys(frames[::2], "jittery")
        noise = {f"measure_{i}_px": dict(zip(frames, rng.random(len(frames)).tolist(), strict=True)) for i in range(6)}
        measures = dict(zip(noise, rng.gamma(2, 1, 6).tolist(), strict=True))
        verdicts.append(
            Verdict(name, state, REASONS[index % 9 :][:2] if bad else (), rng.random(), bad, measures, noise)
        )
    start = time.perf_counter()
    page = report(path, tracks, verdicts, footage)
    assert time.perf_counter() - start < 60  # some 8 s on one core
    assert path.stat().st_size < 10_000_000
    assert len(page.all("tr")) > 5000


def test_a_frame_is_bounded_in_size_and_bytes() -> None:
    noise = np.random.default_rng(1).random((1080, 1919)).astype(np.float32)
    uri = frame_uri(noise)
    assert decoded(uri).shape[:2] == (720, FRAME_SIDE)
    assert len(uri) < FRAME_BYTES * 4 / 3 + 100


def test_a_frame_keeps_its_greys() -> None:
    ramp = np.tile(np.linspace(0, 1, 256, dtype=np.float32), (64, 1))
    shown = decoded(frame_uri(ramp))[..., 0]
    np.testing.assert_allclose(shown.astype(float), ramp * 255, atol=4)


@pytest.mark.parametrize("pattern", [np.zeros((5, 5)), np.full((5, 5), np.nan), np.eye(5)])
def test_a_pattern_of_any_contrast(pattern: npt.NDArray[np.float64]) -> None:
    assert decoded(pattern_uri(pattern.astype(np.float32))).shape[:2] == (5, 5)


def test_a_strip_keeps_ends_and_bad_frames() -> None:
    frames = list(range(1, 201))
    chosen = chosen_frames(frames, [77, 78], 24)
    assert {1, 77, 78, 200} <= set(chosen)
    assert chosen == sorted(chosen)
    assert len(chosen) == 24
    assert len(chosen_frames(frames, frames, 24)) == 24
    assert chosen_frames([5], [5], 24) == [5]


def test_a_histogram_counts_every_value() -> None:
    chart = histogram("drift", "px", {"good": [0.1] * 90 + [0.2] * 9, "bad": [50.0]})
    assert chart is not None
    assert chart.x_ticks[-1].label == "≥ 0.2"
    assert [shape.kind for shape in chart.shapes] == ["bar good", "bar bad"]
    assert histogram("drift", "px", {"good": []}) is None
    assert histogram("drift", "px", {"good": [3.0]}) is not None


def test_frames_with_too_few_tracks_are_named() -> None:
    assert low_frames({1: 20, 2: 7, 3: 7, 4: 12}) == (
        "Fewer than 8 good tracks, a solve will fail: frames 2–3. 8 to 15, weak: frames 4."
    )
    assert low_frames({1: 16}) == "Every frame has 16 good tracks or more."


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 2), (1001, 1100), (0, 99_999)])
def test_frame_ticks_begin_and_end(first: int, last: int) -> None:
    labels = [int(tick.label) for tick in frame_ticks(first, last, Axis(first, last + 1), 0.5)]
    assert (labels[0], labels[-1]) == (first, last)
    assert labels == sorted(set(labels))
    assert len(labels) <= 8


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.98765, "0.988"), (12.345, "12.3"), (1234.5, "1,234"), (-0.5, "−0.500"), (9.999, "10.0"),
     (99.99, "100"), (1e-5, "1.0e-05"), (3e9, "3e+09"), (None, "–"), (math.nan, "–")],
)  # fmt: skip
def test_figures(value: float | None, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("name", "words"),
    [("drift_px", ("drift", "px")), ("forward_backward_px", ("forward-backward", "px")), ("px", ("px", "")),
     ("forward-backward, px", ("forward-backward", "px")), ("a, b", ("a, b", "")),
     ("bad_percent", ("bad", "%")), ("correlation", ("correlation", "")), ("", ("", ""))],
)  # fmt: skip
def test_measures_are_named_with_their_units(name: str, words: tuple[str, str]) -> None:
    assert label(name) == words


def test_spans_of_frames() -> None:
    assert spans([3, 1, 2, 7]) == "1–3, 7"
    assert spans(range(0, 40, 2), most=2) == "0, 2 and 18 more"
