"""Writes knobs' states to the API server, and remembers when."""

import time

from labs.api import objects

_PATCH = "application/json-patch+json"


class Writer:
    """One connection. `marks`: (time, sentence) of each write, monotonic seconds."""

    def __init__(self, api):
        self._api = api
        self.marks = []

    def mark(self, sentence):
        self.marks.append((time.monotonic(), sentence))

    def create(self, made):
        objects.create(self._api, made)

    def turn(self, knob, state):
        """Returns the number of writes."""
        writes = knob.writes(state)
        for name, made in writes:
            before = knob.states[knob.state].get(name)
            self._write(knob.kind, name, before, made)
        knob.state = state
        return len(writes)

    def _write(self, kind, name, before, made):
        path = objects.path(kind, name)
        verb = "changed" if before and made else "made" if made else "deleted"
        if made is None:
            self._api.ask("DELETE", path + ("?gracePeriodSeconds=0" if kind == "Pod" else ""))
        elif before is None:
            self.create(made)
        elif kind == "NetworkPolicy":
            self._api.ask("PUT", path, made)
        else:
            labels = dict(made["metadata"]["labels"])
            if kind == "Namespace":
                labels["kubernetes.io/metadata.name"] = name
            self._api.ask("PATCH", path, [{"op": "replace", "path": "/metadata/labels", "value": labels}], _PATCH)
        self.mark(f"{kind} {name} {verb}")
