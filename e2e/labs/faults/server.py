"""The double's own process: listeners, TLS, and a thread for each connection, which brings one request, as the agent sends
them, to an Exchange under the fault that is in force when it comes.
"""

import json
import os
import pickle
import socket
import ssl
import struct
import subprocess
import threading
import time
import traceback

from labs.net.patience import PATIENCE_SECONDS

from .exchange import Exchange, Gone
from .faults import Fault
from .store import Refused, Store

PORT = 6443
_BEAT_SECONDS = 0.01
TRAP_PORT = 6444  # nothing has any business here: where redirects point to


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
        self._longest_stall = 0.0
        self._listener = None
        self._listen()
        threading.Thread(target=self._beat, daemon=True).start()
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
        self._longest_stall = 0.0

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

    def longest_stall(self):
        """Seconds that this process was kept waiting at most since forget(): so late, what comes may be noted."""
        return self._longest_stall

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

    def _beat(self):
        last = time.monotonic()
        while True:
            time.sleep(_BEAT_SECONDS)
            now = time.monotonic()
            self._longest_stall = max(self._longest_stall, now - last - _BEAT_SECONDS)
            last = now

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
        plain.settimeout(PATIENCE_SECONDS)
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
