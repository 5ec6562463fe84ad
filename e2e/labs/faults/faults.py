"""What can be wrong with an API server. A Fault is a value that the lane's process makes and the double's process plays:
it says which requests it covers, and answers those; what it does not override is as a good server does it.
"""

import itertools
import json
import socket
import time

_ALL_MODES = ("list", "initial", "watch")
LISTS = ("list", "initial")
STREAMS = ("initial", "watch")


class Fault:
    """No fault at all; the others override what they change."""

    listens = True        # False: connections are refused
    drops = False         # True: segments to the server vanish
    lasting = False       # True: what it holds open stays so when the fault is over
    compacts = False      # True: it begins with the loss of all history, so that clients must list again
    certificate = "good"

    def __init__(self, modes=_ALL_MODES, kinds=("pods", "namespaces", "networkpolicies"), times=None, **changes):
        """times: how many requests of each client it meets at most; changes: attributes of the instance."""
        self.modes, self.kinds, self.times = modes, kinds, times
        for name, value in changes.items():
            getattr(type(self), name)  # only those that there are
            setattr(self, name, value)

    def accepted(self, double, connection, client):
        """A TCP connection is there. True: it is dealt with and is to be closed."""
        return False

    def covers(self, exchange):
        if exchange.mode not in self.modes or exchange.kind not in self.kinds:
            return False
        return self.times is None or exchange.double.played().get(exchange.client, 0) < self.times

    def answer(self, exchange, count):
        """count: this request is the client's count-th that the fault covers."""
        exchange.serve()

    def pieces(self, exchange, data):
        """What is written, piece by piece."""
        yield data

    def item(self, made):
        """An object as it is sent."""
        return made

    def page(self, exchange, made):
        """A list as it is sent."""
        return made

    def events(self, exchange, kind, made):
        """The watch events that are sent for one: (type, object)."""
        yield kind, made


# -- connections ---------------------------------------------------------------------------------------------------


class Refused(Fault):
    """Nobody listens."""
    listens = False


class Dropped(Fault):
    """Packets to the server vanish."""
    drops = True


class Mute(Fault):
    """Takes connections and never says a word, not even of TLS."""
    lasting = True
    seconds = 30.0

    def accepted(self, double, connection, client):
        double.note(client)
        connection.settimeout(self.seconds)
        try:
            while connection.recv(65536):
                pass
        except TimeoutError:
            pass
        return True


class Plaintext(Fault):
    """Answers TLS with what a web server says to those who speak it to the wrong port."""

    def accepted(self, double, connection, client):
        double.note(client)
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nTLS?")
        return True


class Certificate(Fault):
    """Shows another certificate than the right one. An agent that sends a request to it is met by the fault."""

    def __init__(self, name):
        super().__init__(certificate=name)


class ClosedAtAccept(Fault):
    """Resets each connection as soon as it is there."""

    def accepted(self, double, connection, client):
        double.note(client)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        return True


# -- answers -------------------------------------------------------------------------------------------------------


class Silent(Fault):
    """Reads the request and never answers."""
    lasting = True

    def answer(self, exchange, count):
        exchange.hang()


class Cut(Fault):
    """Begins as it should and ends after some bytes of the body: by silence, a reset, a close in the middle, or a close
    that TLS announces ("notify").
    """
    how = "silence"
    bytes = 100

    def pieces(self, exchange, data):
        sent = getattr(exchange, "sent", -1)  # the first write is the head
        exchange.sent = max(sent, 0) + (len(data) if sent >= 0 else 0)
        if sent < 0 or exchange.sent < self.bytes:
            yield data
            return
        yield data[:max(0, self.bytes - max(sent, 0))]
        if self.how == "silence":
            exchange.hang()
        elif self.how == "reset":
            exchange.reset()
        else:
            exchange.leave(self.how == "notify")


class Drip(Fault):
    """A watch that never says anything, but for a byte now and then of an event that never ends."""
    lasting = True
    seconds = 5.0

    def __init__(self, **more):
        super().__init__(modes=("watch",), **more)

    def answer(self, exchange, count):
        exchange.head()
        exchange.body(b"\n" + b'{"type": "ADDED", "object": {"metadata": {"name": "')
        while not exchange.cut.wait(self.seconds):
            exchange.body(b"x")


class Raw(Fault):
    """Bytes in place of an answer: each client gets them in turn, the last one for ever. Then the connection ends."""

    def __init__(self, answers, **more):
        super().__init__(**more)
        self.answers = answers

    def answer(self, exchange, count):
        exchange.raw(self.answers[min(count, len(self.answers)) - 1])


class Status(Fault):
    """An answer with a status that says no."""

    def __init__(self, code, reason, message="", retry_after=None, fields=None, **more):
        super().__init__(**more)
        self.code, self.reason, self.message = code, reason, message
        self.retry_after, self.fields = retry_after, fields or {}

    def answer(self, exchange, count):
        exchange.status(self.code, self.reason, self.message, self.retry_after, **self.fields)


class ErrorEvent(Fault):
    """A watch that is taken, and says in its first event that it cannot be had."""

    def __init__(self, code, reason, **more):
        super().__init__(modes=STREAMS, **more)
        self.code, self.reason = code, reason

    def answer(self, exchange, count):
        exchange.head()
        exchange.line("ERROR", {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                                "message": f"error {self.code} as an event", "reason": self.reason, "code": self.code})
        exchange.end()


class EndsAtOnce(Fault):
    """Each watch is taken, tells what is new, and ends in good order at once."""

    def __init__(self, **more):
        super().__init__(modes=("watch",), **more)

    def answer(self, exchange, count):
        exchange.query["timeoutSeconds"] = "0.01"
        exchange.serve()


class ExpiresInTheMiddle(Fault):
    """A list's second page is no more to be had: 410."""

    def __init__(self, **more):
        super().__init__(modes=("list",), **more)

    def covers(self, exchange):
        return super().covers(exchange) and bool(exchange.query.get("continue"))

    def answer(self, exchange, count):
        exchange.status(410, "Expired", "The provided continue parameter is too old")


# -- pace and size -------------------------------------------------------------------------------------------------


class OneByte(Fault):
    """Every byte in a TLS record of its own."""
    seconds = 0.0002

    def pieces(self, exchange, data):
        for at in range(len(data)):
            yield data[at:at + 1]
            time.sleep(self.seconds)


class OneChunk(Fault):
    """A list comes whole, in one chunk, whatever size of page was asked for: as API servers before 1.33 do it."""

    def answer(self, exchange, count):
        if exchange.mode != "list":
            exchange.serve()
            return
        del exchange.query["limit"]
        body = []
        exchange.write = body.append
        exchange.serve()
        data = b"".join(body).partition(b"\r\n\r\n")[2]
        exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        exchange.raw(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))


class HugeChunk(Fault):
    """A chunk of 200 MB is announced; in it comes what `filling` says: spaces, line breaks, letters."""
    filling = b" "
    size = 200_000_000

    def answer(self, exchange, count):
        exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        exchange.raw(b"%x\r\n" % self.size)
        piece = self.filling * 65536
        for _ in range(self.size // len(piece)):
            exchange.raw(piece)
        exchange.reset()


class NeverEnds(Fault):
    """A streaming list that goes on telling the same objects and never says that it is complete."""

    def __init__(self, **more):
        super().__init__(modes=("initial",), **more)

    def answer(self, exchange, count):
        exchange.head()
        objects = exchange.store.all(exchange.kind)[0]
        while True:
            for made in objects:
                exchange.event("ADDED", made)
            if exchange.cut.wait(0.2):
                return


# -- objects and events --------------------------------------------------------------------------------------------


class Duplicates(Fault):
    """Each event three times, as an addition too."""

    def events(self, exchange, kind, made):
        yield kind, made
        yield kind, made
        yield ("ADDED" if kind == "MODIFIED" else kind), made


class Storm(Fault):
    """A stream that tells without a pause of pods that come, change and go, and in between of what is true."""

    def __init__(self, **more):
        super().__init__(modes=STREAMS, kinds=("pods",), **more)
        self._pods = []
        for number in range(300):
            address = f"10.99.{number % 3}.{number % 250}"
            text = json.dumps({
                "kind": "Pod", "metadata": {"namespace": "many", "name": f"p{number}", "labels": {"app": "storm"}},
                "spec": {"nodeName": "far"}, "status": {"phase": "Running", "podIPs": [{"ip": address}]}})
            friend = text.replace('"app"', '"friend": "yes", "app"')
            self._pods.append("".join(f'{{"type": "{kind}", "object": {one}}}\n' for kind, one in (
                ("ADDED", text), ("MODIFIED", friend), ("MODIFIED", text), ("DELETED", text))).encode())

    def answer(self, exchange, count):
        exchange.head()
        objects, version = exchange.store.all(exchange.kind)
        for made in objects:
            exchange.event("ADDED", made)
        exchange.bookmark(version, ends_list=True)
        for number in itertools.count():
            events, version = exchange.store.after(exchange.kind, version)
            for kind, made in events:
                exchange.event(kind, made)
            exchange.body(self._pods[number % len(self._pods)])


class Renamed(Fault):
    """Additions are called modifications and the reverse."""

    def events(self, exchange, kind, made):
        yield {"ADDED": "MODIFIED", "MODIFIED": "ADDED"}.get(kind, kind), made


class Strangers(Fault):
    """Before each event: deletions of objects that never were, but for their namespaces or names."""

    def events(self, exchange, kind, made):
        meta = made["metadata"]
        yield "DELETED", {**made, "metadata": {**meta, "name": "nobody"}}
        if "namespace" in meta:  # a Namespace itself is in none, and is meant by its name alone
            yield "DELETED", {**made, "metadata": {**meta, "namespace": "nowhere"}}
        yield kind, made


class Nameless(Fault):
    """Deletions that do not say of what."""

    def events(self, exchange, kind, made):
        if exchange.mode == "watch":
            yield "DELETED", {**made, "metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
        yield kind, made


class Empty(Fault):
    """A lie: nothing is there."""

    def covers(self, exchange):
        return super().covers(exchange) and exchange.mode != "watch"

    def answer(self, exchange, count):
        exchange.head()
        exchange.bookmark(exchange.store.version(), ends_list=True)
        exchange.hang()


class Late(Fault):
    """What one kind's reader is told comes some time after the other kinds' news."""
    seconds = 1.5

    def events(self, exchange, kind, made):
        if not getattr(exchange, "late", False):
            exchange.late = not exchange.cut.wait(self.seconds)
        yield kind, made


class Nulls(Fault):
    """null wherever nothing is, as marshallers of Go write it."""

    def item(self, made):
        made = {**made, "metadata": {"annotations": None, "labels": None, "ownerReferences": None, "finalizers": None,
                                     "deletionTimestamp": None, "managedFields": None, **made["metadata"]}}
        if "podSelector" in made.get("spec", {}):
            spec = {"ingress": None, "egress": None, "policyTypes": None, **made["spec"]}
            spec["podSelector"] = {"matchLabels": None, "matchExpressions": None, **(spec["podSelector"] or {})}
            for way, peers in (("ingress", "from"), ("egress", "to")):
                rules = [{"ports": None, peers: None, **rule} for rule in spec[way] or []]
                for rule in rules:
                    rule[peers] = [{"ipBlock": None, **peer} for peer in rule[peers] or []] or None
                spec[way] = rules or None
            made["spec"] = spec
        elif "containers" in made.get("spec", {}):
            made["spec"] = {"initContainers": None, "ephemeralContainers": None, "volumes": None, **made["spec"]}
            made["status"] = {"containerStatuses": None, "conditions": None, "podIPs": None, **made["status"]}
        return made

    def page(self, exchange, made):
        return {**made, "metadata": {"continue": None, "remainingItemCount": None, **made["metadata"]},
                "items": made["items"] or None}


class Bare(Fault):
    """Objects without all that a client could do without: uid, times, versions of items, one form of the addresses."""

    def item(self, made):
        meta = {key: value for key, value in made["metadata"].items() if key in ("name", "namespace", "labels")}
        made = {**made, "metadata": meta}
        if "podIPs" in made.get("status", {}):
            made["status"] = {key: made["status"][key] for key in ("phase", "podIPs")}
        return made

    def page(self, exchange, made):
        return {"kind": made["kind"], "metadata": made["metadata"], "items": made["items"]}


class NotAList(Fault):
    """A page that is JSON, but not the list that was asked for: without items, of another kind, without version …"""

    FORMS = (lambda made: {key: value for key, value in made.items() if key != "items"},
             lambda made: {**made, "kind": "ConfigMapList"},
             lambda made: {**made, "metadata": {}},
             lambda made: {**made, "items": {}},
             lambda made: {**made, "items": [None, "text", 3]},
             lambda made: {**made, "items": [{**one, "metadata": {}} for one in made["items"]], "metadata": None},
             lambda made: {"kind": "Status", "apiVersion": "v1", "status": "Success"},
             lambda made: {},
             lambda made: [])

    def __init__(self, **more):
        super().__init__(modes=("list",), **more)

    def answer(self, exchange, count):
        exchange.form = self.FORMS[(count - 1) % len(self.FORMS)]
        exchange.serve()

    def page(self, exchange, made):
        return exchange.form(made)
