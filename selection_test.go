package advparams

import (
	"errors"
	"strings"
	"testing"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "features/0/conv.weight", true},
		{"features/*", "features/0/conv.weight", true},
		{"*.weight", "features/0/conv.weight", true},
		{"*.weight", "features/0/conv.weight_v", false},
		{"conv.weight", "convXweight", false},
		{"conv?", "conv1", true},
		{"conv?", "conv", false},
		{"a[0]", "a[0]", true},
		{"*", "line\nbreak", true},
		{"", "x", false},
	} {
		if have := glob(c.pattern).MatchString(c.name); have != c.want {
			t.Errorf("glob %q, name %q: %v", c.pattern, c.name, have)
		}
	}
}

func TestSelection(t *testing.T) {
	names := []string{"conv1.weight", "conv1.bias", "fc.weight", "fc.bias"}
	for _, c := range []struct {
		include, exclude []string
		want             string
	}{
		{nil, nil, "conv1.weight conv1.bias fc.weight fc.bias"},
		{[]string{"conv*"}, nil, "conv1.weight conv1.bias"},
		{nil, []string{"*.bias"}, "conv1.weight fc.weight"},
		{[]string{"fc*", "conv1.weight"}, []string{"*.bias"}, "conv1.weight fc.weight"},
	} {
		chosen, err := selection(names, c.include, c.exclude)
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, name := range names {
			if chosen(name) {
				have = append(have, name)
			}
		}
		if strings.Join(have, " ") != c.want {
			t.Errorf("include %q, exclude %q: %q, want %s", c.include, c.exclude, have, c.want)
		}
	}
	for _, list := range [][2][]string{{{"bn*"}, nil}, {nil, {"bn*"}}} {
		var option *OptionError
		if _, err := selection(names, list[0], list[1]); !errors.As(err, &option) {
			t.Errorf("include %q, exclude %q: %v", list[0], list[1], err)
		}
	}
}
