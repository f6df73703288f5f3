"""Draws bars and lines as SVG files that read well on light and on dark pages.

An image in a page knows nothing of the page's colours, so each file has both sets and chooses by the reader's
preference. Lines differ by dashes as well as by colour and are named at their ends. Title and description are
there for those who do not see the picture.
"""

import math
from xml.sax.saxutils import escape

WIDTH = 760
LIGHT = ("#0b62c4", "#b3460c", "#1a7f37", "#8440b8", "#9a6700", "#c2255c", "#0b7285", "#57606a", "#6e4c1e")
DARK = ("#6cb6ff", "#ff9b5e", "#57d364", "#d2a8ff", "#e3b341", "#ff8fb1", "#4fd1e0", "#b1bac4", "#d9b382")
DASHES = ("", "6 3", "2 3", "9 3 2 3", "12 4", "4 2", "1 2", "8 2 2 2 2 2", "3 6")


def style():
    light = "".join(".c%d{stroke:%s;fill:%s}" % (i, c, c) for i, c in enumerate(LIGHT))
    dark = "".join(".c%d{stroke:%s;fill:%s}" % (i, c, c) for i, c in enumerate(DARK))
    return ("<style>text{font:12px system-ui,sans-serif;fill:#1f2328;stroke:none}.t{font-size:15px;font-weight:600}"
            ".m{fill:#59636e}.g{stroke:#d1d9e0;fill:none}.k{stroke:#1f2328;stroke-width:2;fill:none}"
            ".n{fill:none;stroke-width:2}.b{stroke:none}%s"
            "@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.m{fill:#9198a1}.g{stroke:#3d444d}"
            ".k{stroke:#f0f6fc}%s}.n{fill:none}.b{stroke:none}</style>" % (light, dark))


def document(height, title, description, body):
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc">\n'
            '<title id="title">%s</title>\n<desc id="desc">%s</desc>\n%s\n%s\n%s\n</svg>\n' % (
                WIDTH, height, escape(title), escape(description), style(), text(16, 24, title, "t"),
                "\n".join(body)))


def text(x, y, words, kind="", anchor="start"):
    return '<text x="%.1f" y="%.1f"%s text-anchor="%s">%s</text>' % (
        x, y, ' class="%s"' % kind if kind else "", anchor, escape(words))


def line(x1, y1, x2, y2, kind):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>' % (x1, y1, x2, y2, kind)


def round_steps(highest, most=6):
    """Round numbers from 0 up to the first that is not below the highest, at most `most` steps of them."""
    if highest <= 0:
        return [0, 1]
    step = 10.0 ** math.floor(math.log10(highest / most))
    for factor in (2, 2.5, 2):
        if highest / step > most:
            step *= factor
    return [index * step for index in range(math.ceil(highest / step - 1e-9) + 1)]


def powers(lowest, highest):
    """Powers of ten that enclose both."""
    first = math.floor(math.log10(lowest) + 1e-9)
    last = max(first + 1, math.ceil(math.log10(highest) - 1e-9))
    return [10 ** power for power in range(first, last + 1)]


class Axis:
    """Maps values to positions between two ends. Round marks lie on it; a tight one ends where the values do."""

    def __init__(self, values, start, end, logarithmic=False, tight=False):
        self.logarithmic = logarithmic
        if logarithmic and tight:
            self.marks = sorted(set(values))
        else:
            self.marks = powers(min(values), max(values)) if logarithmic else round_steps(max(values))
        if tight:
            self.marks = [mark for mark in self.marks if mark <= max(values)]
        self.low = self.scale(self.marks[0])
        self.high = self.scale(max(values) if tight else self.marks[-1])
        self.start, self.end = start, end

    def scale(self, value):
        return math.log10(value) if self.logarithmic else value

    def at(self, value):
        share = (self.scale(value) - self.low) / (self.high - self.low or 1)
        return self.start + share * (self.end - self.start)


def bars(title, description, rows, unit, longest):
    """rows: (label, length, words, whether it passes). Length 1 is the limit; longer than `longest` is cut off."""
    label_width, top, row = 330, 64, 24
    bottom = top + row * len(rows)
    axis = Axis([1, longest], label_width, WIDTH - 150)
    body = [text(16, 44, unit, "m")]
    for index, (label, length, words, passes) in enumerate(rows):
        y, end = top + index * row, axis.at(min(length, longest))
        body += [text(label_width - 8, y + 13, label, "", "end"),
                 '<rect x="%.1f" y="%.1f" width="%.1f" height="16" class="b c%d"/>' % (
                     label_width, y, max(1, end - label_width), 0 if passes else 1),
                 text(max(end, axis.at(1)) + 6, y + 13, ("» " if length > longest else "") + words)]
    body += [line(axis.at(1), top - 6, axis.at(1), bottom, "k"), text(axis.at(1), bottom + 14, "limit", "m", "middle")]
    return document(bottom + 26, title, description, body)


def lines(title, description, series, x_name, y_name, x_logarithmic=False, y_logarithmic=False):
    """series: (name, [(x, y)]). Names stand at the right ends, moved apart where they would meet."""
    height, left, right, top, bottom = 420, 64, WIDTH - 170, 66, 370
    points = [point for _, values in series for point in values]
    across = Axis([x for x, _ in points], left, right, x_logarithmic, tight=True)
    upward = Axis([y for _, y in points], bottom, top, y_logarithmic)
    body = [text(16, 46, y_name, "m"), text((left + right) / 2, height - 10, x_name, "m", "middle")]
    for mark in upward.marks:
        body += [line(left, upward.at(mark), right, upward.at(mark), "g"),
                 text(left - 6, upward.at(mark) + 4, number(mark), "m", "end")]
    for mark in across.marks:
        body += [line(across.at(mark), bottom, across.at(mark), bottom + 5, "g"),
                 text(across.at(mark), bottom + 19, number(mark), "m", "middle")]
    ends = []
    for index, (name, values) in enumerate(series):
        colour = index % len(LIGHT)
        path = " ".join("%.1f,%.1f" % (across.at(x), upward.at(y)) for x, y in values)
        body.append('<polyline points="%s" class="c%d n" stroke-dasharray="%s"/>' % (path, colour, DASHES[colour]))
        if x_logarithmic:
            body += ['<circle cx="%.1f" cy="%.1f" r="3" class="c%d"/>' % (across.at(x), upward.at(y), colour)
                     for x, y in values]
        ends.append((upward.at(values[-1][1]), across.at(values[-1][0]), name, colour))
    for (y, x, name, colour), place in zip(sorted(ends), apart([end[0] for end in sorted(ends)])):
        body += [line(x + 3, y, right + 14, place, "c%d" % colour),
                 line(right + 14, place, right + 24, place, "c%d" % colour), text(right + 29, place + 4, name)]
    return document(height, title, description, body)


def number(value):
    return format(value, ",.0f") if value >= 1000 else "%g" % round(value, 9)


def apart(places, distance=16):
    """Ascending places, moved down as little as keeps the distance, then back up together."""
    moved = []
    for place in places:
        moved.append(max(place, moved[-1] + distance) if moved else place)
    for index in reversed(range(len(moved))):
        limit = 372 if index == len(moved) - 1 else moved[index + 1] - distance
        moved[index] = min(moved[index], limit)
    return moved
