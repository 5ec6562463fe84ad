"""A node with two wires, through which frames are sent to measure what its rules cost.

Frames enter on `in0` and leave on `out0`, or the other way round; nothing is behind them. Routes: out0 for the node's pods, in0 for
the rest of 10.0.0.0/8. All of it is gone with the process.
"""

import socket

from labs.net import injector, netlink
from labs.net.netns import Namespace

_PEER_MAC = "02:00:00:00:00:22"


class Gate:
    """local: the prefix of the node's pods."""

    def __init__(self, name, local):
        self.namespace, self._wires = Namespace(name), Namespace(f"{name}-wires")
        self.namespace.ip("link set lo up", f"link add in0 type veth peer name in0 netns {self._wires.path}",
                          f"link add out0 type veth peer name out0 netns {self._wires.path}")
        self._wires.ip("link set in0 up", "link set out0 up")
        self.namespace.ip("addr add 192.168.1.1/24 dev in0", "addr add 192.168.2.1/24 dev out0",
                          "link set in0 up", "link set out0 up",
                          f"neigh replace 192.168.1.2 lladdr {_PEER_MAC} dev in0 nud permanent",
                          f"neigh replace 192.168.2.2 lladdr {_PEER_MAC} dev out0 nud permanent",
                          "route add 10.0.0.0/8 via 192.168.1.2", f"route add {local} via 192.168.2.2")
        self.namespace.sysctl(net__ipv4__ip_forward=1)
        for name_ in ("all", "in0", "out0"):
            self.namespace.write_sysctl(f"net/ipv4/conf/{name_}/rp_filter", 0)
        self.macs, self.interfaces = {}, {}
        with self.namespace:
            for end in ("in0", "out0"):
                self.macs[end] = injector.mac(end)
                self.interfaces[end] = socket.if_nametoindex(end)
            self.netfilter = netlink.Socket(netlink.NETLINK_NETFILTER)

    def load(self, command, text):
        self.namespace.run(command, input=text)

    def close(self):
        self.netfilter.close()
        self.namespace.close()
        self._wires.close()
