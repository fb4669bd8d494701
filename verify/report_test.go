package verify_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/advparams/advparams/verify"
)

func report(t *testing.T, r verify.Report) string {
	t.Helper()
	var b strings.Builder
	if err := verify.WriteHTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func full(t *testing.T) verify.Report {
	t.Helper()
	original, err := verify.Score([]int{0, 1, 2, 2}, []int{0, 1, 2, 1}, 3)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := verify.Score([]int{0, 0, 0, 0}, []int{0, 1, 2, 1}, 3)
	if err != nil {
		t.Fatal(err)
	}
	return verify.Report{
		Tool: "advparams test", Created: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC),
		Files:    []verify.File{{Role: "locked", Name: "<script>x.onnx", Size: 1234567, SHA256: [32]byte{0xab}}},
		Data:     "4 samples",
		Original: original, Locked: locked, Unlocked: original,
		WithKey: true, BitExact: true, Parameters: 61706, Changed: 11,
		Timings: []verify.Timing{{Step: "measuring", Duration: 1500 * time.Millisecond}},
	}
}

func TestWriteHTML(t *testing.T) {
	page := report(t, full(t))
	for _, want := range []string{
		"bit for bit", "from 75.00 % to 25.00 %", "11 of 61,706", "1,234,567", "ab0000", "1.50 s",
		"&lt;script&gt;x.onnx", "2026-01-02 03:04 UTC", `width="360.0"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if bad := regexp.MustCompile(`https?:|src=|href=|url\(|@import|<script|ZgotmplZ|NaN`).FindAllString(page, -1); bad != nil {
		t.Errorf("the page holds %q", bad)
	}
}

func TestWriteHTMLParts(t *testing.T) {
	r := full(t)
	r.Unlocked, r.BitExact, r.Tampered = nil, false, true
	if page := report(t, r); !strings.Contains(page, "not the one the key was made for") || strings.Contains(page, ">unlocked<") {
		t.Error("a tampered model is not reported as such")
	}
	r = full(t)
	r.BitExact = false
	if page := report(t, r); !strings.Contains(page, "the original given is another one") {
		t.Error("another original is not reported as such")
	}
	page := report(t, verify.Report{Tool: "advparams test"})
	for _, part := range []string{"<svg", "Class by class", "Files", "Time", "0001"} {
		if strings.Contains(page, part) {
			t.Errorf("a report of nothing has a part %q", part)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 61706: "61,706", 1234567: "1,234,567", -123: "-123", -1234: "-1,234"} {
		if got := verify.Thousands(n); got != want {
			t.Errorf("Thousands(%d) = %q, want %q", n, got, want)
		}
	}
}
