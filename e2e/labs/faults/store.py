"""What the double knows: objects, and the history of their changes. No sockets; any thread.

A version is a number here. What clients see of it is text that means nothing to them: the number itself, or, with
`opaque`, something that no number looks like.
"""

import copy
import threading
import time

KINDS = {"pods": "Pod", "namespaces": "Namespace", "networkpolicies": "NetworkPolicy"}
_CREATED = "2026-01-01T00:00:00Z"
_OTHER = "serviceaccounts"  # written by the lab because a real API server wants them; nobody reads them


class Refused(Exception):
    """A request that a real API server would answer with an error."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def merged(old, new):
    """RFC 7386."""
    if not isinstance(new, dict):
        return new
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def parse(path):
    """(plural, namespace, name) of an API path; what is missing is empty. The subresources that the lab writes are
    parts of the object itself here."""
    parts = path.partition("?")[0].strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in ("status", "finalize"):
        return parts[2], parts[1], parts[3] if len(parts) > 3 else ""
    if parts[0] == "namespaces":
        return parts[0], "", parts[1] if len(parts) > 1 else ""
    return parts[0], "", ""


class Store:
    """`changed` is notified at each change; hold it while reading more than one thing."""

    def __init__(self):
        self.changed = threading.Condition()
        self.opaque = False
        self._version = 1000
        self._oldest = 0           # watches from before it get 410
        self._objects = {plural: {} for plural in (*KINDS, _OTHER)}
        self._history = []         # (version, plural, event type, object)

    # -- versions ------------------------------------------------------------------------------------

    def text(self, version):
        """Some of these characters mean something in URLs, and none of them an order."""
        return f"~/v+{(version * 7919) % 1000003:06d}&x=%41;{version % 7}|é" if self.opaque else str(version)

    def number(self, text):
        """None: never given out."""
        with self.changed:
            if not self.opaque:
                return int(text) if text.isdigit() and int(text) <= self._version else None
            return next((v for v in range(self._version, 999, -1) if self.text(v) == text), None)

    def version(self):
        with self.changed:
            return self._version

    def expired(self, version):
        with self.changed:
            return version < self._oldest

    def compact(self):
        """Forgets all history: no watch can go on from any version that was given out."""
        with self.changed:
            self._version += 1
            self._oldest = self._version
            self._history.clear()
            self.changed.notify_all()

    # -- reading -------------------------------------------------------------------------------------

    def all(self, plural):
        """(objects in the order of their names, the version at which they are so)"""
        with self.changed:
            return [self._objects[plural][key] for key in sorted(self._objects[plural])], self._version

    def after(self, plural, version):
        """([(type, object)], the version up to which that is all)"""
        with self.changed:
            events = [(kind, made) for at, of, kind, made in self._history if at > version and of == plural]
            return events, self._version

    # -- writing -------------------------------------------------------------------------------------

    def _note(self, plural, kind, made):
        self._version += 1
        made["metadata"]["resourceVersion"] = self.text(self._version)
        self._history.append((self._version, plural, kind, made))
        self.changed.notify_all()
        return made

    def _put(self, plural, key, made):
        known = key in self._objects[plural]
        self._objects[plural][key] = made
        return self._note(plural, "MODIFIED" if known else "ADDED", made)

    def fill(self, plural, made):
        """Many new objects, without an event each: as if they had been there before anybody watched."""
        with self.changed:
            for one in made:
                key = (one["metadata"].get("namespace", ""), one["metadata"]["name"])
                one["metadata"].update(uid=f"uid-{'-'.join(key)}", creationTimestamp=_CREATED,
                                       resourceVersion=self.text(self._version))
                self._objects[plural][key] = one
            self.compact()

    def empty(self, plural, prefix):
        """Takes away all whose namespace begins so, without events."""
        with self.changed:
            kept = {key: one for key, one in self._objects[plural].items() if not (key[0] or key[1]).startswith(prefix)}
            self._objects[plural] = kept
            self.compact()

    def request(self, method, path, body=None):
        """What a real API server's answer would be to the requests that the lab makes: the object or the list."""
        plural, namespace, name = parse(path)
        with self.changed:
            objects = self._objects[plural]
            key = (namespace, name)
            if method == "POST":
                key = (namespace, body["metadata"]["name"])
                if key in objects:
                    raise Refused(409, f"{plural} {'/'.join(key)} already exists")
                made = copy.deepcopy(body)
                made["metadata"].update(uid=f"uid-{time.monotonic_ns()}", creationTimestamp=_CREATED)
                if plural == "pods":
                    made["status"] = {"phase": "Pending"}
                if plural == "namespaces":
                    made["spec"] = {"finalizers": ["kubernetes"]}
                    made["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = key[1]
                return self._put(plural, key, made)
            if not name:
                return {"items": [one for at, one in sorted(objects.items()) if namespace in ("", at[0])]}
            if key not in objects:
                raise Refused(404, f"{plural} {'/'.join(key)} not found")
            if method == "GET":
                return objects[key]
            if method == "DELETE" and plural == "namespaces":
                return copy.deepcopy(objects[key])  # gone when it is finalized
            if method == "DELETE" or path.endswith("/finalize"):
                return self._note(plural, "DELETED", copy.deepcopy(objects.pop(key)))
            made = copy.deepcopy(objects[key])
            if method == "PUT":
                made = {**copy.deepcopy(body), "metadata": {**made["metadata"], **body["metadata"]}}
            elif isinstance(body, list):  # JSON patch: replaces the labels, nothing else is used
                made["metadata"]["labels"] = body[0]["value"]
            else:
                made = merged(made, body)
            return self._put(plural, key, made)
