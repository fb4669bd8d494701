package a64

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEncode compares words with those of the GNU assembler (binutils 2.40).
func TestEncode(t *testing.T) {
	tested := map[*Form]bool{}
	for _, c := range []struct {
		form      *Form
		registers []int
		number    int
		text      string
		word      uint32
	}{
		{&FADD, []int{3, 17, 30}, 0, "fadd v3.4s, v17.4s, v30.4s", 0x4e3ed623},
		{&FSUB, []int{3, 17, 30}, 0, "fsub v3.4s, v17.4s, v30.4s", 0x4ebed623},
		{&FMUL, []int{3, 17, 30}, 0, "fmul v3.4s, v17.4s, v30.4s", 0x6e3ede23},
		{&FDIV, []int{3, 17, 30}, 0, "fdiv v3.4s, v17.4s, v30.4s", 0x6e3efe23},
		{&FMAX, []int{3, 17, 30}, 0, "fmax v3.4s, v17.4s, v30.4s", 0x4e3ef623},
		{&FMIN, []int{3, 17, 30}, 0, "fmin v3.4s, v17.4s, v30.4s", 0x4ebef623},
		{&FADDP, []int{3, 17, 30}, 0, "faddp v3.4s, v17.4s, v30.4s", 0x6e3ed623},
		{&FMAXP, []int{3, 17, 30}, 0, "fmaxp v3.4s, v17.4s, v30.4s", 0x6e3ef623},
		{&FCMEQ, []int{3, 17, 30}, 0, "fcmeq v3.4s, v17.4s, v30.4s", 0x4e3ee623},
		{&FCMGE, []int{3, 17, 30}, 0, "fcmge v3.4s, v17.4s, v30.4s", 0x6e3ee623},
		{&FCMGT, []int{3, 17, 30}, 0, "fcmgt v3.4s, v17.4s, v30.4s", 0x6ebee623},
		{&FABS, []int{3, 17}, 0, "fabs v3.4s, v17.4s", 0x4ea0fa23},
		{&FRINTN, []int{3, 17}, 0, "frintn v3.4s, v17.4s", 0x4e218a23},
		{&FCVTNS, []int{3, 17}, 0, "fcvtns v3.4s, v17.4s", 0x4e21aa23},
		{&SSHR, []int{3, 17}, 7, "sshr v3.4s, v17.4s, #7", 0x4f390623},
		{&ORN, []int{3, 17, 30}, 0, "orn v3.16b, v17.16b, v30.16b", 0x4efe1e23},
		{&BIC, []int{3, 17, 30}, 0, "bic v3.16b, v17.16b, v30.16b", 0x4e7e1e23},
		{&FMLALane, []int{3, 17, 30}, 3, "fmla v3.4s, v17.4s, v30.s[3]", 0x4fbe1a23},
		{&FMULLane, []int{3, 17, 30}, 3, "fmul v3.4s, v17.4s, v30.s[3]", 0x4fbe9a23},
		{&LDRQ, []int{3, 17, 30}, 0, "ldr q3, [x17, x30]", 0x3cfe6a23},
		{&STRQ, []int{3, 17, 30}, 0, "str q3, [x17, x30]", 0x3cbe6a23},
	} {
		tested[c.form] = true
		if got := c.form.Format(c.registers, c.number); got != c.text {
			t.Errorf("text is %q, want %q", got, c.text)
		}
		if got := c.form.Encode(c.registers, c.number); got != c.word {
			t.Errorf("%s is %#08x, want %#08x", c.text, got, c.word)
		}
	}
	for _, f := range Forms {
		if !tested[f] {
			t.Errorf("%s is not tested", f.Text)
		}
	}
}

// TestAgainstAssembler encodes random operands and compares with a cross assembler, where
// there is one.
func TestAgainstAssembler(t *testing.T) {
	as, err := exec.LookPath("aarch64-linux-gnu-as")
	if err != nil {
		t.Skip("no aarch64-linux-gnu-as (Debian: binutils-aarch64-linux-gnu)")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	var want []uint32
	var lines []string
	for _, f := range Forms {
		for range 50 {
			registers, number := make([]int, f.Registers()), 0
			for i := range registers {
				registers[i] = rng.IntN(31)
			}
			if f.HasNumber() {
				number = rng.IntN(4)
				if f == &SSHR {
					number = 1 + rng.IntN(32)
				}
			}
			lines = append(lines, f.Format(registers, number))
			want = append(want, f.Encode(registers, number))
		}
	}
	for _, l := range lines {
		fmt.Fprintln(&text, l)
	}
	object := filepath.Join(t.TempDir(), "forms.o")
	cmd := exec.Command(as, "-o", object, "-")
	cmd.Stdin, cmd.Stderr = strings.NewReader(text.String()), os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(object)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	code, err := f.Section(".text").Data()
	if err != nil {
		t.Fatal(err)
	}
	if len(code) != 4*len(want) {
		t.Fatalf("the assembler wrote %d bytes for %d instructions", len(code), len(want))
	}
	for i, w := range want {
		if got := binary.LittleEndian.Uint32(code[4*i:]); got != w {
			t.Errorf("%s: the assembler says %#08x, we %#08x", lines[i], got, w)
		}
	}
}
