package sysmem

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTotal(t *testing.T) {
	defer func(old []string) { limits = old }(limits)
	path := filepath.Join(t.TempDir(), "memory.max")
	limits = []string{filepath.Join(t.TempDir(), "missing"), path}
	all := physical()
	if all < 1<<26 {
		t.Fatalf("a machine of %d bytes", all)
	}
	for _, c := range []struct {
		limit string
		want  int64
	}{
		{"max\n", all}, {"1048576\n", 1 << 20}, {"9223372036854771712\n", all}, {"none of it", all},
	} {
		if err := os.WriteFile(path, []byte(c.limit), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := Total(); got != c.want {
			t.Errorf("limit %q: %d bytes, want %d", c.limit, got, c.want)
		}
	}
	limits = nil
	if got := Total(); got != all {
		t.Errorf("no limit: %d bytes, want %d", got, all)
	}
}
