"""The double as the lane's process sees it: in place of labs.api's Server, so that labs.api's World works with it."""

import base64
import os
import pickle
import signal
import socket
import tempfile

from labs.api.client import ApiError
from labs.net.netns import LabError, Namespace, die_with_parent

from . import pki, server

ADDRESS = "172.30.0.1"
_CONFIG = """apiVersion: v1
kind: Config
current-context: lab
clusters:
- name: lab
  cluster: {{server: "https://{address}:{port}", certificate-authority-data: {ca}}}
users:
- name: lab
  user: {{tokenFile: {token}}}
contexts:
- name: lab
  context: {{cluster: lab, user: lab}}
"""


class Admin:
    """labs.api.client.Client without the network: writes to the double's store, which no fault hinders."""

    def __init__(self, double):
        self._double = double

    def send(self, method, path, body=None, content_type=None):
        return self._double.call("api", method, path, body)

    def ask(self, method, path, body=None, content_type=None):
        status, answer = self.send(method, path, body)
        if status >= 300:
            raise ApiError(method, path, status, answer)
        return answer

    def close(self):
        pass


class Double:
    """Runs from here until close()."""

    def __init__(self, folder, authority, certificates):
        self.folder = folder
        os.makedirs(f"{folder}/log", exist_ok=True)
        self.namespace = Namespace("double")
        # No duplicate-address detection, as in the lab's other namespaces.
        self.namespace.ip("link add br0 type bridge", f"addr add {ADDRESS}/24 dev br0", "link set br0 up")
        ours, theirs = socket.socketpair()
        with self.namespace:
            self._child = os.fork()
        if self._child == 0:
            code = 1
            try:
                die_with_parent()
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                ours.close()
                self.namespace.enter()
                server.run(certificates, theirs)
                code = 0
            finally:
                os._exit(code)
        theirs.close()
        self._pipe = ours.makefile("rwb")
        ours.close()
        self.admin = Admin(self)
        self.token = ""
        with open(authority, "rb") as file:
            self._authority = base64.b64encode(file.read()).decode()
        self.write_token("first-token")
        with open(self.kubeconfig(), "w", encoding="ascii") as file:
            file.write(_CONFIG.format(address=ADDRESS, port=server.PORT, ca=self._authority, token=f"{folder}/token"))

    def call(self, name, *arguments):
        try:
            pickle.dump((name, arguments), self._pipe)
            self._pipe.flush()
            fine, answer = pickle.load(self._pipe)
        except (OSError, EOFError) as error:
            raise LabError(f"the double of the API server ended by itself while it was asked for {name}") from error
        if not fine:
            raise LabError(f"the double of the API server failed: {answer}")
        return answer

    def configure(self, tokens=(), streaming="yes", bookmarks=1.0, page_size=0, opaque=False):
        """tokens: those that are taken from now on, if any are given. streaming: how streaming lists are answered: "yes",
        "ignored" (as a plain watch), or with a status. bookmarks: seconds between them, 0: none. page_size: objects on a
        page at most. opaque: versions that are no numbers.
        """
        self.call("configure", tokens, streaming, bookmarks, page_size, opaque)

    def write_token(self, token):
        """What the agents have; what the double takes is configure()'s business."""
        with open(f"{self.folder}/token.new", "w", encoding="ascii") as file:
            file.write(token)
        os.replace(f"{self.folder}/token.new", f"{self.folder}/token")
        self.token = token

    def kubeconfig(self):
        return f"{self.folder}/kubeconfig"

    def attach(self, node, number):
        """As labs.api's Server does it. The double knows nothing of Nodes: what pods tell must be enough."""
        node.namespace.ip(f"link add api type veth peer name node{number} netns {self.namespace.path}",
                          f"addr add {address(number)}/24 dev api", "link set api up")
        self.namespace.ip(f"link set node{number} master br0 up")

    def register(self, name, addresses):
        pass

    def remains(self):
        """As in labs.api.Server: what remains afterwards. The double ends with this process in any case."""
        return []

    def close(self):
        self._pipe.close()
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)
        self.namespace.close()


class WellBehaved:
    """Replaces labs.api.Server where a real one is too heavy: a double without faults, in a temporary folder."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="podgate-double-")
        self._double = Double(self._folder.name, *pki.make(self._folder.name))
        self._double.configure(("first-token",))
        return self._double

    def __exit__(self, *_):
        self._double.close()
        self._folder.cleanup()


def address(number):
    """Of a node towards the double."""
    return f"172.30.0.{10 + number}"
