package advparams

import v "github.com/advparams/advparams/internal/version"

// Version returns the version of this module, and the commit if the program was built
// in a checkout of it.
func Version() (version, revision string) { return v.Of() }

// tool names this module and its version in the files that it writes.
func tool() string {
	version, _ := Version()
	return "advparams " + version
}
