"""A plot of growth as SVG, without a library for it."""
import math

WIDTH, HEIGHT, MARGIN = 320, 200, 44
COLOURS = ("#0b6e99", "#c2410c")


def panel(left, title, unit, points):
    """Lines over a logarithmic axis of tracks; `points`: name → [(tracks, value)]."""
    counts = [count for count, _ in next(iter(points.values()))]
    low, high = math.log10(counts[0]), math.log10(counts[-1])
    top = max(value for line in points.values() for _, value in line) * 1.25

    def x(count):
        return left + MARGIN + (math.log10(count) - low) / max(high - low, 1e-9) * (WIDTH - 2 * MARGIN)

    def y(value):
        return HEIGHT - MARGIN - value / top * (HEIGHT - 2 * MARGIN)

    parts = [f'<text x="{left + WIDTH / 2}" y="20" text-anchor="middle" font-weight="bold">{title}</text>',
             f'<path d="M{left + MARGIN} {MARGIN} V{HEIGHT - MARGIN} H{left + WIDTH - MARGIN}" '
             'fill="none" stroke="#888"/>']
    for count in counts:
        parts.append(f'<text x="{x(count):.1f}" y="{HEIGHT - MARGIN + 16}" '
                     f'text-anchor="middle">{count:,}</text>')
    for value in (0, top / 2, top):
        parts.append(f'<text x="{left + MARGIN - 4}" y="{y(value) + 4:.1f}" '
                     f'text-anchor="end">{value:.0f}</text>')
    parts.append(f'<text x="{left + MARGIN}" y="{MARGIN - 8}">{unit}</text>')
    for colour, (name, line) in zip(COLOURS, points.items()):
        path = " ".join(f"{x(count):.1f},{y(value):.1f}" for count, value in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(count):.1f}" cy="{y(value):.1f}" r="3" fill="{colour}"/>'
                  for count, value in line]
        count, value = line[-1]
        parts.append(f'<text x="{x(count):.1f}" y="{y(value) - 8:.1f}" text-anchor="end" '
                     f'fill="{colour}">{name}</text>')
    return parts


def growth_plot(grown):
    """Of (tracks, seconds to append one, seconds to rebuild one, bytes resident)."""
    times = {"rebuilt": [(row[0], row[2] * 1e6) for row in grown],
             "appended": [(row[0], row[1] * 1e6) for row in grown]}
    memory = {"resident, idle": [(row[0], row[3] / 1e6) for row in grown]}
    parts = panel(0, "time a track", "µs", times) + panel(WIDTH, "memory", "MB", memory)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="10">\n<rect width="100%" height="100%" fill="white"/>\n'
            + "\n".join(parts) + "\n</svg>\n")
