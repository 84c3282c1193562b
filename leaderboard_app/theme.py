"""The theme of Gradio's components. `static/frame.css` uses its CSS variables."""

from gradio.themes import Base


def make_theme() -> Base:
    """Return a plain theme with the font of `static/frame.css`, which loads nothing from another host."""
    theme = Base(
        primary_hue="teal",
        neutral_hue="slate",
        font=[
            "Inter Board",
            "system-ui",
            "Segoe UI",
            "Helvetica Neue",
            "Liberation Sans",
            "sans-serif",
        ],
        font_mono=["ui-monospace", "SF Mono", "Liberation Mono", "monospace"],
    )
    return theme.set(
        # Gradio's own subdued texts do not reach the contrast of WCAG AA.
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        input_border_width="1px",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_500",
        input_placeholder_color="*neutral_600",
        input_placeholder_color_dark="*neutral_300",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        link_text_color_hover="*primary_800",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited="*primary_700",
        link_text_color_visited_dark="*primary_300",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
    )
