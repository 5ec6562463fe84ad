"""The cases of e2e/cases on any cluster, through kubectl alone. e2e/setup/kind/README.md says how it is used."""
