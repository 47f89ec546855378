"""What a terminal shows, as a picture: each cell of a pyte screen painted with Pillow.

Lines, blocks and braille dots are drawn as shapes that fill their cells, so that they join as they do on a
terminal; all else comes from fonts that are Python packages, so that pictures are the same everywhere.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pyte
from PIL import Image, ImageDraw, ImageFont

FONTS = (
    ("fontpkg_jetbrains_mono", "JetBrainsMono[wght].ttf"),
    ("fontpkg_fira_code", "FiraCode[wght].ttf"),
)
"""Packages and their files; a glyph comes from the first that has it."""

INSTEAD = {"↵": "⏎"}
"""Glyphs that none of the fonts has, and what looks like them."""

FINE = 4
"""Shapes are drawn this many times as large, then made small: their edges are smooth."""

OWN = {"fg": "e6e9ef", "bg": "101216"}
"""What the terminal's own colours stand for."""


class NoFont(Exception):
    """The packages with the fonts are not installed."""


@cache
def _font_file(package: str, name: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise NoFont(f"{package.replace('_', '-')} is not installed: pip install -e '.[pictures]'")
    return Path(found.origin).parent / "files" / name


@cache
def _font(index: int, size: float, bold: bool) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(_font_file(*FONTS[index]), size)
    font.set_variation_by_name("Bold" if bold else "Regular")
    return font


@cache
def _has(index: int, character: str) -> bool:
    font = _font(index, 20.0, False)
    return bytes(font.getmask(character)) != bytes(font.getmask("\U0010fff0"))


# -- shapes: light lines by the sides of the cell that they reach

LINES = {
    "─": "lr", "│": "ud", "┌": "dr", "┐": "dl", "└": "ur", "┘": "ul", "├": "udr", "┤": "udl",
    "┬": "dlr", "┴": "ulr", "┼": "udlr", "╴": "l", "╵": "u", "╶": "r", "╷": "d",
    "━": "LR", "┃": "UD", "╸": "L", "╹": "U", "╺": "R", "╻": "D",
}  # fmt: skip
"""Small letters are light lines, capitals heavy ones."""
CORNERS = {"╭": (1, 1), "╮": (-1, 1), "╰": (1, -1), "╯": (-1, -1)}
"""Whether the arms go right and down (1) or left and up (-1)."""
QUARTERS = {
    "▘": (0,), "▝": (1,), "▖": (2,), "▗": (3,), "▀": (0, 1), "▄": (2, 3), "▌": (0, 2), "▐": (1, 3),
    "▚": (0, 3), "▞": (1, 2), "▛": (0, 1, 2), "▜": (0, 1, 3), "▙": (0, 2, 3), "▟": (1, 2, 3),
    "█": (0, 1, 2, 3),
}  # fmt: skip
STROKES = {
    "✓": (((0.12, 0.56), (0.38, 0.7), (0.88, 0.3)),),
    "✗": (((0.15, 0.34), (0.85, 0.68)), ((0.15, 0.68), (0.85, 0.34))),
}
"""Ticks and crosses, which fonts for programs draw badly: points in shares of the cell."""
SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}
BRAILLE = (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)
"""Column and row of each bit's dot (Unicode, U+2800 to U+28FF)."""


class Painter:
    """Paints screens with cells of one size in pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._size = width / 0.6  # both fonts are 0.6 em wide
        self._glyph = cache(self._make_glyph)

    def picture(self, screen: pyte.Screen, margin: int = 0) -> Image.Image:
        """The whole screen; `margin`: pixels around it, of its last line's colour."""
        size = screen.columns * self.width + 2 * margin, screen.lines * self.height + 2 * margin
        image = Image.new("RGB", size, self._colour(screen.buffer[screen.lines - 1][0].bg, "bg"))
        draw = ImageDraw.Draw(image)
        for y in range(screen.lines):
            row = screen.buffer[y]
            for x in range(screen.columns):
                cell = row[x]
                ink, paper = self._colour(cell.fg, "fg"), self._colour(cell.bg, "bg")
                if cell.reverse:
                    ink, paper = paper, ink
                left, top = margin + x * self.width, margin + y * self.height
                right, bottom = left + self.width, top + self.height
                draw.rectangle((left, top, right - 1, bottom - 1), paper)
                if cell.data.strip():
                    image.paste(ink, (left, top, right, bottom), self._glyph(cell.data, cell.bold))
                if cell.underscore:
                    draw.line((left, bottom - 3, right - 1, bottom - 3), ink, 1)
        return image

    def _colour(self, name: str, which: str) -> str:
        if name == "default":
            name = OWN[which]
        named = {"brown": "olive", "brightblack": "gray"}.get(name, name)
        return f"#{name}" if len(name) == 6 and all(c in "0123456789abcdef" for c in name) else named

    def _make_glyph(self, character: str, bold: bool) -> Image.Image:
        """How much ink each pixel of the cell gets."""
        shape = self._shape(character[0])
        if shape is not None:
            return shape
        character = INSTEAD.get(character, character)
        index = next((i for i in range(len(FONTS)) if _has(i, character)), 0)
        font = _font(index, self._size, bold)
        mask = Image.new("L", (self.width, self.height))
        ascent, descent = font.getmetrics()
        place = (self.width / 2, (self.height + ascent - descent) / 2)
        ImageDraw.Draw(mask).text(place, character, 255, font, anchor="ms")
        return mask

    def _shape(self, character: str) -> Image.Image | None:
        if 0x2800 <= ord(character) < 0x2900:
            return self._drawn(lambda draw: self._dots(draw, ord(character) - 0x2800))
        if character in LINES:
            return self._drawn(lambda draw: self._lines(draw, LINES[character]))
        if character in CORNERS:
            return self._corner(*CORNERS[character])
        if character in SHADES:
            return Image.new("L", (self.width, self.height), round(255 * SHADES[character]))
        if character in QUARTERS:
            return self._drawn(lambda draw: self._quarters(draw, QUARTERS[character]))
        if character == "★":
            return self._drawn(self._star)
        if character in STROKES:
            return self._drawn(lambda draw: self._strokes(draw, STROKES[character]))
        if "▁" <= character <= "▇":
            part = 1 - (ord(character) - 0x2580) / 8
            return self._drawn(lambda draw: self._fill(draw, 0, part, 1, 1))
        if "▉" <= character <= "▏":
            part = (0x2590 - ord(character)) / 8
            return self._drawn(lambda draw: self._fill(draw, 0, 0, part, 1))
        if character in "▔▕":
            edges = (0, 0, 1, 1 / 8) if character == "▔" else (7 / 8, 0, 1, 1)
            return self._drawn(lambda draw: self._fill(draw, *edges))
        return None

    def _drawn(self, shape: Callable[[ImageDraw.ImageDraw], None]) -> Image.Image:
        large = Image.new("L", (self.width * FINE, self.height * FINE))
        shape(ImageDraw.Draw(large))
        return large.resize((self.width, self.height), Image.Resampling.BOX)

    def _fill(self, draw: ImageDraw.ImageDraw, left: float, top: float, right: float, bottom: float) -> None:
        """A rectangle in shares of the cell, on whole pixels: neighbours touch."""
        x0, x1 = (round(x * self.width) * FINE for x in (left, right))
        y0, y1 = (round(y * self.height) * FINE for y in (top, bottom))
        if x1 > x0 and y1 > y0:
            draw.rectangle((x0, y0, x1 - 1, y1 - 1), 255)

    def _quarters(self, draw: ImageDraw.ImageDraw, quarters: tuple[int, ...]) -> None:
        for quarter in quarters:
            x, y = quarter % 2 / 2, quarter // 2 / 2
            self._fill(draw, x, y, x + 0.5, y + 0.5)

    def _strokes(
        self, draw: ImageDraw.ImageDraw, strokes: tuple[tuple[tuple[float, float], ...], ...]
    ) -> None:
        wide, high = self.width * FINE, self.height * FINE
        for stroke in strokes:
            points = [(x * wide, y * high) for x, y in stroke]
            draw.line(points, 255, round(self.width * FINE / 6), joint="curve")

    def _star(self, draw: ImageDraw.ImageDraw) -> None:
        wide, high = self.width * FINE, self.height * FINE
        points = []
        for corner in range(10):
            angle, reach = math.pi * corner / 5, wide * (0.5 if corner % 2 == 0 else 0.21)
            points.append((wide / 2 + reach * math.sin(angle), high / 2 - reach * math.cos(angle)))
        draw.polygon(points, 255)

    def _dots(self, draw: ImageDraw.ImageDraw, bits: int) -> None:
        radius = min(self.width / 2, self.height / 4) * FINE * 0.36
        for bit, (column, row) in enumerate(BRAILLE):
            if bits & 1 << bit:
                x, y = self.width * FINE * (column + 0.5) / 2, self.height * FINE * (row + 0.5) / 4
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), 255)

    @property
    def _stroke(self) -> int:
        return max(round(self.width / 9), 1)

    def _lines(self, draw: ImageDraw.ImageDraw, arms: str) -> None:
        wide, high = self.width * FINE, self.height * FINE
        for arm in arms:
            stroke = self._stroke * FINE * (2 if arm.isupper() else 1)
            x, y = (self._middle(size, stroke) for size in (self.width, self.height))
            box = {
                "l": (0, y, x + stroke - 1, y + stroke - 1),
                "r": (x, y, wide, y + stroke - 1),
                "u": (x, 0, x + stroke - 1, y + stroke - 1),
                "d": (x, y, x + stroke - 1, high),
            }[arm.lower()]
            draw.rectangle(box, 255)

    def _middle(self, size: int, stroke: int) -> int:
        """Where a stroke in the middle begins, on a whole pixel."""
        return (size - stroke // FINE) // 2 * FINE

    def _corner(self, right: int, down: int) -> Image.Image:
        """A quarter of a circle from the middle of a side to the middle of another, then straight on."""
        stroke, wide, high = self._stroke * FINE, self.width * FINE, self.height * FINE
        x, y = (self._middle(size, stroke) for size in (self.width, self.height))

        def shape(draw: ImageDraw.ImageDraw) -> None:
            radius = wide - x if right > 0 else x + stroke
            left = x if right > 0 else x + stroke - 2 * radius
            top = y if down > 0 else y + stroke - 2 * radius
            start = {(1, 1): 180, (-1, 1): 270, (1, -1): 90, (-1, -1): 0}[right, down]
            draw.arc((left, top, left + 2 * radius - 1, top + 2 * radius - 1), start, start + 90, 255, stroke)
            ends = (y + radius, high) if down > 0 else (0, y + stroke - radius)
            draw.rectangle((x, ends[0], x + stroke - 1, ends[1] - 1), 255)

        return self._drawn(shape)
