"""What must hold of everything that the chart makes, with whatever values: a function for each, given all objects."""

import json
import re

from .helm import hooks, one

_POD_KINDS = ("DaemonSet", "Deployment", "Job", "Pod")


def pods(objects):
    """(object, pod spec, pod labels) of everything that makes pods."""
    for item in objects:
        if item["kind"] == "Pod":
            yield item, item["spec"], item["metadata"]["labels"]
        elif item["kind"] in _POD_KINDS:
            template = item["spec"]["template"]
            yield item, template["spec"], template["metadata"]["labels"]


def containers(spec):
    return [*spec.get("initContainers", []), *spec["containers"]]


def agent(objects):
    return next(o for o in objects if o["kind"] == "DaemonSet" and not hooks(o))


def dashboard(objects):
    """What Grafana reads."""
    return json.loads(one(objects, "ConfigMap")["data"]["podgate.json"])


def names_are_unique(objects):
    names = [(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects]
    assert len(names) == len(set(names)), names
    for _, _, name in names:
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name), name


def everything_says_whose_it_is(objects):
    for item in objects:
        labels = item["metadata"]["labels"]
        for label in ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "app.kubernetes.io/version",
                      "helm.sh/chart"):
            assert labels.get(label), (item["kind"], label)
        for value in labels.values():
            assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", value), value


def selectors_select_their_own_pods_only(objects):
    made = list(pods(objects))
    for item, _, labels in made:
        if item["kind"] in ("DaemonSet", "Deployment"):
            wanted = item["spec"]["selector"]["matchLabels"]
            # What could change with a version or a value could never be upgraded.
            assert set(wanted) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}, wanted
            chosen = [other["metadata"]["name"] for other, _, have in made if wanted.items() <= have.items()]
            assert chosen == [item["metadata"]["name"]], (wanted, chosen)
            assert wanted.items() <= labels.items()


def the_agent_is_guaranteed(objects):
    for container in containers(agent(objects)["spec"]["template"]["spec"]):
        resources = container["resources"]
        assert set(resources["limits"]) == {"cpu", "memory"}, resources
        assert resources["limits"] == resources["requests"], resources


def least_privilege(objects):
    """NET_ADMIN for agents and cleaners, nothing for all others; no container is privileged."""
    for item, spec, _ in pods(objects):
        for forbidden in ("hostPID", "hostIPC", "volumes", "shareProcessNamespace"):
            assert forbidden not in spec, (item["metadata"]["name"], forbidden)
        host = item["kind"] == "DaemonSet" or hooks(item) == "post-delete"
        assert spec.get("hostNetwork", False) == host, item["metadata"]["name"]
        for container in containers(spec):
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True, container["name"]
            assert "volumeMounts" not in container, container["name"]
            assert security["allowPrivilegeEscalation"] is False, container["name"]
            assert "privileged" not in security, container["name"]
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}, container["name"]
            assert security["capabilities"]["drop"] == ["ALL"], container["name"]
            if item["kind"] == "DaemonSet":
                assert security["capabilities"]["add"] == ["NET_ADMIN"] and security["runAsUser"] == 0, container["name"]
            else:
                assert "add" not in security["capabilities"] and security["runAsNonRoot"] is True, container["name"]


def rights_are_list_and_watch(objects):
    """Of cluster roles: exactly these. Of roles: to look at the one DaemonSet of the cleanup."""
    for item in objects:
        if item["kind"] == "ClusterRole":
            rights = {(group, resource, verb) for rule in item["rules"] for group in rule["apiGroups"]
                      for resource in rule["resources"] for verb in rule["verbs"]}
            expected = {(group, resource, verb) for group, resource in (("", "pods"), ("", "namespaces"), ("networking.k8s.io", "networkpolicies"))
                        for verb in ("list", "watch")} | {("events.k8s.io", "events", "create")}
            assert rights - {("", "nodes", "get")} == expected, rights ^ expected
            assert not any(set(rule) - {"apiGroups", "resources", "verbs"} for rule in item["rules"])
        if item["kind"] == "Role":
            assert hooks(item) == "post-delete"
            cleaner = next(o for o in objects if o["kind"] == "DaemonSet" and hooks(o))
            assert item["rules"] == [{"apiGroups": ["apps"], "resources": ["daemonsets"],
                                      "resourceNames": [cleaner["metadata"]["name"]], "verbs": ["get"]}], item["rules"]


def bindings_bind_what_is_there(objects):
    for item in objects:
        if not item["kind"].endswith("RoleBinding"):
            continue
        role = item["roleRef"]
        one(objects, role["kind"], role["name"])
        for subject in item["subjects"]:
            accounts = [o["metadata"]["name"] for o in objects if o["kind"] == "ServiceAccount"]
            used = {spec.get("serviceAccountName") for _, spec, _ in pods(objects)}
            assert subject["name"] in used, subject
            assert subject["name"] in accounts or item["kind"] == "ClusterRoleBinding", subject


def the_agent_runs_on_every_node_first(objects):
    spec = agent(objects)["spec"]["template"]["spec"]
    assert spec["dnsPolicy"] == "Default" and spec["enableServiceLinks"] is False
    assert spec["automountServiceAccountToken"] is True, "without its token no agent is ready"
    assert spec["terminationGracePeriodSeconds"] == 10
    assert spec["priorityClassName"].startswith("system-")
    assert spec["nodeSelector"]["kubernetes.io/os"] == "linux"


def probes_ask_the_loopback(objects):
    container = agent(objects)["spec"]["template"]["spec"]["containers"][0]
    ports = {port["name"]: port for port in container["ports"]}
    for kind, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        get = container[kind]["httpGet"]
        assert (get["host"], get["path"], get["port"]) == ("127.0.0.1", path, "probes"), get
    assert ports["probes"]["hostIP"] == "127.0.0.1"
    assert all(port["hostPort"] == port["containerPort"] for port in ports.values())
    listens = [a.partition("=")[2] for a in container["args"] if a.startswith("--listen=")]
    expected = [f"127.0.0.1:{ports['probes']['containerPort']}"]
    if "metrics" in ports:
        expected.append(f"$(HOST_IP):{ports['metrics']['containerPort']}")
    assert listens == expected, listens
    variables = {v["name"]: v for v in container["env"]}
    assert variables["NODE_NAME"]["valueFrom"]["fieldRef"]["fieldPath"] == "spec.nodeName"
    assert ("HOST_IP" in variables) == ("metrics" in ports)


def updates_replace_an_agent_before_the_next(objects):
    strategy = agent(objects)["spec"]["updateStrategy"]
    assert "maxSurge" not in (strategy.get("rollingUpdate") or {}), "two agents would fight for the ports and the table"


def monitors_find_the_agents(objects):
    labels = agent(objects)["spec"]["template"]["metadata"]["labels"]
    ports = {port["name"] for port in agent(objects)["spec"]["template"]["spec"]["containers"][0]["ports"]}
    for item in objects:
        if item["kind"] == "PodMonitor":
            assert item["spec"]["selector"]["matchLabels"].items() <= labels.items()
            assert {end["port"] for end in item["spec"]["podMetricsEndpoints"]} <= ports
        if item["kind"] == "ServiceMonitor":
            service = one([o for o in objects if not hooks(o)], "Service")
            assert item["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
            assert service["spec"]["selector"].items() <= labels.items()
            assert {end["port"] for end in item["spec"]["endpoints"]} == {port["name"] for port in service["spec"]["ports"]} <= ports


def cleanup_waits_for_the_agents_end(objects):
    """A cleaner on a node whose agent still runs would see the table put back."""
    cleaners = [o for o in objects if o["kind"] == "DaemonSet" and hooks(o)]
    for item in cleaners:
        assert hooks(item) == "post-delete"
        spec = item["spec"]["template"]["spec"]
        term, = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["topologyKey"] == "kubernetes.io/hostname"
        assert term["labelSelector"]["matchLabels"] == agent(objects)["spec"]["selector"]["matchLabels"]
        assert [c["args"] for c in containers(spec)] == [["cleanup"], ["cleanup", "--stay"]]
        for key in ("nodeSelector", "tolerations"):
            assert spec.get(key) == agent(objects)["spec"]["template"]["spec"].get(key), f"cleaners and agents differ in {key}"
        weights = {o["kind"]: int(o["metadata"]["annotations"]["helm.sh/hook-weight"]) for o in objects if hooks(o) == "post-delete"}
        assert weights["ServiceAccount"] <= weights["Role"] < weights["RoleBinding"] < weights["DaemonSet"] < weights["Job"], weights
        job = next(o for o in objects if o["kind"] == "Job")
        assert job["spec"]["template"]["spec"]["containers"][0]["args"][:2] == [
            "wait-daemonset", f"{item['metadata']['namespace']}/{item['metadata']['name']}"]


def hooks_leave_nothing(objects):
    for item in objects:
        if hooks(item):
            policy = item["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
            # After a failure the logs of the tests' clients and of the cleanup say why; the rest says nothing.
            mute = hooks(item) == "test" and item["kind"] != "Pod"
            assert policy == "before-hook-creation,hook-succeeded" + (",hook-failed" if mute else ""), item["metadata"]["name"]


def hooks_run_where_agents_run(objects):
    """On nodes without an agent a test says nothing of the agents, and one node alone may have the taint or the label."""
    wanted = agent(objects)["spec"]["template"]["spec"]
    keyed = [toleration for toleration in wanted.get("tolerations", []) if toleration.get("key")]
    for item, spec, _ in pods(objects):
        name = item["metadata"]["name"]
        assert all(toleration in spec.get("tolerations", []) for toleration in keyed), name
        assert spec.get("affinity", {}).get("nodeAffinity") == wanted.get("affinity", {}).get("nodeAffinity"), name
        assert spec["nodeSelector"] == wanted["nodeSelector"], name
        if item["kind"] != "DaemonSet":
            assert all(toleration.get("key") for toleration in spec.get("tolerations", [])), name


def the_test_has_friends_and_strangers(objects):
    policy = one(objects, "NetworkPolicy")
    friends = policy["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"]
    guarded = policy["spec"]["podSelector"]["matchLabels"]
    kinds = {}
    for item, _, labels in pods(objects):
        if item["kind"] == "Pod":
            kinds.setdefault(friends.items() <= labels.items(), []).append(item["metadata"]["name"])
            variables = set(re.findall(r"\$([A-Z_0-9]+)_SERVICE_HOST", item["spec"]["containers"][0]["args"][0]))
            services = {o["metadata"]["name"].upper().replace("-", "_") for o in objects if o["kind"] == "Service" and hooks(o)}
            assert variables == services, (variables, services)
    assert len(kinds[True]) == len(kinds[False]) == 2, kinds
    chosen = [item["metadata"]["name"] for item, _, labels in pods(objects) if guarded.items() <= labels.items()]
    assert len(chosen) == 1 and chosen[0].endswith("-guarded"), chosen


RULES = [names_are_unique, everything_says_whose_it_is, selectors_select_their_own_pods_only, the_agent_is_guaranteed, least_privilege,
         rights_are_list_and_watch, bindings_bind_what_is_there, the_agent_runs_on_every_node_first, probes_ask_the_loopback,
         updates_replace_an_agent_before_the_next, monitors_find_the_agents, cleanup_waits_for_the_agents_end, hooks_leave_nothing,
         hooks_run_where_agents_run, the_test_has_friends_and_strangers]
