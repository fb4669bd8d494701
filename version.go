package advparams

import "runtime/debug"

// module is the path of this module.
const module = "github.com/advparams/advparams"

// tool names this module and its version in the files that it writes.
func tool() string {
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		modules := append([]*debug.Module{&info.Main}, info.Deps...)
		for _, m := range modules {
			if m.Path == module {
				version = m.Version
			}
		}
	}
	if version == "" {
		version = "(devel)"
	}
	return "advparams " + version
}
