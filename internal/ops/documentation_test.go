package ops

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestDocumentation(t *testing.T) {
	got, err := os.ReadFile("../../docs/operators.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, Documentation()) {
		t.Error("docs/operators.md is not what the registry says; run make generate")
	}
	for name := range withoutGradient {
		domain := ""
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			domain, name = name[:i], name[i+1:]
		}
		if _, ok := Lookup(domain, name); !ok {
			t.Errorf("%s is said to have no gradient, but is not an operator of domain %q", name, domain)
		}
	}
}
