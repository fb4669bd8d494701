// Package cliflag has types of values for flags, completes them, and finds the flag that was meant.
package cliflag

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// Choice is a value out of a fixed set.
type Choice[T ~string] struct {
	Value  *T
	Values []string
}

func (c *Choice[T]) String() string {
	if c.Value == nil {
		return ""
	}
	return string(*c.Value)
}

func (c *Choice[T]) Set(s string) error {
	if !slices.Contains(c.Values, s) {
		return fmt.Errorf("it is one of %s", strings.Join(c.Values, ", "))
	}
	*c.Value = T(s)
	return nil
}

func (c *Choice[T]) choices() []string { return c.Values }

func (c *Choice[T]) Type() string { return strings.Join(c.Values, "|") }

// Share is a share, given in percent or as a number up to 1.
type Share float64

func (p *Share) String() string {
	return strconv.FormatFloat(100*float64(*p), 'g', -1, 64) + "%"
}

func (p *Share) Set(s string) error {
	text, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(text, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v > 0 && v <= 1) {
		return errors.New("it is a share such as 0.5% or 0.005")
	}
	*p = Share(v)
	return nil
}

func (p *Share) Type() string { return "SHARE" }

// Accuracy is an accuracy between 0 and 1; 0, the default, stands for chance.
type Accuracy float64

func (t *Accuracy) String() string {
	if *t == 0 {
		return "chance"
	}
	return strconv.FormatFloat(float64(*t), 'g', -1, 64)
}

func (t *Accuracy) Set(s string) error {
	if s == "chance" {
		*t = 0
		return nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > 0 && v < 1) {
		return errors.New("it is a number between 0 and 1, or chance")
	}
	*t = Accuracy(v)
	return nil
}

func (t *Accuracy) Type() string { return "F|chance" }

// Similar returns the flag whose name is most like a name, at most two letters off; "" if
// there is none.
func Similar(flags *pflag.FlagSet, name string) string {
	best, least := "", 3
	flags.VisitAll(func(f *pflag.Flag) {
		if d := distance(name, f.Name); !f.Hidden && d < least && d < len(name) {
			best, least = f.Name, d
		}
	})
	return best
}

// distance returns how many letters have to be put in, left out or replaced to get from
// one word to another.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
