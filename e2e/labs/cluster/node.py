"""A node: a machine with containerd, kubelet, kube-proxy, and flanneld where the plan says so."""

import json
import os
import subprocess
import time

from labs.net.netns import LabError
from labs.net.patience import START_SECONDS

from . import cni
from .machine import Machine
from .plan import CLUSTER_DNS

_SOCKET = "/run/containerd/containerd.sock"

# restrict_oom_score_adj: root of some machines may not lower it, and runc would end without a word of why.
_CONTAINERD = """version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
address = "{socket}"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "registry.k8s.io/pause:3.10.2"
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
disable_apparmor = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = "/usr/sbin/runc"
SystemdCgroup = false
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["{plugins}"]
conf_dir = "/etc/cni/net.d"
"""


class Node:
    """cache: where e2e/setup/cluster/build put programs, plugins and images."""

    def __init__(self, folder, name, cache, plan):
        self.name, self.machine = name, Machine(folder, name)
        self._pki, self._cache, self._plan = f"{folder}/pki", cache, plan
        self._path = f"{cache}/bin:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

    def route(self):
        """Once the machine is on the wire: it forwards, filters what it bridges, and knows the ways to other nodes' pods."""
        self.machine.sysctl(**{"net__ipv4__ip_forward": 1, "net__ipv6__conf__all__forwarding": 1,
                               "net__bridge__bridge-nf-call-iptables": 1, "net__bridge__bridge-nf-call-ip6tables": 1})
        if routes := cni.routes_between(self._plan, self.name):
            self.machine.ip(*routes)

    def prepare(self):
        """Configuration, containerd with its images. Needs no API server, and may run in any thread."""
        machine, plan = self.machine, self._plan
        name, conflist = cni.conflist(plan, self.name)
        self.write(f"/etc/cni/net.d/{name}", conflist)
        self.write("/etc/containerd/config.toml", _CONTAINERD.format(socket=_SOCKET, plugins=f"{self._cache}/cni"))
        self.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
        machine.start("containerd", [f"{self._cache}/bin/containerd"], PATH=self._path)
        deadline = time.monotonic() + START_SECONDS
        while machine.run(*self._ctr("version"), check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise LabError(f"containerd on {self.name} does not answer: {machine.last_words('containerd')}")
            time.sleep(0.1)
        for image in ("pause", "agnhost"):
            self.load(f"{self._cache}/images/{image}.tar")

    def load(self, archive):
        """An image, from a file."""
        self.machine.run(*self._ctr("--namespace", "k8s.io", "images", "import", "--local", archive))

    def object(self):
        """The node's own object, to be made before kubelet starts, so that its pods' ranges are ours."""
        ranges = list(self._plan.node_pods(self.name).values())
        labels = {"kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux"}
        # flanneld adds annotations to those that are there, and panics where there are none: kubelet may come after it.
        annotations = {"node.alpha.kubernetes.io/ttl": "0"}
        return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.name, "labels": labels, "annotations": annotations},
                "spec": {"podCIDR": ranges[0], "podCIDRs": ranges}}

    def start(self):
        """Everything that talks to the API server."""
        programs = f"{self._cache}/bin"
        addresses = self._plan.node_addresses(self.name)
        if self._plan.flannel:
            self.write("/etc/kube-flannel/net-conf.json", cni.flannel_network(self._plan))
            # Its DaemonSet would start it again where it ends: as long as the API server does not know its rights yet, for one.
            command = (f"{programs}/flanneld -kubeconfig={self._pki}/flannel.kubeconfig -net-conf=/etc/kube-flannel/net-conf.json "
                       "-iface=eth0")
            self.machine.start("flanneld", ["sh", "-c", f"until {command}; do sleep 1; done"], PATH=self._path, NODE_NAME=self.name)
        self.write("/etc/kubernetes/kubelet.yaml", json.dumps(self._kubelet(addresses[4])))
        self.machine.start("kubelet", [f"{programs}/kubelet", "--config=/etc/kubernetes/kubelet.yaml",
                                       f"--kubeconfig={self._pki}/{self.name}.kubeconfig", f"--hostname-override={self.name}",
                                       f"--node-ip={','.join(addresses.values())}"], PATH=self._path)
        self.write("/etc/kubernetes/kube-proxy.yaml", json.dumps(self._proxy()))
        self.machine.start("kube-proxy", [f"{programs}/kube-proxy", "--config=/etc/kubernetes/kube-proxy.yaml"], PATH=self._path)

    def _kubelet(self, address):
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "failCgroupV1": False, "cgroupDriver": "cgroupfs", "containerRuntimeEndpoint": f"unix://{_SOCKET}",
            "address": address, "healthzBindAddress": "127.0.0.1", "oomScoreAdj": 0, "failSwapOn": False,
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                               "x509": {"clientCAFile": f"{self._pki}/ca.crt"}},
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": f"{self._pki}/{self.name}.crt", "tlsPrivateKeyFile": f"{self._pki}/{self.name}.key",
            "clusterDomain": "cluster.local", "clusterDNS": [CLUSTER_DNS], "resolvConf": "/etc/resolv.conf",
            "maxPods": 200, "serializeImagePulls": False, "kubeAPIQPS": 100, "kubeAPIBurst": 200,
            # The disk is the real machine's, and images come from files: nothing is to be cleared away.
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
        }

    def _proxy(self):
        # conntrack: its size is the real machine's setting.
        return {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": self._plan.proxy,
            "clientConnection": {"kubeconfig": f"{self._pki}/proxy.kubeconfig"}, "hostnameOverride": self.name,
            "clusterCIDR": ",".join(self._plan.pod_ranges()), "oomScoreAdj": 0,
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
            "healthzBindAddress": "127.0.0.1:10256", "metricsBindAddress": "127.0.0.1:10249",
            "iptables": {"minSyncPeriod": "100ms"}, "nftables": {"minSyncPeriod": "100ms"},
        }

    def _ctr(self, *arguments):
        return (f"{self._cache}/bin/ctr", "--address", _SOCKET, *arguments)

    def write(self, path, text):
        """A file as the node sees it."""
        subprocess.run(self.machine.inside("install", "-m", "644", "-D", "/dev/stdin", path), input=text, text=True, check=True)

    def pod_namespaces(self):
        """{(namespace, pod): path of the file that stands for its network namespace}, of pods that the CNI has attached here."""
        root = f"/proc/{self.machine.pid}/root"
        found = {}
        results = f"{root}/var/lib/cni/results"
        for name in os.listdir(results) if os.path.isdir(results) else ():
            try:
                with open(f"{results}/{name}", encoding="utf-8") as read:
                    result = json.load(read)
            except (OSError, ValueError):
                continue  # it went just now
            names = dict(result.get("cniArgs", ()))
            # Through that root, /var/run would lead to the real machine's /run.
            file = f"{root}/run/netns/{os.path.basename(result.get('netns', ''))}"
            if "K8S_POD_NAME" in names and os.path.exists(file):
                found[names["K8S_POD_NAMESPACE"], names["K8S_POD_NAME"]] = file
        return found
