// Package version tells the version of this module that a program was built from.
package version

import "runtime/debug"

// module is the path of this module.
const module = "github.com/advparams/advparams"

// Build is what a program says of its origin.
type Build struct {
	Version  string // of this module; "(devel)" if it is not known
	Revision string // the commit, if the program was built in a checkout of the module
	Date     string // of the commit, in RFC 3339
}

// Of returns what this program says.
func Of() Build {
	b := Build{Version: "(devel)"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == module && m.Version != "" {
			b.Version = m.Version
		}
	}
	if info.Main.Path != module {
		return b
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Revision = s.Value[:min(12, len(s.Value))] + b.Revision
		case s.Key == "vcs.time":
			b.Date = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			b.Revision += ", modified"
		}
	}
	return b
}
