"""The compact description of a cluster that cases use, its changes, and the manifests that it stands for.

A state is a plain value, {"namespaces": …, "pods": …, "policies": …}; a change makes a new one. Knows nothing of
namespaces of the kernel and sends nothing.
"""

import copy
import json
import os

import yaml

from .topology import NODES, SLOTS, node_addresses, slot_addresses

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CREATED = "2026-01-01T00:00:00Z"
POD_KEYS = {"node", "slot", "labels", "ports", "initPorts", "plainInitPorts", "families", "hostNetwork", "phase",
            "created", "deleting", "addresses", "end"}
PHASES = ("Pending", "Running", "Succeeded", "Failed")


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
    """Quotes all text: the namespace y, unquoted, is a truth value to Kubernetes."""


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))
_Dumper.ignore_aliases = lambda self, value: True


class CaseError(Exception):
    """A case, or the world, that does not have the form which README.md describes."""


def require(condition, message):
    if not condition:
        raise CaseError(message)


def only_keys(value, allowed, what):
    require(isinstance(value, dict), f"{what}: expected a mapping, found {value!r}")
    for key in value:
        require(key in allowed, f"{what}: unknown key {key!r}; there are {', '.join(sorted(allowed))}")
    return value


def load_yaml(path):
    with open(path, encoding="utf-8") as file:
        try:
            return yaml.load(file, LOADER)
        except yaml.YAMLError as error:
            raise CaseError(f"{path}: {error}") from error


def standard_world():
    here = os.path.dirname(os.path.abspath(__file__))
    state = {"namespaces": {}, "pods": {}, "policies": {}}
    return changed(state, load_yaml(os.path.join(here, "..", "..", "cases", "world.yaml")))


# -- changes ---------------------------------------------------------------------------------------------

def _merge_labels(old, new):
    labels = dict(old)
    for key, value in (new or {}).items():
        if value is None:
            labels.pop(key, None)
        else:
            require(isinstance(value, str), f"label {key}: the value must be text, quote it: {value!r}")
            labels[key] = value
    return labels


def _changed_pod(name, old, new):
    only_keys(new, POD_KEYS, f"pod {name}")
    pod = copy.deepcopy(old) if old else {"labels": {}, "ports": {}, "families": [4, 6], "phase": "Running"}
    for key, value in new.items():
        pod[key] = _merge_labels(pod["labels"], value) if key == "labels" else copy.deepcopy(value)
    require(name.count("/") == 1, f"pod {name}: expected NAMESPACE/NAME")
    require(pod.get("node") in NODES, f"pod {name}: node is one of {', '.join(NODES)}")
    require(pod.get("hostNetwork") or pod.get("slot") in range(1, SLOTS + 1), f"pod {name}: slot is 1 to {SLOTS}")
    require(pod["phase"] in PHASES, f"pod {name}: phase is one of {', '.join(PHASES)}")
    require(set(pod["families"]) <= {4, 6} and pod["families"], f"pod {name}: families is a list of 4 and 6")
    for key in ("ports", "initPorts", "plainInitPorts"):
        for port_name, port in (pod.get(key) or {}).items():
            parse_port(port, f"pod {name}: port {port_name}")
    return pod


def parse_port(text, what):
    """"80/tcp" to (80, "tcp")."""
    number, _, protocol = str(text).partition("/")
    require(number.isdigit() and 0 < int(number) < 65536 and protocol in ("tcp", "udp", "sctp"),
            f"{what}: expected NUMBER/tcp, /udp or /sctp, found {text!r}")
    return int(number), protocol


def policy_manifest(policy):
    """The whole manifest of a short or whole policy."""
    if isinstance(policy, dict) and "kind" in policy:
        return policy
    only_keys(policy, {"name", "spec"}, "policy")
    namespace, slash, name = str(policy.get("name")).partition("/")
    require(slash and "spec" in policy, f"policy {policy.get('name')}: expected name: NAMESPACE/NAME and spec")
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"namespace": namespace, "name": name}, "spec": policy["spec"]}


def changed(state, change):
    """The state after a change with any of the keys namespaces, pods, policies, delete."""
    new = copy.deepcopy(state)
    for text in change.get("delete") or []:
        kind, _, name = text.partition(" ")
        require(kind in ("policy", "pod", "namespace"), f"delete {text!r}: expected policy, pod or namespace and a name")
        _delete(new, {"policy": "policies", "pod": "pods", "namespace": "namespaces"}[kind], name)
    for name, value in (change.get("namespaces") or {}).items():
        if value is None:
            _delete(new, "namespaces", name)
            continue
        only_keys(value, {"labels"}, f"namespace {name}")
        old = new["namespaces"].get(name, {"labels": {}})
        new["namespaces"][name] = {"labels": _merge_labels(old["labels"], value.get("labels"))}
    for name, value in (change.get("pods") or {}).items():
        if value is None:
            _delete(new, "pods", name)
        else:
            new["pods"][name] = _changed_pod(name, new["pods"].get(name), value)
    for policy in change.get("policies") or []:
        manifest = policy_manifest(policy)
        metadata = manifest.get("metadata") or {}
        key = f"{metadata.get('namespace', 'default')}/{metadata.get('name')}"
        # Only NetworkPolicies have names in steps; other kinds are there to be passed over.
        new["policies"][key if manifest["kind"] == "NetworkPolicy" else f"{manifest['kind']} {key}"] = manifest
    return new


def _delete(state, kind, name):
    require(name in state[kind], f"there is no {name} in {kind} to delete")
    del state[kind][name]
    if kind == "namespaces":
        for other in ("pods", "policies"):
            state[other] = {key: value for key, value in state[other].items() if not key.startswith(name + "/")}


# -- pods ------------------------------------------------------------------------------------------------

def is_probed(pod):
    return (pod["phase"] not in ("Succeeded", "Failed") and pod.get("addresses", True) and pod.get("end", True))


def pod_addresses(pod):
    """{family: address}, of those families that the pod has."""
    four, six = node_addresses(pod["node"]) if pod.get("hostNetwork") else slot_addresses(pod["node"], pod["slot"])
    return {family: {4: four, 6: six}[family] for family in sorted(pod["families"])}


# -- manifests -------------------------------------------------------------------------------------------

def _container(name, ports, **more):
    listed = []
    for port_name, text in (ports or {}).items():
        number, protocol = parse_port(text, port_name)
        port = {"name": port_name, "containerPort": number}
        if protocol != "tcp":  # TCP is what a missing protocol means
            port["protocol"] = protocol.upper()
        listed.append(port)
    return {"name": name, "image": "registry.example/app:1", **({"ports": listed} if listed else {}), **more}


def pod_manifest(name, pod):
    namespace, _, short = name.partition("/")
    metadata = {"namespace": namespace, "name": short, "uid": f"uid-{namespace}-{short}",
                "creationTimestamp": pod.get("created", CREATED)}
    if pod["labels"]:
        metadata["labels"] = pod["labels"]
    if pod.get("deleting"):
        metadata["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    spec = {"nodeName": pod["node"], "containers": [_container("app", pod.get("ports"))]}
    init = []
    if pod.get("initPorts"):
        init.append(_container("sidecar", pod["initPorts"], restartPolicy="Always"))
    if pod.get("plainInitPorts"):
        init.append(_container("setup", pod["plainInitPorts"]))
    if init:
        spec["initContainers"] = init
    if pod.get("hostNetwork"):
        spec["hostNetwork"] = True
    hosts = node_addresses(pod["node"])
    status = {"phase": pod["phase"], "hostIP": hosts[0], "hostIPs": [{"ip": host} for host in hosts]}
    if pod.get("addresses", True):
        addresses = list(pod_addresses(pod).values())
        status["podIP"] = addresses[0]
        status["podIPs"] = [{"ip": address} for address in addresses]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def manifests(state):
    """All objects of a state as a list of manifests."""
    objects = [{"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": name, **({"labels": value["labels"]} if value["labels"] else {})}}
               for name, value in state["namespaces"].items()]
    objects += [pod_manifest(name, pod) for name, pod in state["pods"].items()]
    objects += state["policies"].values()
    return objects


def write_manifests(state, path, before="", as_json=False):
    """One file: a JSON List, or YAML documents with the text `before` in front."""
    with open(path, "w", encoding="utf-8") as file:
        if as_json:
            json.dump({"apiVersion": "v1", "kind": "List", "items": manifests(state)}, file)
        else:
            if before:
                file.write(before.rstrip("\n") + "\n---\n")
            yaml.dump_all(manifests(state), file, _Dumper, sort_keys=False)
