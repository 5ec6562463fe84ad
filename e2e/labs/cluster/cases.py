"""What must hold in a real cluster, in the order of an installation's life: each case finds what the one before left.

A case gets a Stage, and returns a remark for its line, or None. The policies of the scene, in force throughout:

    a/web (n1)   only a/client (n1) and b/far (n2) may come in
    b/web (n2)   only a/client (n1) and b/far (n2) may come in
"""

import json
import time

from labs.api.world import Wrong, require
from labs.net.patience import START_SECONDS

from . import upstream
from .plan import SERVER
from .scene import PODS
from .traffic import opening, steady

_SYSCTLS = ("bridge-nf-call-iptables", "bridge-nf-call-ip6tables")

ALLOWED = (("a/client", "a/web"), ("b/far", "a/web"), ("a/client", "b/web"), ("b/far", "b/web"), ("a/web", "a/far"))
DENIED = (("b/client", "a/web"), ("a/far", "a/web"), ("b/client", "b/web"), ("a/far", "b/web"))
_UNENFORCED = [f"allow {source} -> {target}:8080" for source, target in (*ALLOWED, *DENIED)]
_ENFORCED = [f"{verdict} {source} -> {target}:8080{protocol}" for verdict, pairs in (("allow", ALLOWED), ("deny", DENIED))
             for source, target in pairs for protocol in ("", "/udp")]


class Stage:
    """What cases work with: cluster, scene, installation, and the options of the installation now."""

    def __init__(self, cluster, scene, installation):
        self.cluster, self.scene, self.installation = cluster, scene, installation
        self.nodes = list(cluster.nodes)

    def sysctl(self, node, name):
        return self.cluster.nodes[node].machine.run("cat", f"/proc/sys/net/bridge/{name}").stdout.strip()

    def set_sysctls(self, node, value):
        """Filtering for all bridges of the node."""
        self.cluster.nodes[node].machine.sysctl(**{f"net__bridge__{name}": value for name in _SYSCTLS})

    def set_switches(self, node, value):
        """Filtering for the pods' bridge."""
        self.cluster.nodes[node].machine.ip(f"link set cni0 type bridge nf_call_iptables {value} nf_call_ip6tables {value}")

    def wait_ready(self):
        """Until every agent's pod is Ready."""
        deadline = time.monotonic() + START_SECONDS
        while not all(self.installation.ready(node) for node in self.nodes):
            if time.monotonic() > deadline:
                raise Wrong(f"after {START_SECONDS} s not every agent is Ready: " + "; ".join(
                    f"{node}: {self.installation.readyz(node)}, {self.installation.logs(node, 4)}" for node in self.nodes))
            time.sleep(0.3)


def set_scene(stage):
    """Not a case: namespaces, pods, policies."""
    scene = stage.scene
    scene.namespaces("a", "b")
    scene.pods(PODS)
    friends = [{"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": {"matchLabels": {"app": "client"}}},
               {"namespaceSelector": {"matchLabels": {"team": "b"}}, "podSelector": {"matchLabels": {"app": "far"}}}]
    for own_namespace in ("a", "b"):
        scene.policy(f"{own_namespace}/friends", podSelector={"matchLabels": {"app": "web"}}, ingress=[{"from": friends}])


# -- installed ---------------------------------------------------------------------------------------------


def nobody_enforces_before(stage):
    """The policies are there, and without Podgate every connection is made: what comes is Podgate's work."""
    stage.scene.expect(*_UNENFORCED)
    stage.scene.expect("allow a/web -> a/web:8080", "allow ext1 -> node n1:22")  # refused by the node itself: reached


def installed_and_enforced(stage):
    """helm install, and both nodes enforce; the time from the one to the other is the remark."""
    allowed = [pair for pair in ALLOWED]
    begin = time.monotonic()
    with steady(stage.scene, allowed):
        stage.installation.install("--set", "cleanup.onUninstall=true")
        stage.scene.expect(*_ENFORCED)
        took = time.monotonic() - begin
    stage.wait_ready()
    for node in stage.nodes:
        require(stage.installation.readyz(node)[0] == 200, f"{node}: /readyz says {stage.installation.readyz(node)}")
    pods = stage.installation.pods()
    require(all(pod["status"]["qosClass"] == "Guaranteed" for pod in pods.values()), "the agents' pods are not Guaranteed")
    return f"enforced on both nodes {took:.1f} s after `helm install` began"


def helm_test(stage):
    stage.installation.test()


# -- what kube-proxy and portmap make of addresses ---------------------------------------------------------


def service_addresses(stage):
    """Policies judge the pod behind a Service, from whichever node, on its own ports."""
    scene = stage.scene
    scene.service("a/web", "web", 80, 8080)
    scene.expect(*(sentence for protocol in ("tcp", "udp") for sentence in (
        f"allow a/client -> service a/web:80/{protocol}", f"allow b/far -> service a/web:80/{protocol}",
        f"deny b/client -> service a/web:80/{protocol}", f"deny a/far -> service a/web:80/{protocol}")))


def hairpin(stage):
    """A pod reaches itself through its Service, whatever the policies say; no other pod does by that way."""
    scene = stage.scene
    scene.expect("allow a/web -> service a/web:80/tcp", "allow a/web -> a/web:8080")
    scene.policy("a/shut", podSelector={"matchLabels": {"app": "web"}}, policyTypes=["Ingress", "Egress"])
    scene.expect("allow a/web -> service a/web:80/tcp", "deny a/web -> a/far:8080", "deny b/client -> service a/web:80/tcp")
    scene.api.ask("DELETE", "/apis/networking.k8s.io/v1/namespaces/a/networkpolicies/shut")
    scene.expect("allow a/web -> a/far:8080")


def host_port(stage):
    """What reaches a pod by its hostPort is judged as what it is: a connection to the pod, from whom it came."""
    scene = stage.scene
    scene.pods({"a/ported": "n1"}, ports=[{"containerPort": 8080, "hostPort": 31080}])
    scene.expect("allow ext1 -> node n1:31080", "allow ext2 -> node n1:31080", "allow b/far -> node n1:31080")
    outside = [{"ipBlock": {"cidr": f"{address}/{bits}"}} for address, bits in ((SERVER[4], 32), (SERVER[6], 128))]
    scene.policy("a/ported", podSelector={"matchLabels": {"app": "ported"}}, ingress=[
        {"from": [*outside[:len(scene.families)], {"podSelector": {"matchLabels": {"app": "client"}}}], "ports": [{"port": 8080}]}])
    scene.expect("allow ext1 -> node n1:31080", "deny ext2 -> node n1:31080", "deny b/client -> a/ported:8080",
                 "allow a/client -> a/ported:8080", "deny a/client -> a/ported:9090", "deny b/client -> node n1:31080",
                 "allow a/client -> node n1:31080")


def node_port(stage):
    """By the pod's own node the client is seen; by another node that node is, unless the Service keeps traffic local."""
    scene = stage.scene
    scene.service("a/ported-any", "ported", 80, 8080, type="NodePort", nodePort=30080)
    scene.service("a/ported-local", "ported", 80, 8080, type="NodePort", nodePort=30081, externalTrafficPolicy="Local")
    scene.expect("allow ext1 -> node n1:30080", "deny ext2 -> node n1:30080", "deny ext1 -> node n2:30080",
                 "allow ext1 -> node n1:30081", "deny ext2 -> node n1:30081", "allow n1 -> node n1:30080")


# -- agents come and go ------------------------------------------------------------------------------------


def upgraded_under_traffic(stage):
    """helm upgrade replaces every agent; no packet is judged wrongly."""
    before = {node: pod["metadata"]["uid"] for node, pod in stage.installation.pods().items()}
    with steady(stage.scene, ALLOWED, DENIED) as count:
        stage.installation.upgrade("--set", "log.level=debug")
    after = {node: pod["metadata"]["uid"] for node, pod in stage.installation.pods().items()}
    require(set(after) == set(before) and not set(after.values()) & set(before.values()), "not every agent was replaced")
    stage.scene.expect(*_ENFORCED)
    return str(count)


def deleted_under_traffic(stage):
    """kubectl delete pod, gently and at once; no packet is judged wrongly, and policies change meanwhile."""
    scene, installation = stage.scene, stage.installation
    with steady(scene, ALLOWED, DENIED) as count:
        for grace in ((), ("--grace-period=0", "--force")):
            for node, pod in installation.pods().items():
                stage.cluster.kubectl("delete", "pod", "--namespace", pod["metadata"]["namespace"], pod["metadata"]["name"], *grace)
                require(installation.table(node), f"{node}: the rules went with the agent")
            scene.policy("a/other", podSelector={"matchLabels": {"app": "far"}}, ingress=[{}])
            stage.wait_ready()
            scene.api.ask("DELETE", "/apis/networking.k8s.io/v1/namespaces/a/networkpolicies/other")
    scene.expect(*_ENFORCED)
    return str(count)


# -- bridges -----------------------------------------------------------------------------------------------


def pods_bridge_is_filtered_alone(stage):
    """With the sysctls off and /proc/sys read-only in its container, a new agent turns on the pods' bridge, and again when it is off."""
    for node in stage.nodes:
        stage.set_sysctls(node, 0)
    stage.scene.expect(*_ENFORCED)
    for pod in stage.installation.pods().values():
        stage.cluster.kubectl("delete", "pod", "--namespace", pod["metadata"]["namespace"], pod["metadata"]["name"])
    for node in stage.nodes:  # while no agent looks
        stage.set_switches(node, 0)
    stage.wait_ready()
    stage.scene.expect(*_ENFORCED)
    for node in stage.nodes:
        require(stage.sysctl(node, _SYSCTLS[0]) == "0", f"{node}: something has set the sysctl")
    stage.set_switches("n1", 0)
    time.sleep(1.5)
    stage.scene.expect(*_ENFORCED)


def bridge_bypass_is_seen(stage):
    """bridge.filter=check: packets of one node's pods pass by the rules, the agent is not Ready and says so; on again, it is."""
    scene, installation = stage.scene, stage.installation
    for node in stage.nodes:
        stage.set_sysctls(node, 1)
    installation.upgrade("--set", "bridge.filter=check")
    stage.set_sysctls("n1", 0)
    stage.set_switches("n1", 0)
    scene.expect("allow b/client -> a/web:8080", "deny a/far -> a/web:8080")  # one node, and across nodes
    deadline = time.monotonic() + START_SECONDS
    while (answer := installation.readyz("n1"))[0] == 200 or installation.ready("n1"):
        require(time.monotonic() < deadline, f"{START_SECONDS} s after filtering was turned off the agent still is Ready: {answer}")
        time.sleep(0.3)
    require("bridge cni0 bypass the rules" in answer[1], f"/readyz does not name the bridge: {answer}")
    require(installation.ready("n2"), "the other node's agent is not Ready either")
    stage.set_sysctls("n1", 1)
    stage.wait_ready()
    scene.expect(*_ENFORCED)
    installation.upgrade("--set", "bridge.filter=set")
    return answer[1].splitlines()[0][:160]


# -- Kubernetes' own specs, and the end --------------------------------------------------------------------


def upstream_specs(stage):
    """A few of the upstream suite; all of them: run_upstream --full."""
    names, _ = upstream.specs(stage.cluster, smoke=True)
    results = upstream.run(stage.cluster, names, len(names), lambda spec: None)
    bad = [f"{spec.name}: {spec.message}" for spec in results if not spec.passed]
    require(not bad, "; ".join(bad))
    return f"{len(results)} specs, the longest {max(spec.seconds for spec in results):.0f} s"


def uninstalled(stage):
    """helm uninstall with cleanup: no table is left on any node; until it goes it is in force."""
    with opening(stage.scene, ALLOWED, DENIED) as moments:
        begin = time.monotonic()
        stage.installation.uninstall()
        took = time.monotonic() - begin
        time.sleep(0.2)
    for node in stage.nodes:
        tables = json.loads(stage.cluster.nodes[node].machine.run("nft", "-j", "list", "tables").stdout)["nftables"]
        left = [one["table"]["name"] for one in tables if "podgate" in one.get("table", {}).get("name", "")]
        require(not left, f"{node}: the tables {left} are left")
    deadline = time.monotonic() + START_SECONDS  # pods of a deleted DaemonSet have time to end
    while left := [line for line in stage.cluster.kubectl(
            "get", "all,roles,rolebindings,clusterroles,clusterrolebindings,serviceaccounts", "--all-namespaces",
            "--output=name").splitlines() if "podgate" in line]:
        require(time.monotonic() < deadline, f"left in the API server: {', '.join(left)}")
        time.sleep(0.3)
    stage.scene.expect(*_UNENFORCED)
    return f"{took:.1f} s, rules gone {min(moments):.1f} to {max(moments):.1f} s after the traffic began"


def cases(cluster):
    """[case], those that apply to the cluster's combination."""
    bridged = cluster.plan.cni != "ptp"
    return [nobody_enforces_before, installed_and_enforced, helm_test, service_addresses, hairpin, host_port, node_port,
            upgraded_under_traffic, deleted_under_traffic,
            *((pods_bridge_is_filtered_alone, bridge_bypass_is_seen) if bridged else ()),
            upstream_specs, uninstalled]
