"""What all benchmarks do with their figures: growth curves, tables, a JSON file."""

import argparse
import json
import math
import os
import statistics
import subprocess

from labs.net.programs import PODGATE


def parser(about, **sizes):
    """Arguments that all have; sizes: defaults of --NAME N[,N…]."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--podgate", type=os.path.realpath, default=PODGATE,
                      help="podgate binary (default: build/release/podgate)")
    made.add_argument("--json", metavar="FILE", help="output file of the figures")
    for name, default in sizes.items():
        made.add_argument(f"--{name}", type=numbers, metavar="N,N,…", default=default,
                          help=f"sizes to measure, in {name} (default: {','.join(map(str, default))})")
    return made


def numbers(text):
    return [int(each) for each in text.split(",")]


def exponent(sizes, values):
    """Of the power law that fits best: 0 for a cost that does not grow, 1 for a linear one. None without two figures."""
    points = [(math.log(size), math.log(value)) for size, value in zip(sizes, values) if value and value > 0]
    if len({x for x, _ in points}) < 2:
        return None
    return statistics.linear_regression(*zip(*points)).slope


def fitted(sizes, values):
    slope = exponent(sizes, values)
    return "" if slope is None else f"grows with the power {slope:.2f}"


def quantile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def table(head, rows):
    """Prints columns: the first to the left, the others to the right."""
    texts = [list(map(_text, row)) for row in [head, *rows]]
    widths = [max(len(row[column]) for row in texts) for column in range(len(head))]
    for row in texts:
        cells = [row[0].ljust(widths[0])] + [text.rjust(width) for text, width in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip(), flush=True)


def _text(value):
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def save(arguments, figures):
    """figures, with what they were measured on, to --json's file."""
    if not arguments.json:
        return
    version = subprocess.run([arguments.podgate, "version"], capture_output=True, text=True, check=False).stdout.strip()
    system = os.uname()
    machine = {"kernel": system.release, "machine": system.machine, "cpus": os.cpu_count(), "podgate": version,
               "load": os.getloadavg()[0]}
    with open(arguments.json, "w", encoding="utf-8") as file:
        json.dump({"machine": machine, **figures}, file, indent=1)
