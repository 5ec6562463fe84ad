"""The worlds that Podgate is tested in. Each folder is one; none knows the commands that run it."""
