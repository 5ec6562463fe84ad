"""The rules of one node as controllers write them that keep lists of iptables rules: what Podgate is compared with.

A chain for each isolated pod, that asks conntrack first and then one policy's chain after the other; a chain for each policy,
with a rule for each rule and port of it; an ipset for each rule's peers and for each policy's pods. FORWARD finds a pod's chain by
going through all pods of the node, in both directions, as routed and as bridged packets. IPv4 only, and only policies
that select a pod of the node.
"""

import hashlib

_MARK = "0x10000/0x10000"


def matches(selector, labels):
    """Of Kubernetes, for what clusters here use; None selects nothing."""
    if selector is None:
        return False
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for term in selector.get("matchExpressions") or ():
        key, values = term["key"], term.get("values") or ()
        if not {"In": labels.get(key) in values if key in labels else False, "NotIn": labels.get(key) not in values,
                "Exists": key in labels, "DoesNotExist": key not in labels}[term["operator"]]:
            return False
    return True


class Pods:
    """A cluster's pods, found by namespace."""

    def __init__(self, objects_):
        self.namespaces, self.by_namespace, self.policies = {}, {}, []
        for made in objects_:
            metadata = made["metadata"]
            if made["kind"] == "Namespace":
                self.namespaces[metadata["name"]] = {**metadata["labels"], "kubernetes.io/metadata.name": metadata["name"]}
            elif made["kind"] == "Pod":
                ports = {port["name"]: port for container in made["spec"]["containers"] for port in container.get("ports", ())}
                self.by_namespace.setdefault(metadata["namespace"], []).append(
                    (made["status"]["podIP"], metadata["labels"], made["spec"]["nodeName"], ports))
            elif made["kind"] == "NetworkPolicy":
                self.policies.append(made)

    def selected(self, namespace, selector):
        return [pod for pod in self.by_namespace.get(namespace, ()) if matches(selector, pod[1])]

    def peers(self, namespace, peer):
        """Addresses of one `from` or `to` entry's pods."""
        names = [namespace]
        if "namespaceSelector" in peer:
            names = [name for name, labels in self.namespaces.items() if matches(peer["namespaceSelector"], labels)]
        return [pod[0] for name in names for pod in self.selected(name, peer.get("podSelector", {}))]


def _short(prefix, text):
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:16].upper()}"


class _Writer:
    def __init__(self, pods, node):
        self.pods, self.node = pods, node
        self.sets, self.chains, self.rules = [], [], []
        self.of_pod = {}         # address: [(direction, policy chain)]

    def set(self, name, kind, members):
        members = sorted(set(members))
        self.sets.append(f"create {name} {kind} maxelem {max(1024, 2 * len(members))}")
        self.sets += [f"add {name} {member}" for member in members]
        return name

    def chain(self, name, *rules):
        self.chains.append(name)
        self.rules += [f"-A {name} {rule}" for rule in rules]

    def policy(self, made):
        namespace, spec = made["metadata"]["namespace"], made["spec"]
        own = f"{namespace}/{made['metadata']['name']}"
        selected = self.pods.selected(namespace, spec["podSelector"])
        local = [pod for pod in selected if pod[2] == self.node]
        if not local:
            return
        chain = _short("NWPLCY", own)
        targets = self.set(_short("OWN", own), "hash:ip", (pod[0] for pod in selected))
        rules = []
        types = spec.get("policyTypes") or ["Ingress"]
        for direction, key, peers_key in (("Ingress", "ingress", "from"), ("Egress", "egress", "to")):
            if direction in types:
                for number, rule in enumerate(spec.get(key, ())):
                    ports = self._ports(rule.get("ports"), direction, local)
                    rules += self._rule(f"{own}{key}{number}", namespace, targets, direction, rule.get(peers_key), ports)
        self.chain(chain, *rules)
        for pod in local:
            self.of_pod.setdefault(pod[0], []).append((types, chain))

    def _rule(self, own, namespace, targets, direction, peers, ports):
        here, there = ("dst", "src") if direction == "Ingress" else ("src", "dst")
        matched = []
        pods = [address for peer in peers or () if "ipBlock" not in peer for address in self.pods.peers(namespace, peer)]
        blocks = [text for peer in peers or () if "ipBlock" in peer for text in self._block(peer["ipBlock"])]
        if pods:
            matched.append(f"-m set --match-set {self.set(_short('PEERS', own), 'hash:ip', pods)} {there}")
        if blocks:
            matched.append(f"-m set --match-set {self.set(_short('NETS', own), 'hash:net', blocks)} {there}")
        if not peers:
            matched.append("")
        rules = []
        for match in matched:
            for port in ports:
                head = f"-m set --match-set {targets} {here} {match} {port}"
                rules += [f"{head} -j MARK --set-xmark {_MARK}", f"{head} -m mark --mark {_MARK} -j RETURN"]
        return rules

    @staticmethod
    def _block(block):
        halves = ["0.0.0.0/1", "128.0.0.0/1"] if block["cidr"] == "0.0.0.0/0" else [block["cidr"]]
        return halves + [f"{hole} nomatch" for hole in block.get("except", ())]

    @staticmethod
    def _ports(ports, direction, local):
        if not ports:
            return [""]
        texts = []
        for port in ports:
            protocol, number = port.get("protocol", "TCP"), port.get("port")
            match = f"-p {protocol.lower()}"
            if number is None:
                texts.append(match)
                continue
            found = [f"{number}:{port['endPort']}" if "endPort" in port else str(number)]
            if isinstance(number, str):  # resolved on the node's own pods; elsewhere as if it were http
                here = {pod[3][number]["containerPort"] for pod in local if number in pod[3]}
                found = sorted(here if direction == "Ingress" else {8080})
            texts += [f"{match} -m {protocol.lower()} --dport {each}" for each in found]
        return texts

    def finish(self):
        for address, policies in self.of_pod.items():
            chain = _short("POD-FW", address)
            rules = ["-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]
            rules += [f"-j {policy}" for _, policy in policies]
            isolated = {direction for types, _ in policies for direction in types}
            ends = [f"-{flag} {address}" for direction, flag in (("Ingress", "d"), ("Egress", "s")) if direction in isolated]
            rules += [f"{end} -m mark ! --mark {_MARK} -j DROP" for end in ends] + ["-j MARK --set-xmark 0x0/0x10000"]
            self.chain(chain, *rules)
        for address in sorted(self.of_pod, key=lambda address: _short("", address)):  # in no particular order
            chain = _short("POD-FW", address)
            for end in (f"-d {address}", f"-s {address}"):
                self.rules += [f"-A FORWARD {end} -j {chain}", f"-A FORWARD -m physdev --physdev-is-bridged {end} -j {chain}"]
        text = "*filter\n:FORWARD ACCEPT [0:0]\n" + "".join(f":{chain} - [0:0]\n" for chain in self.chains)
        return "\n".join(self.sets) + "\n", text + "\n".join(self.rules) + "\nCOMMIT\n"


def write(objects_, node):
    """(text for ipset restore, text for iptables-restore)"""
    writer = _Writer(Pods(objects_), node)
    for made in writer.pods.policies:
        writer.policy(made)
    return writer.finish()
