"""The expected matrix of connections, written as rules of which the last that matches decides.

    deny * -> a/web                  nobody reaches a/web …
    allow a/* -> a/web:8080/tcp      … but pods of a its port 8080

Without a matching rule a connection is allowed, and a pod always reaches itself.
"""

import fnmatch


def allows(rules, source, destination, port):
    """Names are NAMESPACE/POD, port is NUMBER/PROTOCOL; patterns are shell patterns, a missing port is every port."""
    if source == destination:
        return True
    verdict = True
    for rule in rules:
        word, sources, _, target = rule.split()
        destinations, _, ports = target.partition(":")
        if (fnmatch.fnmatchcase(source, sources) and fnmatch.fnmatchcase(destination, destinations)
                and (not ports or ports == port)):
            verdict = {"allow": True, "deny": False}[word]
    return verdict
