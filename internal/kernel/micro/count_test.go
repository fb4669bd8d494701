package micro_test

import (
	"os"
	"strings"
	"testing"
)

// TestInstructionsPerFMA counts what the inner loop of the highest and widest kernel of matrix
// products executes for each fused multiplication and addition: for NEON at most 1.3 times what
// AVX2 does, even if elements are counted, of which a vector of AVX2 has twice as many.
func TestInstructionsPerFMA(t *testing.T) {
	count := func(file, kernel, label, jump string, lanes int) (perFMA, perElement float64) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, text, found := strings.Cut(string(b), "\nTEXT ·"+kernel+"(SB)")
		_, text, loop := strings.Cut(text, "\n"+label+":\n")
		if !found || !loop {
			t.Fatalf("%s: no loop %s in %s", file, label, kernel)
		}
		all, products := 0, 0
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "//") {
				continue
			}
			all++
			if strings.HasPrefix(line, "VFMADD") || strings.Contains(line, "// fmla") {
				products++
			}
			if strings.Join(strings.Fields(line), " ") == jump+" "+label {
				break
			}
		}
		perFMA = float64(all) / float64(products)
		t.Logf("%s, %s: %d instructions, %d FMAs, %.3f per FMA, %.3f per element", kernel, label, all, products, perFMA, perFMA/float64(lanes))
		return perFMA, perFMA / float64(lanes)
	}
	for _, by := range []string{"Rows", "Columns"} {
		avx2, avx2Element := count("asm_amd64.s", "strip"+by+"6x2AVX2", "steps", "JGE", 8)
		neon, neonElement := count("asm_arm64.s", "strip"+by+"8x3NEON", "packed", "BGE", 4)
		if neon > 1.3*avx2 || neonElement > 1.3*avx2Element {
			t.Errorf("A by %s: NEON has %.3f instructions per FMA and %.3f per element, AVX2 %.3f and %.3f", by, neon, neonElement, avx2, avx2Element)
		}
		// B in place takes more loads. Elements are not compared.
		if neon, _ := count("asm_arm64.s", "strip"+by+"8x3NEON", "strided", "BGE", 4); neon > 1.3*avx2 {
			t.Errorf("A by %s: NEON has %.3f instructions per FMA, AVX2 %.3f", by, neon, avx2)
		}
		count("asm_amd64.s", "strip"+by+"8x3AVX512", "steps", "JGE", 16)
	}
}
