"""The few kinds of object that the lab writes, and where they live in the API."""

_PLURALS = {"Namespace": "/api/v1/namespaces", "Pod": "/api/v1/namespaces/{}/pods",
            "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
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
