"""Contrast of the colours that the pages are made of, as WCAG 2 computes it."""

import re
from pathlib import Path

import pytest
from gradio.themes.utils import colors

import leaderboard_app
from leaderboard_app.theme import make_theme

TEXT, EDGE = 4.5, 3.0
"""Least contrast of texts, and of what shows where a control ends (WCAG AA)."""
STYLES = Path(leaderboard_app.__file__).parent / "static"


def own_colours(scheme: str) -> dict[str, str]:
    """Return the colours that `frame.css` sets, by name."""
    rules = re.findall(r"(?m)^(:root|\.dark) \{(.*?)^\}", (STYLES / "frame.css").read_text(), re.S)
    found: dict[str, str] = {}
    for selector, content in rules:
        if scheme == "dark" or selector == ":root":
            found |= dict(re.findall(r"--viewer-([a-z]+): (#[0-9a-f]{6})", content))
    return found


def theme_colour(name: str, scheme: str) -> str:
    """Return a colour of the theme, with its references followed."""
    theme = make_theme()
    value = f"*{name}"
    while value.startswith("*"):
        plain, dark = getattr(theme, value[1:], None), getattr(theme, f"{value[1:]}_dark", None)
        value = str((dark or plain) if scheme == "dark" else plain)
    return {"white": "#ffffff", "black": "#000000"}.get(value, value)


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert colors.slate.c500 == theme_colour("neutral_500", "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["body_background_fill", "background_fill_secondary"])
def test_texts_and_edges_stand_out_from_their_ground(scheme: str, ground: str) -> None:
    own, behind = own_colours(scheme), theme_colour(ground, scheme)
    texts = {name: own[name] for name in ("accent", "data", "good", "warn", "bad")}
    for name in ("body_text_color", "body_text_color_subdued", "link_text_color"):
        texts[name] = theme_colour(name, scheme)
    weak = {name: c for name, c in texts.items() if contrast(c, behind) < TEXT}
    assert weak == {}
    assert contrast(own["edge"], behind) >= EDGE


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fields_and_the_main_button_can_be_read(scheme: str) -> None:
    field = theme_colour("input_background_fill", scheme)
    for name in ("body_text_color", "input_placeholder_color"):
        assert contrast(theme_colour(name, scheme), field) >= TEXT, name
    fill = theme_colour("button_primary_background_fill", scheme)
    assert contrast(theme_colour("button_primary_text_color", scheme), fill) >= TEXT
