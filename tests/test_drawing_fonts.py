"""Names in pictures: drawn in a font that has them, else numbered; no name is a formula."""

import warnings

import matplotlib

from rnnsweep.drawing import fonts
from rnnsweep.tracking.ship.picture import draw_confusion

LABELS = ["很好", "अच्छा", "ดี", "👍🏽", "a $b_1$ c$", "<b>|=", "_private", "été"]
PRIVATE = "\U000f0000"  # no font has it


def test_what_a_font_has_is_written_and_the_rest_is_numbered():
    with fonts.fonts_for(["good", PRIVATE, "été"]) as write:
        assert [write(name) for name in ("good", PRIVATE, "été")] == ["good", "(2)", "été"]


def test_a_title_shows_a_box_for_what_no_font_has():
    with fonts.fonts_for([], title=f"run {PRIVATE} x") as write:
        assert write(f"run {PRIVATE} x") == "run \u25a1 x"


def test_a_font_that_has_the_letters_is_added(monkeypatch):
    from matplotlib import font_manager

    every = font_manager.fontManager.ttflist
    other = next(one for one in every if one.name == "STIXNonUnicode")
    monkeypatch.setattr(
        font_manager.fontManager, "ttflist", [one for one in every if one.name == "DejaVu Sans"] + [other]
    )
    plain, own = (
        set(font_manager.get_font(path).get_charmap())
        for path in (font_manager.findfont("DejaVu Sans"), other.fname)
    )
    letter = chr(max(own - plain))
    fonts._families_for.cache_clear()
    with fonts.fonts_for([letter]) as write:
        assert write(letter) == letter
        assert matplotlib.rcParams["font.family"] == ["DejaVu Sans", "STIXNonUnicode"]
    fonts._families_for.cache_clear()


def test_labels_of_every_script_make_a_picture_without_a_warning_of_missing_glyphs():
    rows = [["true", *LABELS], *[[label, *["1"] * len(LABELS)] for label in LABELS]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw_confusion("".join(",".join(row) + "\n" for row in rows)).startswith(b"\x89PNG")
