"""Speaks to the API server as it is: JSON over HTTPS, from inside the API server's network namespace.

Connections are made by the main thread (setns counts per thread); a connected client may then be used by any one
thread at a time.
"""

import http.client
import json
import ssl

from labs.net.patience import PATIENCE_SECONDS

MERGE = "application/merge-patch+json"


class ApiError(Exception):
    """An answer that was not expected, with the server's own words."""

    def __init__(self, method, path, status, answer):
        self.status, self.answer = status, answer
        message = answer.get("message", answer) if isinstance(answer, dict) else answer
        super().__init__(f"{method} {path}: the API server answered {status}: {message}")


class Client:
    """One keep-alive connection as one user: by client certificate or by bearer token."""

    def __init__(self, namespace, ca, certificate=None, key=None, token=None, address="127.0.0.1"):
        self._namespace = namespace
        self._context = ssl.create_default_context(cafile=ca)
        if certificate:
            self._context.load_cert_chain(certificate, key)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._address = address
        self._connection = None

    def connect(self):
        self.close()
        self._connection = http.client.HTTPSConnection(self._address, 6443, context=self._context, timeout=PATIENCE_SECONDS)
        with self._namespace:
            self._connection.connect()

    def close(self):
        if self._connection:
            self._connection.close()
            self._connection = None

    def send(self, method, path, body=None, content_type="application/json"):
        """Status and body. A kept connection that has died meanwhile is opened anew once."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = content_type
        kept = self._connection is not None
        if not kept:
            self.connect()
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            if not kept:
                raise
        return self.send(method, path, body, content_type)

    def ask(self, method, path, body=None, content_type="application/json", accept=()):
        """The decoded answer; any other status than 2xx and those of `accept` is an ApiError."""
        status, data = self.send(method, path, body, content_type)
        try:
            answer = json.loads(data)
        except ValueError:
            answer = data.decode(errors="replace")
        if status >= 300 and status not in accept:
            raise ApiError(method, path, status, answer)
        return answer

    def watch(self, path, seconds):
        """The events (decoded) of a watch that the server ends after some seconds; stops at the first ERROR."""
        separator = "&" if "?" in path else "?"
        self.connect()
        self._connection.request("GET", f"{path}{separator}watch=1&timeoutSeconds={seconds}", headers=self._headers)
        answer = self._connection.getresponse()
        if answer.status != 200:
            data = answer.read()
            self.close()
            return [{"type": "ERROR", "object": json.loads(data)}]
        events = []
        while line := answer.readline():
            events.append(json.loads(line))
            if events[-1]["type"] == "ERROR":
                break
        self.close()
        return events
