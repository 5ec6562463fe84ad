"""What of a case no real cluster, or not this one, can show; each with its reason. Pure."""

from labs.net import world

from .blocks import Untranslatable

# What the reasons call what is left out of a matrix.
OUTSIDE, SCTP, STRAY, FAMILY, ECHO = ("with hosts outside the cluster", "of SCTP", "of segments without a connection",
                                      "of a family that an end does not have here", "of ICMP echo, without ping")


def whole_case(case):
    """Why nothing of the case can be run; empty when something can."""
    if "broken" in case.rows:
        return "the API server refuses its manifests"
    if "old-cidrs" in case.rows:
        return "the API no longer takes such blocks"
    flags = case.options.flags(False)
    if flags:
        return f"the agent would need {' '.join(flags)}"
    return ""


def check_phase(case, index, cluster):
    """Raises Untranslatable when the state of this phase is one that a cluster does not take on at our word."""
    state = case.phases[index].state
    for name, pod in state["pods"].items():
        if pod["phase"] != "Running":
            raise Untranslatable(f"{name} is {pod['phase']}, which only a kubelet may say")
        if pod.get("deleting"):
            raise Untranslatable(f"{name} would be terminating all the while")
        if not pod.get("addresses", True) or not pod.get("end", True):
            raise Untranslatable(f"{name} would have no address, or another pod's")
        if len(pod["families"]) == 1 and set(pod["families"]) != set(cluster.families):
            raise Untranslatable(f"{name} would have IPv{pod['families'][0]} alone")
        if pod.get("hostNetwork") and any(pod.get(key) for key in ("ports", "initPorts", "plainInitPorts")):
            raise Untranslatable(f"{name} would take ports of its node")
    _check_slots(case, index)
    if len(set(cluster.nodes.values())) < len(cluster.nodes) and any(end.kind == "node" for end in case.phases[index].ends):
        raise Untranslatable("it needs two nodes")


def _check_slots(case, index):
    holders = {}
    for phase in case.phases[:index + 1]:
        for name, pod in phase.state["pods"].items():
            if not pod.get("hostNetwork"):
                holder = holders.setdefault((pod["node"], pod["slot"]), name)
                if holder != name:
                    raise Untranslatable(f"{name} would take over the address of {holder}")


def left_out(check, cluster, real):
    """Why one connection is not made; empty when it is. `real`: {end name: {family: address}}."""
    if "ext" in (check.source.kind, check.target.kind):
        return OUTSIDE
    if check.protocol == "sctp":
        return SCTP
    if check.stray:
        return STRAY
    if check.family not in real[check.source.name] or check.family not in real[check.target.name]:
        return FAMILY
    if check.protocol == "icmp" and not cluster.ping:
        return ECHO
    return ""


def served_ports(cases):
    """{"tcp": …, "udp": …}: every port at which any of these cases expects somebody."""
    served = {"tcp": set(), "udp": set()}
    for case in cases:
        for phase in case.phases:
            for check in phase.checks:
                if check.protocol in served and not check.closed and not check.stray:
                    served[check.protocol].add(check.port)
    return served


def closed_ports(case):
    """{(protocol, port)} at which the case expects nobody."""
    return {(check.protocol, check.port) for phase in case.phases for check in phase.checks if check.closed}


def is_pod(state, name):
    return name in state["pods"] and world.is_probed(state["pods"][name])
