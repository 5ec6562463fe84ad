"""What a cluster is to be: its combination of CNI and proxy, and all addresses in it. Values only."""

import dataclasses

CNIS = ("bridge", "ptp", "flannel-vxlan", "flannel-host-gw", "flannel-udp")
PROXIES = ("nftables", "iptables")

SERVER = {4: "172.30.0.1", 6: "fd00:30::1"}      # the control plane on the wire between the machines
ON_THE_WIRE = {4: "24", 6: "64 nodad"}           # what follows the slash where an address of the wire is added
CLUSTER_DNS = "10.96.0.10"                       # nobody answers there: nothing in the lab asks for names
_SERVICES = {4: "10.96.0.0/16", 6: "fd00:10:96::/112"}
_PODS = {4: "10.244.0.0/16", 6: "fd00:10:244::/48"}


@dataclasses.dataclass(frozen=True)
class Plan:
    """A combination. Dual stack but with flannel's udp backend, which knows IPv4 only."""

    cni: str = "flannel-vxlan"
    proxy: str = "nftables"
    nodes: int = 2
    single_stack: bool = False

    def __post_init__(self):
        if self.cni not in CNIS:
            raise ValueError(f"no CNI {self.cni!r}; there are {', '.join(CNIS)}")
        if self.proxy not in PROXIES:
            raise ValueError(f"no proxy mode {self.proxy!r}; there are {', '.join(PROXIES)}")
        if not 1 <= self.nodes <= 9:
            raise ValueError("1 to 9 nodes")

    @property
    def name(self):
        return f"{self.cni}+{self.proxy}" + ("" if self.families == (4, 6) or self.cni == "flannel-udp" else "+ipv4")

    @property
    def families(self):
        return (4,) if self.single_stack or self.cni == "flannel-udp" else (4, 6)

    @property
    def flannel(self):
        """flannel's backend, or None."""
        return self.cni.removeprefix("flannel-") if self.cni.startswith("flannel-") else None

    def service_ranges(self):
        return ",".join(_SERVICES[family] for family in self.families)

    def pod_ranges(self):
        return [_PODS[family] for family in self.families]

    def node_names(self):
        return [f"n{number}" for number in range(1, self.nodes + 1)]

    def node_addresses(self, node):
        """{family: address} on the wire."""
        number = 10 + int(node[1:])
        return {family: {4: f"172.30.0.{number}", 6: f"fd00:30::{number}"}[family] for family in self.families}

    def node_pods(self, node):
        """{family: the node's own range of pod addresses}"""
        number = int(node[1:])
        return {family: {4: f"10.244.{number}.0/24", 6: f"fd00:10:244:{number}::/64"}[family] for family in self.families}
