//go:build tools

// Package tools names the command that ../build_kubo.sh builds, so that go.sum pins all of it.
package tools

import _ "github.com/ipfs/kubo/cmd/ipfs"
