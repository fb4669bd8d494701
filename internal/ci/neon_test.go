package ci

import (
	"bufio"
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestNEONTaken reads what .ci/arm64 leaves: test programs, *.test, and for each a log of the
// instructions that QEMU translated when it ran, *.test.log. Every kernel for NEON must have
// been entered, and all of its instructions reached but a few.
func TestNEONTaken(t *testing.T) {
	dir := os.Getenv("ADVPARAMS_NEON_LOGS")
	if dir == "" {
		t.Skip("ADVPARAMS_NEON_LOGS does not name a folder; .ci/arm64 does")
	}
	programs, err := filepath.Glob(filepath.Join(dir, "*.test"))
	if err != nil || len(programs) == 0 {
		t.Fatalf("no test programs in %s: %v", dir, err)
	}
	kernels := map[string]*taken{}
	for _, p := range programs {
		addresses := translated(t, p+".log")
		for _, s := range kernelSymbols(t, p) {
			k := kernels[s.Name]
			if k == nil {
				k = &taken{reached: make([]bool, s.Size/4)}
				kernels[s.Name] = k
			}
			k.entered = k.entered || addresses[s.Value]
			for i := range k.reached {
				k.reached[i] = k.reached[i] || addresses[s.Value+uint64(4*i)]
			}
		}
	}
	if len(kernels) < 50 {
		t.Errorf("only %d kernels in the test programs", len(kernels))
	}
	// Up to 3 instructions fill up a function. Up to 9 go on to the next panel, in kernels for
	// panels of a single vector, of which a strip has but one.
	const spare = 12
	all, reached := 0, 0
	for name, k := range kernels {
		n := 0
		for _, r := range k.reached {
			if r {
				n++
			}
		}
		all, reached = all+len(k.reached), reached+n
		switch {
		case !k.entered:
			t.Errorf("no test runs %s", name)
		case n < len(k.reached)-spare:
			t.Errorf("tests reach %d of %d instructions of %s", n, len(k.reached), name)
		}
	}
	t.Logf("%d kernels, %d of %d instructions reached", len(kernels), reached, all)
}

// taken says which instructions of a kernel were translated.
type taken struct {
	entered bool
	reached []bool
}

// kernelSymbols returns the kernels for NEON in a program.
func kernelSymbols(t *testing.T, program string) (kernels []elf.Symbol) {
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		// The function itself; the symbol without the suffix is Go's wrapper around it.
		if strings.Contains(s.Name, "/internal/kernel/") && strings.HasSuffix(s.Name, "NEON.abi0") {
			kernels = append(kernels, s)
		}
	}
	return kernels
}

// translated returns the addresses in a log of QEMU, in lines like "0x00922d0:  f94003e0 …".
func translated(t *testing.T, log string) map[uint64]bool {
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	addresses := map[uint64]bool{}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		digits, _, ok := strings.Cut(lines.Text(), ":")
		if !ok || !strings.HasPrefix(digits, "0x") {
			continue
		}
		if a, err := strconv.ParseUint(digits[2:], 16, 64); err == nil {
			addresses[a] = true
		}
	}
	return addresses
}
