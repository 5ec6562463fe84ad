//go:build tools

// Package tools pins the helm that the chart's tests and the cluster lab build; nothing imports it.
package tools

import _ "helm.sh/helm/v4/cmd/helm"
