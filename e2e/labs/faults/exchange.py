"""One request and its answer: the three ways to read a kind (list, streaming list, watch) as a real API server goes them,
under a fault that changes what it likes.
"""

import json
import select
import ssl
import threading
import time
import urllib.parse

from .store import KINDS, parse

_GROUPS = {"pods": "v1", "namespaces": "v1", "networkpolicies": "networking.k8s.io/v1"}
_TICK_SECONDS = 0.05


class Gone(Exception):
    """The client closed the connection, or the exchange was cut, or the fault wants it to end here."""


class Exchange:
    """One request and its answer. `mode`: list, initial (a streaming list) or watch. A fault answers through it."""

    def __init__(self, double, fault, connection, client, head):
        self.double, self.store, self.fault = double, double.store, fault
        self.connection, self.client = connection, client
        lines = head.split("\r\n")
        self.target = lines[0].split(" ")[1]
        fields = [line.partition(":") for line in lines[1:]]
        self.headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        path, _, query = self.target.partition("?")
        self.kind = parse(path)[0]
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.mode = "list" if self.query.get("watch") != "1" else "initial" if "sendInitialEvents" in self.query else "watch"
        self.cut = threading.Event()
        self.farewell = ""   # how a connection ends that was left in the middle: "", "reset", "notify"
        self._chunked = False

    # -- bytes ---------------------------------------------------------------------------------------

    def raw(self, data):
        """Past every fault. Waits for the client, but not longer than until the exchange is cut."""
        view = memoryview(data)
        while view:
            if self.cut.is_set():
                raise Gone
            try:
                view = view[self.connection.send(view[:65536]):]
            except TimeoutError:
                continue
            except OSError as error:
                raise Gone from error

    def write(self, data):
        for piece in self.fault.pieces(self, data):
            self.raw(piece)

    def head(self, status=200, reason="OK", **fields):
        """Underscores in names of fields stand for hyphens. Without Content-Length the body is chunked."""
        fields = {"Content_Type": "application/json", **fields}
        self._chunked = "Content_Length" not in fields
        if self._chunked:
            fields["Transfer_Encoding"] = "chunked"
        lines = [f"HTTP/1.1 {status} {reason}", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
        self.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def body(self, data):
        self.write(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)

    def end(self):
        if self._chunked:
            self.write(b"0\r\n\r\n")

    def alive(self):
        """False: the client closed."""
        try:
            return not (select.select([self.connection], [], [], 0)[0] and self.connection.recv(1) == b"")
        except (TimeoutError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False

    def hang(self):
        """Says nothing until the client goes away or the exchange is cut."""
        while self.alive() and not self.cut.wait(_TICK_SECONDS):
            pass
        raise Gone

    def reset(self):
        self.farewell = "reset"
        raise Gone

    def leave(self, notify):
        """notify: TLS tells the client."""
        self.farewell = "notify" if notify else ""
        raise Gone

    # -- answers -------------------------------------------------------------------------------------

    def status(self, code, reason, message="", retry_after=None, **fields):
        made = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                "reason": reason, "code": code}
        if retry_after is not None:
            fields["Retry_After"] = retry_after
        data = json.dumps(made).encode()
        self.head(code, reason, Content_Length=len(data), **fields)
        self.write(data)

    def serve(self):
        """As a real API server would."""
        if self.headers.get("authorization") not in {f"Bearer {token}" for token in self.double.tokens}:
            self.status(401, "Unauthorized", "Unauthorized")
        elif self.kind not in KINDS:
            self.status(404, "NotFound", "the server could not find the requested resource")
        elif self.mode == "list":
            self.list()
        elif self.mode == "watch":
            version = self.store.number(self.query.get("resourceVersion", ""))
            if version is None:
                self.double.strange_version(self.query.get("resourceVersion"))
                self.status(400, "BadRequest", "invalid resource version")
            elif self.store.expired(version):
                self.status(410, "Expired", "too old resource version")
            else:
                self.watch(version)
        elif self.double.streaming == "yes":
            self.watch(None)
        elif self.double.streaming == "ignored":  # an old server: a watch without version begins with all objects, too
            self.watch(None, ends_list=False)
        else:
            self.status(int(self.double.streaming), "Invalid", "sendInitialEvents is forbidden for watch")

    def item(self, made):
        return self.fault.item(made)

    def wanted(self, made):
        """Whether the object is on the node that was asked for; other selectors are for the client to do without."""
        asked = self.query.get("fieldSelector", "")
        return not asked.startswith("spec.nodeName=") or made.get("spec", {}).get("nodeName") == asked.partition("=")[2]

    def list(self):
        objects, version = self.store.all(self.kind)
        objects = [made for made in objects if self.wanted(made)]
        begin, fixed = self.query.get("continue", f"0:{version}:").split(":")[:2]
        begin, version = int(begin), int(fixed)
        size = self.double.page_size or int(self.query.get("limit", 0)) or len(objects)
        page = objects[begin:begin + size]
        meta = {"resourceVersion": self.store.text(version)}
        if begin + size < len(objects):
            meta["continue"] = f"{begin + size}:{version}:+/&=%41é"  # no business of the client's
        self.send_list(page, meta)

    def send_list(self, page, meta):
        made = self.fault.page(self, {"kind": KINDS[self.kind] + "List", "apiVersion": _GROUPS[self.kind], "metadata": meta,
                                      "items": [self.item(one) for one in page]})
        data = json.dumps(made).encode()
        self.head(Content_Length=len(data))
        self.body(data)

    def line(self, kind, made):
        self.body(json.dumps({"type": kind, "object": made}).encode() + b"\n")

    def event(self, kind, made):
        known = {"kind": KINDS[self.kind], "apiVersion": _GROUPS[self.kind], **self.item(made)}
        for one, it in self.fault.events(self, kind, known):
            self.line(one, it)

    def bookmark(self, version, ends_list=False):
        meta = {"resourceVersion": self.store.text(version), "creationTimestamp": None}
        if ends_list:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        self.line("BOOKMARK", {"kind": KINDS[self.kind], "apiVersion": _GROUPS[self.kind], "metadata": meta})

    def watch(self, version, ends_list=True):
        """version None: begins with all objects."""
        until = time.monotonic() + float(self.query.get("timeoutSeconds", 300))
        self.head()
        if version is None:
            objects, version = self.store.all(self.kind)
            for made in filter(self.wanted, objects):
                self.event("ADDED", made)
            if ends_list:
                self.bookmark(version, ends_list=True)
        marked = time.monotonic()
        while not self.cut.is_set() and time.monotonic() < until and self.alive():
            events, version = self.store.after(self.kind, version)
            for kind, made in events:
                if self.wanted(made):
                    self.event(kind, made)
            if self.double.bookmarks and time.monotonic() > marked + self.double.bookmarks:
                marked = time.monotonic()
                self.bookmark(version)
            with self.store.changed:
                if self.store.version() == version:
                    self.store.changed.wait(_TICK_SECONDS)
        self.cut.clear()  # so that the end, too, can be written
        self.end()
