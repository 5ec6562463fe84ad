"""How long the labs wait for what must come.

A wait looks for its condition again and again and ends as soon as it holds; these limits only decide when it is given up. They
are far above what a slow or busy machine takes, so that only what never comes fails. How long things took is printed, not judged.
"""

PATIENCE_SECONDS = 240  # for what an agent does, its own longest time-out (90 s of a silent watch) included
START_SECONDS = 900     # for servers, containers and nodes to start or to end
