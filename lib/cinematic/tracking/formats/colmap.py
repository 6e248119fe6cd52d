"""COLMAP: a database (``.db``) that it reconstructs from, or a text model (a folder).

Database (SQLite): ``keypoints(image_id, rows, cols, data)`` float32; ``matches`` and
``two_view_geometries(pair_id, rows, cols, data)`` uint32 x 2, rows of the two images' keypoints, with
``pair_id = 2147483647 * smaller image_id + larger``. A track is what matches connect. So that a long shot stays
small, each image is matched with the 1st, 2nd, 4th, 8th ... after it, and wherever a track would fall apart at a gap.
All matches count as verified (configuration 3, uncalibrated): reconstruction reads ``two_view_geometries`` only.

Text model: ``cameras.txt``, ``images.txt``, ``points3D.txt``::

    IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME
    X Y POINT3D_ID X Y POINT3D_ID ...           -1: none
    POINT3D_ID X Y Z R G B ERROR IMAGE_ID POINT2D_IDX ...

It exists to carry tracks: nothing is solved, so every pose is the identity, every point (0, 0, 0) with error -1.

Origin: top-left, y down; pixels, 0 at the outer edge: the first pixel's centre is (0.5, 0.5). Frames: the last number
in an image's name. Names are those of the image sequence, else ``NAME.0001.png`` and so on. The camera is
SIMPLE_PINHOLE, with COLMAP's own first guess of its focal length, 1.2 times the longer side. Tracks have no names. A
point that is found twice in one image is no track and is passed over.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ..coords import Axes, Size
from ..errors import FormatError, ParameterError
from .base import FRAME_LIMIT, NUMBER_LIMIT, FileTrack, Format, Header, Variant
from .text import Lines, shown

_LARGEST_ID = 2147483647
_UNCALIBRATED = 3
_SIMPLE_PINHOLE = 0
_NUMBERED = re.compile(r"(\d+)(\D*)$")

_SCHEMA = """
CREATE TABLE rigs (rig_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, ref_sensor_id INTEGER NOT NULL,
    ref_sensor_type INTEGER NOT NULL);
CREATE UNIQUE INDEX rig_ref_sensor_assignment ON rigs(ref_sensor_id, ref_sensor_type);
CREATE TABLE rig_sensors (rig_id INTEGER NOT NULL, sensor_id INTEGER NOT NULL, sensor_type INTEGER NOT NULL,
    sensor_from_rig BLOB, FOREIGN KEY(rig_id) REFERENCES rigs(rig_id) ON DELETE CASCADE);
CREATE UNIQUE INDEX rig_sensor_assignment ON rig_sensors(sensor_id, sensor_type);
CREATE TABLE cameras (camera_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, model INTEGER NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, params BLOB, prior_focal_length INTEGER NOT NULL);
CREATE TABLE frames (frame_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, rig_id INTEGER NOT NULL,
    FOREIGN KEY(rig_id) REFERENCES rigs(rig_id) ON DELETE CASCADE);
CREATE TABLE frame_data (frame_id INTEGER NOT NULL, data_id INTEGER NOT NULL, sensor_id INTEGER NOT NULL,
    sensor_type INTEGER NOT NULL, FOREIGN KEY(frame_id) REFERENCES frames(frame_id) ON DELETE CASCADE);
CREATE UNIQUE INDEX frame_sensor_assignment ON frame_data(data_id, sensor_type);
CREATE TABLE images (image_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, name TEXT NOT NULL UNIQUE,
    camera_id INTEGER NOT NULL, CONSTRAINT image_id_check CHECK(image_id >= 0 and image_id < 2147483647),
    FOREIGN KEY(camera_id) REFERENCES cameras(camera_id));
CREATE UNIQUE INDEX index_name ON images(name);
CREATE TABLE pose_priors (pose_prior_id INTEGER PRIMARY KEY NOT NULL, corr_data_id INTEGER NOT NULL,
    corr_sensor_id INTEGER NOT NULL, corr_sensor_type INTEGER NOT NULL, position BLOB, position_covariance BLOB,
    gravity BLOB, coordinate_system INTEGER NOT NULL);
CREATE UNIQUE INDEX pose_prior_data_assignment ON pose_priors(corr_data_id, corr_sensor_id, corr_sensor_type);
CREATE TABLE keypoints (image_id INTEGER PRIMARY KEY NOT NULL, rows INTEGER NOT NULL, cols INTEGER NOT NULL,
    data BLOB, FOREIGN KEY(image_id) REFERENCES images(image_id) ON DELETE CASCADE);
CREATE TABLE descriptors (image_id INTEGER PRIMARY KEY NOT NULL, type INTEGER NOT NULL, rows INTEGER NOT NULL,
    cols INTEGER NOT NULL, data BLOB, FOREIGN KEY(image_id) REFERENCES images(image_id) ON DELETE CASCADE);
CREATE TABLE matches (pair_id INTEGER PRIMARY KEY NOT NULL, rows INTEGER NOT NULL, cols INTEGER NOT NULL, data BLOB);
CREATE TABLE two_view_geometries (pair_id INTEGER PRIMARY KEY NOT NULL, rows INTEGER NOT NULL, cols INTEGER NOT NULL,
    data BLOB, config INTEGER NOT NULL, F BLOB, E BLOB, H BLOB, qvec BLOB, tvec BLOB, camera1 BLOB, camera2 BLOB);
PRAGMA user_version = 4020100;
"""
"""As COLMAP 4.2.1 makes it."""

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Markers:
    """All markers, ordered by image and, within one, by track."""

    frames: list[int]  # (images,) the plate's numbers
    begin: Indices  # (images + 1,) where each image's markers begin
    tracks: Indices  # (n,)
    xy: npt.NDArray[np.float64]  # (n, 2)

    def of(self, image: int) -> slice:
        """An image's markers."""
        return slice(int(self.begin[image]), int(self.begin[image + 1]))


def _gathered(tracks: Sequence[FileTrack]) -> _Markers:
    frames, owners, positions = [], [], []
    for number, track in enumerate(tracks):
        frames.append(np.asarray(track.frames, dtype=np.int64))
        owners.append(np.full(len(track.frames), number, dtype=np.int64))
        positions.append(np.asarray(track.positions, dtype=np.float64).reshape(-1, 2))
    all_frames = np.concatenate([*frames, np.empty(0, np.int64)])
    if len(all_frames) and all_frames.min() < 0:
        raise ParameterError(f"expected frames of 0 and more, as COLMAP's images' names, got {all_frames.min()}")
    order = np.argsort(all_frames, kind="stable")
    images, first = np.unique(all_frames[order], return_index=True)
    begin = np.append(first, len(order)).astype(np.int64)
    xy = np.concatenate([*positions, np.empty((0, 2))])[order]
    return _Markers(images.tolist(), begin, np.concatenate([*owners, np.empty(0, np.int64)])[order], xy)


def _image_name(frame: int, header: Header) -> str:
    """The file of a sequence's frame; for other footage a name of the same kind."""
    name = Path(header.footage).name if header.footage else "frame"
    stem, suffix = Path(name).stem, Path(name).suffix
    found = _NUMBERED.search(stem)
    if found and header.frame_start is not None and int(found[1]) == header.frame_start:
        return f"{stem[: found.start()]}{frame:0{len(found[1])}d}{found[2]}{suffix}"
    return f"{stem}.{frame:04d}.png"


def write_database(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write a database: one camera, an image per frame, keypoints, matches, two-view geometries."""
    markers = _gathered(tracks)
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.executescript(_SCHEMA)
            _insert_images(connection, markers, header, header.known_size())
            _insert_matches(connection, markers)
    finally:
        connection.close()


def _insert_images(connection: sqlite3.Connection, markers: _Markers, header: Header, size: Size) -> None:
    width, height = size
    camera = np.array([1.2 * max(size), width / 2, height / 2], dtype="<f8").tobytes()
    connection.execute("INSERT INTO cameras VALUES (1, ?, ?, ?, ?, 0)", (_SIMPLE_PINHOLE, width, height, camera))
    connection.execute("INSERT INTO rigs VALUES (1, 1, 0)")
    for image, frame in enumerate(markers.frames):
        number = image + 1
        keypoints = markers.xy[markers.of(image)].astype("<f4")
        connection.execute("INSERT INTO images VALUES (?, ?, 1)", (number, _image_name(frame, header)))
        connection.execute("INSERT INTO frames VALUES (?, 1)", (number,))
        connection.execute("INSERT INTO frame_data VALUES (?, ?, 1, 0)", (number, number))
        connection.execute("INSERT INTO keypoints VALUES (?, ?, 2, ?)", (number, len(keypoints), keypoints.tobytes()))


def _insert_matches(connection: sqlite3.Connection, markers: _Markers) -> None:
    for first, second in sorted(_pairs(markers)):
        _, left, right = np.intersect1d(
            markers.tracks[markers.of(first)], markers.tracks[markers.of(second)],
            assume_unique=True, return_indices=True,
        )  # fmt: skip
        if not len(left):
            continue
        pair, data = _LARGEST_ID * (first + 1) + second + 1, np.stack([left, right], axis=1).astype("<u4").tobytes()
        connection.execute("INSERT INTO matches VALUES (?, ?, 2, ?)", (pair, len(left), data))
        connection.execute(
            "INSERT INTO two_view_geometries (pair_id, rows, cols, data, config) VALUES (?, ?, 2, ?, ?)",
            (pair, len(left), data, _UNCALIBRATED),
        )


def _pairs(markers: _Markers) -> set[tuple[int, int]]:
    """Images to be matched: at distances 1, 2, 4, 8 ..., and across the gaps of tracks."""
    count = len(markers.frames)
    distances = [1 << power for power in range(count.bit_length())]
    pairs = {(image, image + step) for step in distances for image in range(count - step)}
    images = np.repeat(np.arange(count), np.diff(markers.begin))
    order = np.lexsort((images, markers.tracks))
    images, owners = images[order], markers.tracks[order]
    gaps = (owners[1:] == owners[:-1]) & (np.diff(images) > 1)
    pairs.update(zip(images[:-1][gaps].tolist(), images[1:][gaps].tolist(), strict=True))
    return pairs


def write_text(folder: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write a text model into a new folder."""
    width, height = header.known_size()
    markers = _gathered(tracks)
    folder.mkdir()
    camera = f"1 SIMPLE_PINHOLE {width} {height} {1.2 * max(width, height):.6f} {width / 2:.6f} {height / 2:.6f}\n"
    (folder / "cameras.txt").write_text(f"# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n{camera}", encoding="utf-8")
    with (folder / "images.txt").open("w", encoding="utf-8", newline="\n") as file:
        file.write("# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n# POINTS2D[] as (X, Y, POINT3D_ID)\n")
        for image, frame in enumerate(markers.frames):
            rows = markers.of(image)
            file.write(f"{image + 1} 1 0 0 0 0 0 0 1 {_image_name(frame, header)}\n")
            points = zip(markers.xy[rows].tolist(), (markers.tracks[rows] + 1).tolist(), strict=True)
            file.write(" ".join(f"{x:.6f} {y:.6f} {track}" for (x, y), track in points) + "\n")
    with (folder / "points3D.txt").open("w", encoding="utf-8", newline="\n") as file:
        file.write("# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)\n")
        for track, seen in _observations(markers):
            file.write(f"{track + 1} 0 0 0 255 255 255 -1 {seen}\n")


def _observations(markers: _Markers) -> Iterator[tuple[int, str]]:
    """Each track and where it is seen: IMAGE_ID POINT2D_IDX ..."""
    if not len(markers.tracks):
        return
    images = np.repeat(np.arange(len(markers.frames)), np.diff(markers.begin))
    keypoints = np.arange(len(images)) - markers.begin[images]
    order = np.lexsort((images, markers.tracks))
    owners, first = np.unique(markers.tracks[order], return_index=True)
    for track, rows in zip(owners.tolist(), np.split(order, first[1:]), strict=True):
        pairs = zip((images[rows] + 1).tolist(), keypoints[rows].tolist(), strict=True)
        yield track, " ".join(f"{image} {keypoint}" for image, keypoint in pairs)


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """Read a database, or a text model's folder."""
    return _read_text(path, header) if path.is_dir() else _read_database(path, header)


def _frame_of(name: str) -> int | None:
    found = _NUMBERED.search(Path(name).stem)
    return int(found[1]) if found and len(found[1]) < 9 and int(found[1]) <= FRAME_LIMIT else None


def _grouped(frames: Indices, labels: Indices, xy: npt.NDArray[np.float64], header: Header) -> Iterator[FileTrack]:
    """A track for each label, in the order of the labels; none where it has a frame twice."""
    order = np.lexsort((frames, labels))
    frames, labels, xy = frames[order], labels[order], xy[order]
    _, first = np.unique(labels, return_index=True)
    skipped = 0
    for number, rows in enumerate(np.split(np.arange(len(labels)), first[1:]) if len(first) else [], start=1):
        if (np.diff(frames[rows]) == 0).any():
            skipped += 1
            continue
        yield FileTrack(f"track {number}", frames[rows].tolist(), xy[rows])
    if skipped:
        header.notes.append(f"{skipped} points that are found twice in one image are no tracks and were passed over")


class _Database:
    """A database's rows, each checked."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection

    def fail(self, reason: str) -> NoReturn:
        """Raise a FormatError."""
        raise FormatError(f"{self.path}: {reason}")

    def size(self) -> Size:
        """Of the images, all alike."""
        sizes = self.connection.execute("SELECT DISTINCT width, height FROM cameras").fetchall()
        if len(sizes) != 1 or not all(isinstance(value, int) and value > 0 for value in sizes[0]):
            self.fail(f"expected cameras of one size, got {sizes[:4]}")
        return sizes[0]

    def images(self) -> dict[int, int]:
        """Frame by image_id."""
        images = {}
        for number, name in self.connection.execute("SELECT image_id, name FROM images ORDER BY image_id"):
            frame = _frame_of(str(name))
            if frame is None:
                self.fail(f"expected a frame number in the image's name {shown(str(name))}")
            images[number] = frame
        if len(set(images.values())) < len(images):
            self.fail("expected one image per frame, got frames with several")
        return images

    def keypoints(self) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
        """image_id and positions."""
        for number, rows, columns, data in self.connection.execute(
            "SELECT image_id, rows, cols, data FROM keypoints ORDER BY image_id"
        ):
            values = self._array(f"keypoints of image {number}", data, rows, columns, "<f4", (2, 4, 6))
            xy = values[:, :2].astype(np.float64)
            if not (np.abs(xy) <= NUMBER_LIMIT).all():
                self.fail(f"keypoints of image {number}: expected numbers within {NUMBER_LIMIT:g}")
            yield number, xy

    def matches(self) -> Iterator[tuple[int, int, Indices]]:
        """Two image_ids and the rows of their keypoints: the verified ones, or all where none are verified."""
        verified = self.connection.execute("SELECT count(*) FROM two_view_geometries WHERE rows > 0").fetchone()[0]
        source = "two_view_geometries" if verified else "matches"
        for pair, rows, columns, data in self.connection.execute(
            f"SELECT pair_id, rows, cols, data FROM {source} WHERE rows > 0 ORDER BY pair_id"
        ):
            first, second = divmod(pair, _LARGEST_ID)
            yield first, second, self._array(f"{source} {pair}", data, rows, columns, "<u4", (2,)).astype(np.int64)

    def _array(
        self, what: str, data: Any, rows: Any, columns: Any, kind: str, widths: tuple[int, ...]
    ) -> npt.NDArray[Any]:
        blob = data if isinstance(data, bytes) else b""
        if columns not in widths or not isinstance(rows, int) or rows < 0 or len(blob) != rows * columns * 4:
            self.fail(f"{what}: expected {rows} x {columns} numbers, got {len(blob)} bytes")
        return np.frombuffer(blob, kind).reshape(rows, columns)


def _read_database(path: Path, header: Header) -> Iterator[FileTrack]:
    _check_length(path)
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            database = _Database(path, connection)
            header.size = database.size()
            frames, xy, labels = _connected(database)
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter about names, and SQLite's own messages
        raise FormatError(f"{path}: expected a COLMAP database: {error}") from error
    yield from _grouped(frames, labels, xy, header)


def _check_length(path: Path) -> None:
    """Refuse a database that was cut off: SQLite itself would read what is left of it."""
    with path.open("rb") as file:
        head = file.read(100)
        length = file.seek(0, 2)
    if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
        raise FormatError(f"{path}: expected a COLMAP database")
    page = int.from_bytes(head[16:18], "big")
    expected = (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big")
    if head[24:28] == head[92:96] and length != expected:
        raise FormatError(f"{path}: expected a database of {expected} bytes, got {length}")


def _connected(database: _Database) -> tuple[Indices, npt.NDArray[np.float64], Indices]:
    """Frame, position and component of every keypoint."""
    images = database.images()
    begin: dict[int, int] = {}
    counts: dict[int, int] = {}
    frames, positions = [np.empty(0, np.int64)], [np.empty((0, 2))]
    total = 0
    for number, xy in database.keypoints():
        if number not in images:
            database.fail(f"keypoints of image {number}, which is not there")
        begin[number], counts[number] = total, len(xy)
        total += len(xy)
        frames.append(np.full(len(xy), images[number], dtype=np.int64))
        positions.append(xy)
    edges = [np.empty((0, 2), np.int64)]
    for first, second, rows in database.matches():
        for number, column in ((first, rows[:, 0]), (second, rows[:, 1])):
            if number not in begin or column.max() >= counts[number]:
                database.fail(f"matches of images {first} and {second}: a keypoint of image {number} is not there")
        edges.append(rows + np.array([begin[first], begin[second]]))
    labels = _components(total, np.concatenate(edges))
    return np.concatenate(frames), np.concatenate(positions), labels


def _components(count: int, edges: Indices) -> Indices:
    """The smallest node that each node is connected with."""
    labels = np.arange(count)
    while True:
        low = labels[edges].min(axis=1)
        joined = labels.copy()
        for side in (0, 1):
            np.minimum.at(joined, labels[edges[:, side]], low)
        while not np.array_equal(shorter := joined[joined], joined):
            joined = shorter
        if np.array_equal(joined, labels):
            return labels
        labels = joined


def _read_text(folder: Path, header: Header) -> Iterator[FileTrack]:
    header.size = _camera_size(folder / "cameras.txt")
    frames: list[int] = []
    points: list[int] = []
    xy: list[tuple[float, float]] = []
    seen: set[int] = set()
    with Lines(folder / "images.txt") as lines:
        for line in lines:
            if not line.strip() or line.startswith("#"):
                continue
            words = line.split(maxsplit=9)
            frame = _frame_of(words[9]) if len(words) == 10 else None
            if frame is None or frame in seen:
                lines.fail(f"expected an image of ten columns whose name ends in a new frame, got {shown(line)}")
            seen.add(frame)
            _read_points(lines, frame, frames, points, xy)
    labels = np.array(points, dtype=np.int64)
    known = labels >= 0
    positions = np.array(xy, dtype=np.float64).reshape(-1, 2)
    yield from _grouped(np.array(frames, dtype=np.int64)[known], labels[known], positions[known], header)


def _read_points(lines: Lines, frame: int, frames: list[int], points: list[int], xy: list[tuple[float, float]]) -> None:
    words = lines.take("an image's points").split()
    if len(words) % 3:
        lines.fail(f"expected X Y POINT3D_ID for each point, got {len(words)} numbers")
    for place in range(0, len(words), 3):
        xy.append((lines.decimal(words[place]), lines.decimal(words[place + 1])))
        points.append(lines.whole(words[place + 2], "a point", -1, _LARGEST_ID))
        frames.append(frame)


def _camera_size(path: Path) -> Size:
    sizes: set[Size] = set()
    with Lines(path) as lines:
        for line in lines.filled():
            if line.startswith("#"):
                continue
            words = line.split()
            if len(words) < 5:
                lines.fail(f"expected CAMERA_ID MODEL WIDTH HEIGHT PARAMS, got {shown(line)}")
            sizes.add((lines.whole(words[2], "a width", 1), lines.whole(words[3], "a height", 1)))
        if len(sizes) != 1:
            lines.fail(f"expected cameras of one size, got {len(sizes)}")
    return sizes.pop()


FORMAT = Format(
    name="colmap",
    title="COLMAP database or text model",
    extensions=(".db",),
    axes=Axes("px", y_down=True),
    read=read,
    variants={
        "database": Variant(write_database, extensions=(".db",)),
        "text": Variant(write_text, extensions=("",), writes_folder=True),
    },
    keeps=frozenset(),
    sniff=lambda head: head.startswith(b"SQLite format 3\0"),
    fit_names=lambda wanted: [f"track {number}" for number in range(1, len(wanted) + 1)],
    export_suffix=".colmap.db",
)
