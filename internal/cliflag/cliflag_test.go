package cliflag

import (
	"testing"

	"github.com/spf13/pflag"
)

func TestValues(t *testing.T) {
	colour, share, accuracy := "red", Share(0.5), Accuracy(0)
	for _, c := range []struct {
		value      pflag.Value
		text, want string // want is "" where it is refused
	}{
		{&Choice[string]{&colour, []string{"red", "blue"}}, "blue", "blue"},
		{&Choice[string]{&colour, []string{"red", "blue"}}, "green", ""},
		{&share, "0.5%", "0.5%"}, {&share, "0.005", "0.5%"}, {&share, "100%", "100%"}, {&share, "1", "100%"},
		{&share, "0", ""}, {&share, "101%", ""}, {&share, "-1%", ""}, {&share, "NaN", ""}, {&share, "much", ""}, {&share, "%", ""},
		{&accuracy, "0.25", "0.25"}, {&accuracy, "chance", "chance"},
		{&accuracy, "0", ""}, {&accuracy, "1", ""}, {&accuracy, "NaN", ""}, {&accuracy, "50%", ""},
	} {
		err := c.value.Set(c.text)
		if refused := err != nil; refused != (c.want == "") || !refused && c.value.String() != c.want {
			t.Errorf("%T %q: %q, %v, want %q", c.value, c.text, c.value, err, c.want)
		}
	}
}

func TestSimilar(t *testing.T) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, name := range []string{"mean", "model", "limit", "o", "max-params", "secret-limits"} {
		flags.Bool(name, false, "")
	}
	if err := flags.MarkHidden("secret-limits"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"maen": "mean", "limts": "limit", "max-param": "max-params", "maxparams": "max-params", "secret-limit": "", "x": "", "data": "", "modell": "model",
	} {
		if got := Similar(flags, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
