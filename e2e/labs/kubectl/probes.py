"""All connections from one pod as one shell script, and what its output says. Pure.

An ordinary pod has netexec connect for it, a node's pod runs `agnhost connect`, which listens nowhere. Denied
connections are the ones that nothing comes back from; the script gives up on them after some seconds of silence. The shell is
busybox's or any other; besides it there need be `nc` or `ping` only.
"""

import json

from .objects import DIAL_PORT

QUIET_SECONDS = (1, 3, 10)  # how long, try by try: where connections are slow, a short silence means nothing
AT_ONCE = {"dial": 64, "connect": 16}  # processes of a script; agnhost takes more memory than nc

# What still waits for an answer when the script ends must not hold any of its outputs.
_FUNCTIONS = f"""
exec 2>/dev/null
n='
'
say() {{ printf '%s %s\\n' "$1" "$2"; }}
dial() {{ r=$(printf 'GET /dial?host=%s&port=%s&protocol=%s&request=hostname&tries=1 HTTP/1.0\\r\\n\\r\\n' "$2" "$3" "$4" |
  nc 127.0.0.1 {DIAL_PORT}); say "$1" "${{r##*$n}}"; }}
connect() {{ if e=$(/agnhost connect "$2" --protocol="$3" --timeout="$quiet"s 2>&1); then e=OPEN; fi; say "$1" "${{e%%$n*}}"; }}
echo_request() {{ if ping -c 1 -W "$quiet" "$2" >/dev/null; then say "$1" OPEN; fi; }}
p=
end() {{ (sleep "$quiet"; kill $p) >/dev/null & w=$!; wait $p; kill $w; p=; }}
"""


class Probe:
    """One connection: from the pod that the script runs in to `address`. `answer`: what the right pod says, if it says so."""

    def __init__(self, check, address, port, answer):
        self.check, self.address, self.port, self.answer = check, address, port, answer
        self.result = ""  # open, refused, silent, or a text

    @property
    def allowed(self):
        """A refusal counts only where nobody listens: nobody but the target itself refuses then."""
        return self.result == "open" or (self.result == "refused" and (self.check.closed or self.check.target.kind == "node"))


def script(probes, on_node, quiet):
    """The script's text; probes are known by their position. quiet: seconds of silence that mean "denied"."""
    lines, running = [f"quiet={quiet}", _FUNCTIONS], 0
    how = "connect" if on_node else "dial"
    for index, probe in enumerate(probes):
        if probe.check.protocol == "icmp":
            command = f"echo_request {index} {probe.address}"
        elif on_node:
            host = f"[{probe.address}]" if ":" in probe.address else probe.address
            command = f"connect {index} {host}:{probe.port} {probe.check.protocol}"
        else:
            command = f"dial {index} {probe.address} {probe.port} {'http' if probe.check.protocol == 'tcp' else 'udp'}"
        lines.append(f"{command} & p=\"$p $!\"")
        running += 1
        if running == AT_ONCE[how] or index == len(probes) - 1:
            lines.append("end" if how == "dial" else "wait")
            running = 0
    return "\n".join(lines + ["exit 0", ""])


def read(output, probes):
    """Gives each probe its result."""
    said = {}
    for line in output.splitlines():
        index, _, text = line.partition(" ")
        if index.isdigit():
            said[int(index)] = text
    for index, probe in enumerate(probes):
        probe.result = _result(said.get(index, ""), probe.answer)


def _result(text, answer):
    if text == "OPEN":
        return "open"
    if not text or text.startswith("TIMEOUT"):
        return "silent"
    if text.startswith("REFUSED"):
        return "refused"
    try:
        told = json.loads(text)
        if told.get("responses"):
            return "open" if answer in (None, told["responses"][0]) else f"answered by {told['responses'][0]}"
        text = "; ".join(told.get("errors") or [text])
    except (ValueError, AttributeError):
        pass
    if "connection refused" in text:
        return "refused"
    return "silent" if "timeout" in text.lower() or "deadline exceeded" in text else text[:200]
