// Package version tells the version of this module that a program was built from.
package version

import "runtime/debug"

// module is the path of this module.
const module = "github.com/advparams/advparams"

// Of returns the version of this module, and the commit if the program was built
// in a checkout of it.
func Of() (version, revision string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(devel)", ""
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == module {
			version = m.Version
		}
	}
	switch {
	case version == "":
		return "(devel)", ""
	case info.Main.Path != module:
		return version, ""
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))] + revision
		case s.Key == "vcs.modified" && s.Value == "true":
			revision += ", modified"
		}
	}
	return version, revision
}
