"""All formats by name, and which of them a file is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..checks import check_choice
from ..coords import HALF_PIXELS, Axes
from ..errors import ParameterError
from . import (
    after_effects,
    boujou,
    cinetrack,
    colmap,
    csv_table,
    matchmover,
    mayalive,
    mmsolver,
    nuke,
    parquet,
    pftrack,
    shake,
    syntheyes,
    tapvid,
    tde4,
)
from .base import Format, Variant

FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT
    for module in (
        nuke, shake, tde4, syntheyes, pftrack, boujou, matchmover, mayalive, mmsolver, after_effects, colmap, tapvid,
        csv_table, parquet, cinetrack,
    )
}  # fmt: skip
"""Every format by its name."""

_HEAD = 4096
"""Bytes of a file that are looked at to guess its format."""


def find_format(name: str) -> tuple[Format, str | None]:
    """The format and the layout that ``name`` (``"pftrack"``, ``"pftrack:v5"``) means; None: the default layout.

    Raises
    ------
    ParameterError
        There is no such format or layout; the message lists those there are.
    """
    base, colon, layout = name.partition(":") if isinstance(name, str) else (name, "", "")
    form = FORMATS[check_choice("the format", base, FORMATS)]
    if not colon:
        return form, None
    return form, check_choice(f"the layout of {base}", layout, form.variants)


def formats_for_name(path: Path) -> list[str]:
    """The formats that write files whose names end like this one's."""
    return [name for name, form in FORMATS.items() if path.suffix.lower() in form.extensions]


def guess_format(path: Path) -> str:
    """The format of a file that is there, by its name, else by how it begins.

    Raises
    ------
    ParameterError
        Neither makes it certain; the message lists the candidates.
    OSError
        The file cannot be read.
    """
    if path.is_dir():
        if (path / "images.txt").is_file():
            return "colmap"
        raise ParameterError(f"expected a file or a COLMAP text model, got the folder {path}")
    by_name = formats_for_name(path)
    if len(by_name) == 1:
        return by_name[0]
    with path.open("rb") as file:
        head = file.read(_HEAD)
    by_content = [name for name, form in FORMATS.items() if form.sniff(head)]
    if len(by_content) == 1:
        return by_content[0]
    raise _uncertain(path, by_content or by_name)


def _uncertain(path: Path, candidates: Sequence[str]) -> ParameterError:
    return ParameterError(f"cannot tell the format of {path}: expected one of {', '.join(candidates or FORMATS)}")


def format_to_write(path: Path, name: str | None) -> tuple[Format, Variant]:
    """The format and the layout that a path and a name mean together.

    Raises
    ------
    ParameterError
        There is no such format, or none is named and the path's ending does not say.
    """
    if name is None:
        candidates = formats_for_name(path)
        if len(candidates) != 1:
            raise _uncertain(path, candidates)
        name = candidates[0]
    form, layout = find_format(name)
    if layout is None:
        suffix = path.suffix.lower()
        layout = next((key for key, variant in form.variants.items() if suffix in variant.extensions), None)
        layout = layout or next(iter(form.variants))
    return form, form.variants[layout]


def axes_of(form: Format, half_pixel: str | None) -> Axes:
    """How a file of this format measures, with the switch for half pixels where it has one.

    Raises
    ------
    ParameterError
        It has none, or there is no such value.
    """
    if half_pixel is None:
        return form.axes
    check_choice("half_pixel", half_pixel, HALF_PIXELS)
    if not form.has_half_pixel_switch:
        switched = ", ".join(name for name, other in FORMATS.items() if other.has_half_pixel_switch)
        raise ParameterError(f"{form.title} is clear about half pixels: the switch is for {switched}")
    return replace(form.axes, half_pixel=half_pixel)
