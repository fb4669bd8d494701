package ops

import (
	"bytes"
	"os"
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
		if _, ok := registry[name]; !ok {
			t.Errorf("%s is said to have no gradient, but is not an operator", name)
		}
	}
}
