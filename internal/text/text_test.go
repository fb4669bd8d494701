package text_test

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/text"
	"github.com/advparams/advparams/verify"
	"github.com/advparams/advparams/verify/attack"
)

// steering is a name that would clear the screen.
const steering = "name\x1b[2J\u009b2J\u202e"

// fill sets every string to steering, every number to 12345, every bool and pointer, and
// gives every slice and map one element.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(steering)
	case reflect.Int, reflect.Int64:
		v.SetInt(12345)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		if v.Type().Elem().Kind() == reflect.Struct || v.Type().Elem().Kind() == reflect.Float64 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	}
}

// TestHostileNames: names come from files of strangers. None of them steers the terminal,
// and what is theirs is shown all the same.
func TestHostileNames(t *testing.T) {
	for _, c := range []struct {
		result any // a pointer
		write  func(io.Writer, any)
	}{
		{&advparams.Protection{}, func(w io.Writer, r any) { text.Protection(w, r.(*advparams.Protection), "not sealed") }},
		{&advparams.Unlocked{}, func(w io.Writer, r any) { text.Unlocked(w, r.(*advparams.Unlocked)) }},
		{&advparams.KeyInfo{}, func(w io.Writer, r any) { text.Key(w, r.(*advparams.KeyInfo)) }},
		{&advparams.ModelInfo{}, func(w io.Writer, r any) { text.Model(w, r.(*advparams.ModelInfo)) }},
	} {
		name := fmt.Sprintf("%T", c.result)
		fill(reflect.ValueOf(c.result).Elem())
		var b strings.Builder
		c.write(&b, c.result)
		if !strings.Contains(b.String(), `name\u001b[2J`) {
			t.Errorf("%s: no name in %q", name, b.String())
		}
		if i := strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%s: a character that is not printable in %q", name, b.String())
		}
	}
}

// TestAttacks: what does not count and what was not finished is told.
func TestAttacks(t *testing.T) {
	advantage := -0.005
	var b strings.Builder
	text.Attacks(&b, &advparams.AttackReport{
		Locked:     0.1,
		Attacks:    []attack.Result{{Name: "repair", Accuracy: 0.8, Setting: "256 steps"}, {Name: "known-places", Accuracy: 0.9, Setting: "adam:0.001", Insider: true}},
		Advantage:  &advantage,
		Unfinished: []string{"prune"},
	}, 30*time.Minute)
	const want = "locked\t10.00 %\t\n" +
		"repair\t80.00 %\t256 steps\n" +
		"known-places\t90.00 %\tadam:0.001 (not counted)\n" +
		"advantage\t-0.50 points\tof the best attack over the zero line\n" +
		"prune\t–\tnot finished within 30m0s\n" +
		"samples\t0\tto train on, 0 to choose by, 0 to measure on\n"
	if b.String() != want {
		t.Errorf("have\n%s\nwant\n%s", b.String(), want)
	}
}

// TestVerification: with a key alone, files are compared and nothing is measured.
func TestVerification(t *testing.T) {
	var b strings.Builder
	text.Verification(&b, &advparams.Verification{Page: "report.html", Verdict: advparams.Verdict{OK: true}, Report: &verify.Report{WithKey: true, BitExact: true}})
	if want := "bit exact\tyes\ntampered\tno\nverdict\tok\nreport\treport.html\n"; b.String() != want {
		t.Errorf("have %q, want %q", b.String(), want)
	}
}

// TestProtection pins what a person reads about a minimal lock, in 80 columns.
func TestProtection(t *testing.T) {
	r := &advparams.Protection{Locked: "locked.onnx", LockedBytes: 249309, Key: "model.key", KeyBytes: 462, Profile: advparams.Minimal,
		ParamsTotal: 61706, ParamsChanged: 8, Tensors: []advparams.TensorChange{{Name: "fc3.weight", Changed: 8}},
		Metrics: []advparams.LockedMetric{{Name: "perplexity", Before: 12.5, Locked: 4096}},
		Samples: 2000, RealData: true, GradientPasses: 7, Seconds: 4.1}
	var b strings.Builder
	text.Protection(&b, r, "sealed to 1 recipient")
	want := "locked\tlocked.onnx, 249,309 bytes\n" +
		"key\tmodel.key, 462 bytes, sealed to 1 recipient\n" +
		"changed\t8 of 61,706 parameters\n" +
		"\t   8 in fc3.weight\n" +
		"perplexity\t12.500 → 4096 on the 2,000 samples of the search\n" +
		"worth\tstops use; an attacker with data undoes it (see --profile sealed)\n" +
		"time\t4.1 s, 7 gradient passes\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, l := range strings.Split(b.String(), "\n") {
		if _, cell, _ := strings.Cut(l, "\t"); len([]rune(cell)) > 80-len("accuracy  ") {
			t.Errorf("more than 80 columns: %s", l)
		}
	}
}
