"""Collects figures and prints them as Markdown."""
import statistics
import subprocess
import time


def median(values):
    return statistics.median(values)


def show(value, unit):
    if value is None:
        return "–"
    if unit == "ms":
        return f"{value * 1e3:.1f} ms" if value < 10 else f"{value:.1f} s"
    if unit == "s":
        return f"{value:.2f} s" if value < 100 else f"{value:.0f} s"
    if unit == "µs":
        return f"{value * 1e6:.1f} µs"
    if unit == "MB":
        return f"{value / 1e6:.1f} MB"
    if unit == "MB/s":
        return f"{value / 1e6:,.0f} MB/s"
    if unit == "misses":
        return f"{value:,} misses"
    if unit == "requests":
        return f"{value:,} requests"
    if unit == "/s":
        return f"{value:,.0f}/s"
    return f"{value:.2f}"


class Report:
    """Sections of rows: what was measured → by whom → figure."""

    def __init__(self, args, uname, cores):
        self.head = (f"{args.tracks:,} files, a log of {args.large:,} tracks, medians of {args.runs} runs, "
                     f"Linux {uname.release}, {cores} cores, {time.strftime('%Y-%m-%d')}.")
        self.rows = []
        self.notes = []
        self.plots = {}

    def row(self, figure, what, unit, target, **systems):
        self.rows.append((figure, what, unit, target, systems))

    def plot(self, name, svg, caption):
        self.plots[name] = (svg, caption)

    def write(self, path):
        """Writes the table, and the plots beside it."""
        path.write_text(self.markdown())
        for name, (svg, _) in self.plots.items():
            path.with_name(name).write_text(svg)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def markdown(self):
        columns = ["musicfs", "native", "bindfs", "musefs", "rclone", "MPD", "beets"]
        lines = [
            "# Benchmarks", "",
            "Made by `benches/run`, everything in one run on the same files. The machine is shared:",
            "compare the columns of a row, not rows of different days.", "",
            self.head, "",
            "| | what | at least | " + " | ".join(columns) + " |",
            "|---|---|---|" + "---|" * len(columns),
        ]
        for figure, what, unit, target, systems in self.rows:
            cells = [show(systems.get(column), unit) for column in columns]
            lines.append(f"| {figure} | {what} | {target} | " + " | ".join(cells) + " |")
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        for name, (_, caption) in self.plots.items():
            lines += ["", f"![{caption}]({name})"]
        return "\n".join(lines) + "\n"


def timed(command, **kwargs):
    """Seconds that a command takes; it must succeed."""
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kwargs)
    return time.monotonic() - began
