"""The cases of e2e/cases on any cluster, through kubectl alone. README.md of e2e/kind says how it is used."""
