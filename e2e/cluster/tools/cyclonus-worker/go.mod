module podgate.example/e2e/cluster/tools/cyclonus-worker

go 1.26.0
