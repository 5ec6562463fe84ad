"""A double of the API server that misbehaves on request, and the cases that hold agents against it."""
