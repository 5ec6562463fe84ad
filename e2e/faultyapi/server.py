"""The double's own process: TLS, HTTP/1.1 and the three ways to read a kind (list, streaming list, watch), each answer
under the fault that is in force when its request comes. A thread for each connection; one request each, as the agent
sends them.
"""

import json
import os
import pickle
import select
import socket
import ssl
import struct
import subprocess
import threading
import time
import traceback
import urllib.parse

from .faults import Fault
from .store import KINDS, Refused, Store, parse

PORT = 6443
TRAP_PORT = 6444  # nothing has any business here: where redirects point to
_LIST_META = {"pods": "v1", "namespaces": "v1", "networkpolicies": "networking.k8s.io/v1"}
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

    def list(self):
        objects, version = self.store.all(self.kind)
        begin, fixed = self.query.get("continue", f"0:{version}:").split(":")[:2]
        begin, version = int(begin), int(fixed)
        size = self.double.page_size or int(self.query.get("limit", 0)) or len(objects)
        page = objects[begin:begin + size]
        meta = {"resourceVersion": self.store.text(version)}
        if begin + size < len(objects):
            meta["continue"] = f"{begin + size}:{version}:+/&=%41é"  # no business of the client's
        self.send_list(page, meta)

    def send_list(self, page, meta):
        made = self.fault.page(self, {"kind": KINDS[self.kind] + "List", "apiVersion": _LIST_META[self.kind], "metadata": meta,
                                      "items": [self.item(one) for one in page]})
        data = json.dumps(made).encode()
        self.head(Content_Length=len(data))
        self.body(data)

    def line(self, kind, made):
        self.body(json.dumps({"type": kind, "object": made}).encode() + b"\n")

    def event(self, kind, made):
        known = {"kind": KINDS[self.kind], "apiVersion": _LIST_META[self.kind], **self.item(made)}
        for one, it in self.fault.events(self, kind, known):
            self.line(one, it)

    def bookmark(self, version, ends_list=False):
        meta = {"resourceVersion": self.store.text(version), "creationTimestamp": None}
        if ends_list:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        self.line("BOOKMARK", {"kind": KINDS[self.kind], "apiVersion": _LIST_META[self.kind], "metadata": meta})

    def watch(self, version, ends_list=True):
        """version None: begins with all objects."""
        until = time.monotonic() + float(self.query.get("timeoutSeconds", 300))
        self.head()
        if version is None:
            objects, version = self.store.all(self.kind)
            for made in objects:
                self.event("ADDED", made)
            if ends_list:
                self.bookmark(version, ends_list=True)
        marked = time.monotonic()
        while not self.cut.is_set() and time.monotonic() < until and self.alive():
            events, version = self.store.after(self.kind, version)
            for kind, made in events:
                self.event(kind, made)
            if self.double.bookmarks and time.monotonic() > marked + self.double.bookmarks:
                marked = time.monotonic()
                self.bookmark(version)
            with self.store.changed:
                if self.store.version() == version:
                    self.store.changed.wait(_TICK_SECONDS)
        self.cut.clear()  # so that the end, too, can be written
        self.end()


class Double:
    """State and listeners. The methods without underscore are what double.py calls from the lane's process."""

    def __init__(self, certificates):
        self.store = Store()
        self.tokens = set()
        self.streaming, self.bookmarks, self.page_size = "yes", 1.0, 0  # see double.py
        self._contexts = {}
        for name, (certificate, key) in certificates.items():
            self._contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._contexts[name].load_cert_chain(certificate, key)
        self._certificate = "good"
        self._fault = Fault()
        self._lock = threading.Lock()
        self._open = set()        # exchanges
        self._requests = []       # (time, client's address, kind, mode, certificate)
        self._connections = []    # (time, client's address)
        self._played = {}         # client's address: how many times the fault met it
        self._trapped = []        # what came to TRAP_PORT
        self._strange = []        # versions that were asked for and never given out
        self._listener = None
        self._listen()
        trap = self._bound(TRAP_PORT)
        threading.Thread(target=self._trap, args=(trap,), daemon=True).start()

    # -- control -------------------------------------------------------------------------------------

    def configure(self, tokens, streaming, bookmarks, page_size, opaque):
        if tokens:
            self.tokens = set(tokens)
        self.streaming, self.bookmarks, self.page_size = streaming, bookmarks, page_size
        self.store.opaque = opaque

    def forget(self):
        """What was asked so far, and what was wrong with it."""
        for seen in (self._requests, self._connections, self._trapped, self._strange):
            seen.clear()

    def api(self, method, path, body):
        try:
            return 200, self.store.request(method, path, body)
        except Refused as error:
            return error.status, {"message": str(error)}

    def fill(self, plural, made):
        self.store.fill(plural, made)

    def empty(self, plural, prefix):
        self.store.empty(plural, prefix)

    def begin(self, fault, cut):
        """From now on the fault is in force; `cut`: open exchanges end, so that it is met at once."""
        with self._lock:
            self._fault, self._played = fault, {}
        self._certificate = fault.certificate
        if fault.compacts:
            self.store.compact()
        if not fault.listens:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() does not
            self._listener.close()
        if fault.drops:
            self._nft("add rule inet double cut tcp dport 6443 drop")
        if cut:
            self._cut(self._all())

    def finish(self):
        """Ends the fault, and what it holds open; a lasting one's victims must help themselves."""
        with self._lock:
            fault, self._fault = self._fault, Fault()
        self._certificate = "good"
        if not fault.listens:
            self._listen()
        if fault.drops:
            self._nft("flush chain inet double cut")
        if not fault.lasting:
            self._cut([exchange for exchange in self._all() if exchange.fault is fault])

    def played(self):
        with self._lock:
            return dict(self._played)

    def note(self, client):
        """The fault met a client."""
        with self._lock:
            self._played[client] = self._played.get(client, 0) + 1
            return self._played[client]

    def requests(self):
        return list(self._requests)

    def connections(self):
        return list(self._connections)

    def strange_version(self, text):
        self._strange.append(text)

    def strange_versions(self):
        return list(self._strange)

    def trapped(self):
        return list(self._trapped)

    def attempts(self):
        """Segments that opened connections, or tried to, as the kernel counted them."""
        said = subprocess.run(["nft", "-j", "list", "table", "inet", "double"], capture_output=True, check=True).stdout
        found = [part["counter"]["packets"] for one in json.loads(said)["nftables"] if "rule" in one
                 for part in one["rule"]["expr"] if "counter" in part]
        return sum(found)

    # -- connections ---------------------------------------------------------------------------------

    @staticmethod
    def _nft(*commands):
        subprocess.run(["nft", "; ".join(commands)], check=True)

    @staticmethod
    def _bound(port):
        return socket.create_server(("", port), backlog=128)

    def _listen(self):
        self._listener = self._bound(PORT)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _all(self):
        with self._lock:
            return list(self._open)

    def _cut(self, exchanges):
        for exchange in exchanges:
            exchange.cut.set()
        with self.store.changed:
            self.store.changed.notify_all()

    def _accept(self, listener):
        while True:
            try:
                connection, address = listener.accept()
            except OSError:
                return  # closed: refusing
            with self._lock:
                self._connections.append((time.monotonic(), address[0]))
            threading.Thread(target=self._serve, args=(connection, address[0]), daemon=True).start()

    def _serve(self, plain, client):
        plain.settimeout(20)
        with self._lock:
            fault, certificate = self._fault, self._certificate
        connection, exchange = plain, None
        try:
            if fault.accepted(self, plain, client):
                return
            connection = self._contexts[certificate].wrap_socket(plain, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            connection.settimeout(0.2)  # how fast a cut is noticed while the client takes nothing
            exchange = Exchange(self, fault, connection, client, head.partition(b"\r\n\r\n")[0].decode("latin-1"))
            with self._lock:
                self._open.add(exchange)
                self._requests.append((time.monotonic(), client, exchange.kind, exchange.mode, certificate))
            if fault.covers(exchange):
                fault.answer(exchange, self.note(client))
            else:
                exchange.fault = Fault()
                exchange.serve()
            self._say_farewell(connection, "notify")
        except Gone:
            self._say_farewell(connection, exchange.farewell)
        except OSError:  # the other side is gone
            pass
        except Exception:  # a mistake of the double's must not look like a fault of the agent's
            traceback.print_exc()
            os._exit(70)
        finally:
            if exchange:
                with self._lock:
                    self._open.discard(exchange)
            connection.close()

    @staticmethod
    def _say_farewell(connection, how):
        try:
            if how == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif how == "notify":
                connection.settimeout(1)
                connection.unwrap()
        except OSError:
            pass

    def _trap(self, listener):
        while True:
            connection, address = listener.accept()
            self._trapped.append(address[0])
            connection.close()


def run(certificates, control):
    """Answers calls that come over the socket until it ends. In the double's namespace."""
    subprocess.run(["nft", "add table inet double; add chain inet double in { type filter hook input priority 0; }; "
                           "add chain inet double cut { type filter hook input priority 1; }; "
                           "add rule inet double in tcp dport 6443 tcp flags syn / syn,ack counter"], check=True)
    double = Double(certificates)
    with control.makefile("rwb") as pipe:
        while True:
            try:
                name, arguments = pickle.load(pipe)
            except EOFError:
                return
            try:
                answer = (True, getattr(double, name)(*arguments))
            except Exception as error:
                answer = (False, f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
            pickle.dump(answer, pipe)
            pipe.flush()
