"""The source that the image is built from: version, revision, time.

Every time in the image is SOURCE_DATE_EPOCH, or else the commit's, so the same inputs produce the same bytes.
"""

import os
import re
import subprocess

REPOSITORY = "ghcr.io/podgate/podgate"  # the default in values.yaml, too
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def version():
    with open(f"{TOP}/CMakeLists.txt", encoding="utf-8") as file:
        return re.search(r"^project\(podgate VERSION ([0-9.]+)", file.read(), re.M)[1]


def revision():
    """PODGATE_REVISION (for folders without git history), or else the commit, with -dirty if the tree has changes."""
    given = os.environ.get("PODGATE_REVISION")
    if given:
        return given
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return "unknown"
    return commit + ("-dirty" if _git("status", "--porcelain", "--untracked-files=no") else "")


def epoch():
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given) if given else int(_git("log", "-1", "--format=%ct") or 0)


def _git(*arguments):
    try:
        done = subprocess.run(["git", "-C", TOP, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
