"""How pods of a node are attached: the CNI's own configuration, and what joins the nodes."""

import json

_PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}
_FLANNEL_ROLE = "flannel"


def _host_local(plan, node):
    return {"type": "host-local", "ranges": [[{"subnet": subnet}] for subnet in plan.node_pods(node).values()],
            "routes": [{"dst": {4: "0.0.0.0/0", 6: "::/0"}[family]} for family in plan.families]}


def conflist(plan, node):
    """(file name, text) of the configuration that the runtime finds."""
    if plan.flannel:  # as flannel's own manifest has it
        first, version = {"type": "flannel", "delegate": {"hairpinMode": True, "isDefaultGateway": True}}, "0.3.1"
    elif plan.cni == "ptp":
        first, version = {"type": "ptp", "ipMasq": False, "ipam": _host_local(plan, node)}, "1.0.0"
    else:
        first, version = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipMasq": False,
                          "ipam": _host_local(plan, node)}, "1.0.0"
    return f"10-{plan.cni}.conflist", json.dumps({"cniVersion": version, "name": "lab", "plugins": [first, _PORTMAP]}, indent=1)


def flannel_network(plan):
    """flannel's net-conf.json."""
    ranges = plan.pod_ranges()
    conf = {"Network": ranges[0], "Backend": {"Type": plan.flannel}}
    if len(ranges) > 1:
        conf |= {"EnableIPv6": True, "IPv6Network": ranges[1]}
    return json.dumps(conf)


def flannel_rights():
    """What flanneld may do, as flannel's own manifest has it: [(path, object)]."""
    api, rbac = "rbac.authorization.k8s.io", "/apis/rbac.authorization.k8s.io/v1"
    rules = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
             {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch"]}]
    role = {"apiVersion": f"{api}/v1", "kind": "ClusterRole", "metadata": {"name": _FLANNEL_ROLE}, "rules": rules}
    binding = {"apiVersion": f"{api}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": _FLANNEL_ROLE},
               "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": _FLANNEL_ROLE},
               "subjects": [{"apiGroup": api, "kind": "User", "name": "flannel"}]}
    return [(f"{rbac}/clusterroles", role), (f"{rbac}/clusterrolebindings", binding)]


def routes_between(plan, node):
    """Commands of ip(8) for a node where nothing else joins the nodes: its ways to the others' pods."""
    if plan.flannel:
        return []
    return [f"route add {plan.node_pods(other)[family]} via {address}"
            for other in plan.node_names() if other != node for family, address in plan.node_addresses(other).items()]
