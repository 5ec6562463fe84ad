"""Pods with a route each, and nodes with a route to each other's pods: what there is to write and to run on every node. Pure.

The plugins are those that kind's node image brings: ptp, host-local, portmap. A node is what kubectl shows of it.
"""

import json

CONFIGURATION = "/etc/cni/net.d/10-routed.conflist"


class RoutingError(Exception):
    """A node that routes cannot be made for: one sentence."""


def ranges(node):
    """The node's pod ranges, one of each family."""
    found = node["spec"].get("podCIDRs") or []
    if not found:
        raise RoutingError(f"node {node['metadata']['name']} has no podCIDRs; the controller-manager must allocate them")
    return found


def address(node, family):
    """The node's own address of a family, 4 or 6."""
    for item in node["status"].get("addresses") or []:
        if item["type"] == "InternalIP" and (":" in item["address"]) == (family == 6):
            return item["address"]
    raise RoutingError(f"node {node['metadata']['name']} has no IPv{family} InternalIP, and has pods of that family")


def has_everything(nodes, families=2):
    """Whether the API server knows all that is needed here of every node."""
    return all(len(node["spec"].get("podCIDRs") or []) == families and
               len([item for item in node["status"].get("addresses") or [] if item["type"] == "InternalIP"]) == families
               for node in nodes)


def _family(cidr):
    return 6 if ":" in cidr else 4


def conflist(node):
    """The node's CNI configuration, as text."""
    mine = ranges(node)
    ipam = {"type": "host-local", "ranges": [[{"subnet": cidr}] for cidr in mine],
            "routes": [{"dst": "::/0" if _family(cidr) == 6 else "0.0.0.0/0"} for cidr in mine]}
    plugins = [{"type": "ptp", "ipMasq": False, "ipam": ipam},
               {"type": "portmap", "capabilities": {"portMappings": True}}]
    return json.dumps({"cniVersion": "0.4.0", "name": "routed", "plugins": plugins}, indent=2) + "\n"


def commands(node, nodes):
    """What makes the node a router that knows where the others' pods are: lists of words."""
    made = [["sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]]
    for other in sorted(nodes, key=lambda item: item["metadata"]["name"]):
        if other["metadata"]["name"] != node["metadata"]["name"]:
            made += [["ip", f"-{_family(cidr)}", "route", "replace", cidr, "via", address(other, _family(cidr))]
                     for cidr in ranges(other)]
    return made
