"""The few kinds of object that the lab writes, and where they live in the API."""

from .client import MERGE

_PLURALS = {"Namespace": "/api/v1/namespaces", "Pod": "/api/v1/namespaces/{}/pods",
            "Node": "/api/v1/nodes", "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
            "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"}


def collection(kind, namespace=None):
    """The path that objects of a kind are posted to."""
    return _PLURALS[kind].format(namespace)


def path(kind, name):
    """The path of an object; name is NAMESPACE/NAME, of a Namespace just NAME."""
    namespace, _, own = name.rpartition("/")
    return f"{collection(kind, namespace)}/{own}"


def namespace(name, labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def node(name):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


def node_status(addresses):
    """The part of a Node's status that its kubelet would write about its addresses."""
    return {"status": {"addresses": [{"type": "InternalIP", "address": address} for address in addresses]}}


def default_account(in_namespace):
    """What the service-account controller would make; without it no pod is admitted."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": in_namespace}}


def pod(name, node, labels, ports=()):
    """A pod as the scheduler leaves it; ports is a list of (name, number, protocol)."""
    own_namespace, _, own = name.partition("/")
    container = {"name": "main", "image": "none.invalid/main",
                 "ports": [{"name": n, "containerPort": p, "protocol": q} for n, p, q in ports]}
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": own, "namespace": own_namespace, "labels": labels},
            "spec": {"nodeName": node, "containers": [container], "serviceAccountName": "default",
                     "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0}}


def running(addresses, host, phase="Running"):
    """The status that a kubelet would write."""
    return {"status": {"phase": phase, "hostIP": host, "hostIPs": [{"ip": host}], "podIP": addresses[0],
                       "podIPs": [{"ip": a} for a in addresses]}}


def policy(name, **spec):
    """Spec fields as keywords: podSelector, policyTypes, ingress, egress."""
    own_namespace, _, own = name.partition("/")
    spec.setdefault("podSelector", {})
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": own, "namespace": own_namespace}, "spec": spec}


def create(client, made):
    """Writes an object as it is described, with its status if it has one, and a namespace with its default account."""
    kind, metadata = made["kind"], made["metadata"]
    own_namespace = metadata.get("namespace")
    client.ask("POST", collection(kind, own_namespace), {key: value for key, value in made.items() if key != "status"})
    if kind == "Namespace":
        client.ask("POST", collection("ServiceAccount", metadata["name"]), default_account(metadata["name"]))
    if "status" in made:
        client.ask("PATCH", path(kind, f"{own_namespace}/{metadata['name']}") + "/status", {"status": made["status"]}, MERGE)
