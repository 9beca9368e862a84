"""The colors of the explorer by the contrast that WCAG 2.2 asks for at level AA."""

from __future__ import annotations

import re

import pytest

from langgraph_agentstore.explorer.rendering import STATIC

CSS = (STATIC / "explorer.css").read_text(encoding="utf-8")
SCHEMES = ("light", "dark")
TEXTS = [
    *[(text, back) for text in ("text", "quiet", "link", "problem") for back in ("back", "panel")],
    *[("on-accent", "accent"), ("on-mark", "mark"), ("added", "back"), ("removed", "back")],
]
# Focus outlines, the borders of fields, and the points of the map, which are drawn at 75 %.
SHAPES = [("accent", "back"), ("accent", "panel"), ("quiet", "back")]
POINT_OPACITY = 0.75

Color = tuple[float, ...]


def colors(scheme: str) -> dict[str, Color]:
    """The variables of a scheme; the dark one replaces those of the light one."""
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    text = light if scheme == "light" else light + dark
    return {
        name: tuple(int(value[n : n + 2], 16) / 255 for n in (0, 2, 4))
        for name, value in re.findall(r"--([\w-]+): #(\w{6});", text)
    }


def luminance(color: Color) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: Color, other: Color) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def over(color: Color, back: Color, opacity: float) -> Color:
    return tuple(opacity * c + (1 - opacity) * b for c, b in zip(color, back, strict=True))


def test_the_measure_is_that_of_the_guidelines() -> None:
    white, black = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
    assert contrast(white, black) == pytest.approx(21)
    assert contrast((0x76 / 255,) * 3, white) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_texts_are_readable(scheme: str) -> None:
    known = colors(scheme)
    poor = {pair: contrast(*(known[name] for name in pair)) for pair in TEXTS}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_shapes_are_seen(scheme: str) -> None:
    known = colors(scheme)
    poor = {pair: contrast(*(known[name] for name in pair)) for pair in SHAPES}
    points = {name for name in known if re.fullmatch(r"c\d", name)}
    assert len(points) == 9
    for name in points:
        poor[name, "panel"] = contrast(
            over(known[name], known["panel"], POINT_OPACITY), known["panel"]
        )
        poor[name, "back"] = contrast(known[name], known["back"])
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 3} == {}


def test_every_color_is_a_variable_that_is_measured() -> None:
    rules = re.sub(r":root \{.*?\}", "", CSS, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", rules) == []
    texts = set(re.findall(r"(?<![-\w])color: var\(--([\w-]+)\)", rules))
    backs = set(re.findall(r"background(?:-color)?: var\(--([\w-]+)\)", rules))
    measured_texts = {text for text, _ in TEXTS} | {f"c{n}" for n in range(9)}
    assert texts <= measured_texts
    assert backs <= {back for _, back in TEXTS}
    assert f"fill-opacity: {POINT_OPACITY}".replace("0.", ".") in rules
