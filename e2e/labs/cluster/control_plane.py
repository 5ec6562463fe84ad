"""The control plane: etcd, API server, controller manager and scheduler in a machine that is also the wire between all others."""

import http.client
import ssl
import time

from labs.api.client import Client
from labs.net.netns import LabError
from labs.net.patience import START_SECONDS

from .machine import Machine
from .plan import ON_THE_WIRE, SERVER



class ControlPlane:
    """The machine `cp`. Nodes hang on its bridge; it stands for everything outside the cluster as well."""

    def __init__(self, folder, programs, plan):
        self.machine = Machine(folder, "cp")
        self._pki, self._programs, self._plan = f"{folder}/pki", programs, plan

    def boot(self):
        """The machine and the wire; nothing runs yet."""
        self.machine.boot()
        self.machine.ip("link add br0 type bridge", *(f"addr add {SERVER[family]}/{ON_THE_WIRE[family]} dev br0" for family in SERVER),
                        "link set br0 up")
        # The wire is a cable: what nodes say to each other is no business of this machine's filters.
        self.machine.sysctl(**{"net__ipv4__ip_forward": 1, "net__ipv6__conf__all__forwarding": 1,
                               "net__bridge__bridge-nf-call-iptables": 0, "net__bridge__bridge-nf-call-ip6tables": 0})

    def attach(self, node, machine):
        """A cable between the wire and a node, which sends everything that it knows no better way for to the control plane."""
        mine, theirs = self.machine, machine
        mine.ip(f"link add {node} type veth peer name eth0 netns {theirs.pid}", f"link set {node} master br0 up")
        addresses, pods = self._plan.node_addresses(node), self._plan.node_pods(node)
        theirs.ip("link set eth0 up", *(f"addr add {address}/{ON_THE_WIRE[family]} dev eth0" for family, address in addresses.items()),
                  *(f"route add default via {SERVER[family]}" for family in addresses))
        # The way back to pods, which a router of a real network may know or not; for flannel the nodes hide them.
        if not self._plan.flannel:
            mine.ip(*(f"route add {pods[family]} via {address}" for family, address in addresses.items()))

    def start_server(self):
        """etcd and the API server; returns at once."""
        pki, machine = self._pki, self.machine
        machine.start("etcd", [
            f"{self._programs}/etcd", "--data-dir", f"{machine.own}/etcd", "--log-level", "error", "--unsafe-no-fsync",
            "--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
            "--listen-peer-urls", "http://127.0.0.1:2380", "--initial-advertise-peer-urls", "http://127.0.0.1:2380",
            "--initial-cluster", "default=http://127.0.0.1:2380"])
        machine.start("kube-apiserver", [
            f"{self._programs}/kube-apiserver", "--etcd-servers=http://127.0.0.1:2379",
            "--bind-address=::", "--secure-port=6443", f"--advertise-address={SERVER[4]}",
            f"--client-ca-file={pki}/ca.crt", f"--tls-cert-file={pki}/apiserver.crt", f"--tls-private-key-file={pki}/apiserver.key",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki}/sa.pub", f"--service-account-signing-key-file={pki}/sa.key",
            f"--service-cluster-ip-range={self._plan.service_ranges()}",
            "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
            f"--kubelet-certificate-authority={pki}/ca.crt", f"--kubelet-client-certificate={pki}/kubelet-client.crt",
            f"--kubelet-client-key={pki}/kubelet-client.key", "--kubelet-preferred-address-types=InternalIP",
            f"--requestheader-client-ca-file={pki}/ca.crt", "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={pki}/front-proxy.crt", f"--proxy-client-key-file={pki}/front-proxy.key"])

    def wait(self):
        """Until the API server is ready."""
        client, deadline = self.client(), time.monotonic() + START_SECONDS
        while True:
            try:
                if client.send("GET", "/readyz")[0] == 200:
                    break
            except (OSError, ssl.SSLError, http.client.HTTPException):
                pass
            if time.monotonic() > deadline:
                raise LabError(f"the API server is not ready after {START_SECONDS} s: {self.machine.last_words('kube-apiserver')}")
            time.sleep(0.1)
        client.close()

    def start_controllers(self):
        """Only when the server is ready: before, they lose a race with the making of their own roles, and end."""
        def secured(name):
            config = f"{self._pki}/{name}.kubeconfig"
            return [f"--kubeconfig={config}", f"--authentication-kubeconfig={config}", f"--authorization-kubeconfig={config}",
                    "--bind-address=127.0.0.1", "--leader-elect=false"]
        pki = self._pki
        self.machine.start("kube-controller-manager", [
            f"{self._programs}/kube-controller-manager", *secured("controller-manager"), "--controllers=*",
            "--use-service-account-credentials=true", f"--service-account-private-key-file={pki}/sa.key",
            f"--root-ca-file={pki}/ca.crt", f"--client-ca-file={pki}/ca.crt",
            f"--cluster-signing-cert-file={pki}/ca.crt", f"--cluster-signing-key-file={pki}/ca.key",
            f"--service-cluster-ip-range={self._plan.service_ranges()}", f"--cluster-cidr={','.join(self._plan.pod_ranges())}",
            "--allocate-node-cidrs=false"])  # nodes are made with their ranges
        self.machine.start("kube-scheduler", [f"{self._programs}/kube-scheduler", *secured("scheduler")])

    def client(self):
        """Speaks to the API server as its administrator."""
        return Client(self.machine.namespace, f"{self._pki}/ca.crt", f"{self._pki}/admin.crt", f"{self._pki}/admin.key")
