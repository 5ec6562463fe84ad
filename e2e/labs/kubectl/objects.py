"""The objects that a state of a case becomes in a cluster. Pure.

A pod has a container that answers at all ports of all cases, with the pod's name, and one that connects to others when
told to. It is put on its node by name, so that no scheduler has a say.
"""

import hashlib
import json

from labs.net import world

DIAL_PORT = 30999  # of the container that connects; no case may use it
LISTEN = "SERVE_PORT_", "SERVE_UDP_PORT_"


class Names:
    """Namespaces of the cases under a prefix of this run, so that nothing of the cluster is touched."""

    def __init__(self, prefix):
        self.prefix = prefix

    def namespace(self, name):
        return f"{self.prefix}-{name}"

    def split(self, name):
        """NAMESPACE/NAME of a case to the namespace and name here."""
        namespace, _, short = name.partition("/")
        return self.namespace(namespace), short

    def metadata(self, name, **more):
        namespace, short = self.split(name)
        return {"namespace": namespace, "name": short, **more}


class Setting:
    """What all pods of a run have in common. `served`: {"tcp": ports, "udp": ports}; `nodes`: {case's node: real node}."""

    def __init__(self, names, image, nodes, served):
        self.names, self.image, self.nodes, self.served = names, image, nodes, served

    def without(self, closed):
        """The same, but nobody answers at these (protocol, port)."""
        served = {protocol: {port for port in ports if (protocol, port) not in closed}
                  for protocol, ports in self.served.items()}
        return Setting(self.names, self.image, self.nodes, served)


def namespace(names, name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names.namespace(name)}}


def _ports(ports):
    listed = []
    for name, text in (ports or {}).items():
        number, protocol = world.parse_port(text, name)
        listed.append({"name": name, "containerPort": number, "protocol": protocol.upper()})
    return listed


def _container(setting, name, args, ports=None, **more):
    return {"name": name, "image": setting.image, "imagePullPolicy": "IfNotPresent", "args": args,
            **({"ports": _ports(ports)} if ports else {}), **more}


def pod(setting, name, spec):
    """The manifest of a case's pod, without labels: these change, the rest does not."""
    if spec.get("hostNetwork"):
        return node_pod(setting, name, spec["node"])
    answers = [{"name": f"{prefix}{port}", "value": name}
               for prefix, protocol in zip(LISTEN, ("tcp", "udp")) for port in sorted(setting.served[protocol])]
    containers = [_container(setting, "serve", ["porter"], spec.get("ports"), env=answers),
                  _container(setting, "probe", ["netexec", f"--http-port={DIAL_PORT}", "--udp-port=-1"])]
    init = []
    if spec.get("initPorts"):
        init.append(_container(setting, "sidecar", ["pause"], spec["initPorts"], restartPolicy="Always"))
    if spec.get("plainInitPorts"):
        init.append(_container(setting, "setup", ["help"], spec["plainInitPorts"]))
    return _pod(setting, name, spec["node"], containers, **({"initContainers": init} if init else {}))


def node_pod(setting, name, node):
    """A pod in the node's own network: it listens nowhere, since that would be the node's port."""
    return _pod(setting, name, node, [_container(setting, "probe", ["pause"])], hostNetwork=True)


def _pod(setting, name, node, containers, **more):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": setting.names.metadata(name),
            "spec": {"nodeName": setting.nodes[node], "automountServiceAccountToken": False, "enableServiceLinks": False,
                     "terminationGracePeriodSeconds": 1, "tolerations": [{"operator": "Exists"}],
                     "containers": containers, **more}}


def form(manifest, slot):
    """What identifies everything of a pod that cannot be changed while it lives."""
    return hashlib.sha256(json.dumps([manifest, slot], sort_keys=True).encode()).hexdigest()


def service(names, name, spec, address_families):
    """A Service without a selector, so that no pod needs a label for it: its endpoint is said in `endpoint_slices`."""
    return {"apiVersion": "v1", "kind": "Service", "metadata": names.metadata(_service_name(name, spec)),
            "spec": {"ipFamilyPolicy": "PreferDualStack" if len(address_families) > 1 else "SingleStack",
                     "ports": [{"name": "port", "protocol": spec.protocol.upper(), "port": spec.port,
                                "targetPort": spec.target}]}}


def endpoint_slices(names, name, spec, addresses, node):
    """One for each family of the endpoint's addresses. kube-proxy must know its node: a connection that loops back to
    the one that made it is given another source there only."""
    metadata = names.metadata(_service_name(name, spec))
    return [{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": f"IPv{family}",
             "metadata": {"namespace": metadata["namespace"], "name": f"{metadata['name']}-{family}",
                          "labels": {"kubernetes.io/service-name": metadata["name"],
                                     "endpointslice.kubernetes.io/managed-by": "podgate-kubectl-cases"}},
             "endpoints": [{"addresses": [address], "nodeName": node, "conditions": {"ready": True}}],
             "ports": [{"name": "port", "protocol": spec.protocol.upper(), "port": spec.target}]}
            for family, address in sorted(addresses.items())]


def _service_name(name, spec):
    """A Service lives in the namespace of its endpoint."""
    return f"{spec.endpoint.partition('/')[0]}/{name}"
