"""A format is guessed only when name or content makes it certain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cinematic.tracking import ParameterError, formats
from cinematic.tracking.formats.registry import guess_format
from tests.formats.samples import CLIP, each_layout, form_of, moving_tracks, path_for


@each_layout
def test_each_format_is_told_by_its_content(layout: str, tmp_path: Path) -> None:
    path = path_for(tmp_path, layout)
    formats.write(moving_tracks(2, 3), path, layout, clip=CLIP)
    assert guess_format(path) == form_of(layout).name
    if path.is_file():
        other = path.rename(tmp_path / "tracks.txt")
        assert guess_format(other) == form_of(layout).name


@pytest.mark.parametrize("content", ["", "hello\n", "1\nname\n0\n0\n"])
def test_what_is_not_certain_lists_the_candidates(content: str, tmp_path: Path) -> None:
    path = tmp_path / "tracks.txt"
    path.write_text(content)
    with pytest.raises(ParameterError, match=r"expected one of shake, 3de4, syntheyes, pftrack, boujou, mayalive, ae"):
        formats.read(path)


def test_writing_txt_lists_the_candidates(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"cannot tell the format of .*a.txt: expected one of shake, 3de4"):
        formats.write([], tmp_path / "a.txt", clip=CLIP)


def test_an_unknown_ending_lists_all(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"expected one of nuke, shake, 3de4, .* parquet, cinetrack"):
        formats.write([], tmp_path / "a.xyz", clip=CLIP)


def test_a_missing_size_is_asked_for(tmp_path: Path) -> None:
    formats.write(moving_tracks(1, 1), tmp_path / "a.nk", clip=CLIP)
    with pytest.raises(ParameterError, match=r"give the footage's size \(--size WxH\) to read .*a.nk"):
        formats.read(tmp_path / "a.nk")


def test_a_size_that_contradicts_the_file_is_refused(tmp_path: Path) -> None:
    formats.write(moving_tracks(1, 1), tmp_path / "a.rz2", clip=CLIP)
    with pytest.raises(ParameterError, match=r"expected the size 1920x1080 that .*a.rz2 says, got 1280x720"):
        formats.read(tmp_path / "a.rz2", size=(1280, 720))


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"expected a file or a COLMAP text model, got the folder"):
        formats.read(tmp_path)


def test_the_documentations_table_is_the_registry() -> None:
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    table = [line.strip("| ").split(" | ") for line in page.splitlines() if line.count(" | ") == 6]
    rows = {row[0].strip("`"): row for row in table}
    origins = {False: "bottom left", True: "top left"}
    for name, form in formats.FORMATS.items():
        _, tool, files, origin, unit, first, _ = rows[name]
        assert set(re.findall(r"`(\.\w+)`", files)) == set(form.extensions), name
        assert origin == origins[form.axes.y_down] or name == "mayalive"
        assert unit.startswith({"px": "px", "fraction": "0 to 1", "signed": ("-1", "y -1")}[form.axes.unit])
        assert first.startswith(
            ("the plate's", "in the image's") if form.first_frame is None else str(form.first_frame)
        )
        for variant in list(form.variants)[1:]:
            assert f"`{name}:{variant}`" in tool, name
