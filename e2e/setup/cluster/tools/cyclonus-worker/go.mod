module podgate.example/e2e/setup/cluster/tools/cyclonus-worker

go 1.26.0
