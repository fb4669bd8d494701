package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// beyondAVX2 finds what needs AVX-512: registers 16 and up, masks, and instructions.
var beyondAVX2 = regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+|K[0-7])\b|\b(VRNDSCALE|VSCALEF|VPXORD|VPORD|VPANDD|VSHUFF32X4|VEXTRACTF64X4|VPERMT2|VPERMI2|VBLENDM|VINSERTF64X4)`)

// TestRegistersOfAVX2 reads the assembly that is committed: on processors without AVX-512,
// kernels for AVX2 must not use its registers, which avo hands out when there are no others
// left.
func TestRegistersOfAVX2(t *testing.T) {
	files, err := filepath.Glob("../../*/asm_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob("../../*/*/asm_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	functions := 0
	for _, file := range append(files, deeper...) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range strings.Split(string(b), "\nTEXT ·")[1:] {
			name, body, _ := strings.Cut(f, "(SB)")
			if strings.Contains(name, "AVX512") {
				continue
			}
			functions++
			if at := beyondAVX2.FindString(body); at != "" {
				t.Errorf("%s: %s has %s", file, name, at)
			}
		}
	}
	if functions < 50 {
		t.Errorf("only %d functions for AVX2", functions)
	}
}
