"""Real helm, and what it makes of the chart."""

import os
import re
import subprocess
import tempfile

import yaml

_E2E = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CHART = os.path.join(os.path.dirname(_E2E), "charts", "podgate")


class HelmError(Exception):
    """helm ended badly; the message is its own."""


class Helm:
    """A helm with a home of its own. `through` runs a command elsewhere, in an API server's network namespace for one."""

    def __init__(self, program, through=None):
        self._program = program
        self._through = through
        self._home = tempfile.TemporaryDirectory(prefix="pg-helm.")

    def run(self, *arguments):
        environment = {"PATH": os.environ["PATH"], "HOME": self._home.name}
        command = [self._program, *arguments]
        if self._through:
            done = self._through(command, environment)
        else:
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode != 0:
            raise HelmError((done.stderr or done.stdout).strip())
        return done.stdout

    def render(self, *arguments, release="podgate", namespace="kube-system"):
        """The objects as a list. Several `helm template` in one process are not to be had: 0.1 s each."""
        text = self.run("template", release, CHART, "--namespace", namespace, *arguments)
        return [one for one in yaml.load_all(text, Loader=_Strict) if one]

    def refusal(self, *arguments):
        """What helm says against these values; empty when it takes them."""
        try:
            self.run("template", "podgate", CHART, *arguments)
        except HelmError as error:
            return re.sub(r"\s+", " ", str(error))
        return ""


class _Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, where YAML's usual loaders take the last one."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {name!r} stands here twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def one(objects, kind, name=None):
    """The only object of a kind (and name)."""
    found = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    if len(found) != 1:
        raise AssertionError(f"there are {len(found)} objects {kind} {name or ''}, not one")
    return found[0]


def hooks(item):
    """The hooks that an object belongs to; none: it is a part of the release."""
    return item["metadata"].get("annotations", {}).get("helm.sh/hook", "")
