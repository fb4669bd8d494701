package advparams

import (
	"regexp"
	"strings"

	"github.com/advparams/advparams/onnxio"
)

// allowed returns which parameters may be changed.
func (o *ProtectOptions) allowed(m *onnxio.Model) (func(string) bool, error) {
	var names []string
	weights, list := false, ""
	for _, p := range m.Parameters() {
		switch {
		case p.Tensor != nil:
			names = append(names, p.Name)
			weights = weights || p.Trained
		case p.Trained:
			list = p.Name
		}
	}
	if !weights {
		return nil, &NoWeightsError{m.Path(), list}
	}
	chosen, err := selection(names, o.Include, o.Exclude)
	if err != nil {
		return nil, err
	}
	return func(name string) bool { return chosen(name) && m.Weight(name).Editable() == nil }, nil
}

// glob turns a pattern into an expression that matches whole names: * stands for
// any characters, '/' and '.' included, ? for one.
func glob(pattern string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(pattern)
	quoted = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(quoted)
	return regexp.MustCompile(`(?s)^` + quoted + `$`)
}

// selection returns a function that reports whether a name matches one of the
// patterns in include, any pattern if there are none, and none of those in
// exclude. A pattern that matches no name is taken for a mistake.
func selection(names, include, exclude []string) (func(string) bool, error) {
	chosen := map[string]bool{}
	mark := func(option string, patterns []string, value bool) error {
		for _, p := range patterns {
			expr, found := glob(p), false
			for _, name := range names {
				if expr.MatchString(name) {
					chosen[name], found = value, true
				}
			}
			if !found {
				return &OptionError{Option: option, Value: p, Reason: "matches no parameter"}
			}
		}
		return nil
	}
	if len(include) == 0 {
		include = []string{"*"}
	}
	if err := mark("Include", include, true); err != nil {
		return nil, err
	}
	if err := mark("Exclude", exclude, false); err != nil {
		return nil, err
	}
	return func(name string) bool { return chosen[name] }, nil
}
