//go:build tools

// Package tools pins the programs that e2e/setup/cluster/build builds; nothing imports it.
package tools

import (
	_ "github.com/containernetworking/plugins/plugins/meta/flannel"
)
