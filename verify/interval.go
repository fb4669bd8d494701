package verify

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"

	"github.com/advparams/advparams/task"
)

// String returns the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return fmt.Errorf("a SHA-256 of %d hexadecimal digits, not %d", len(text), hex.EncodedLen(len(d)))
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// Wilson returns the interval of Wilson (1927) for a share p of n independent samples, at
// 95 %. It is [0,1] for n of 0.
func Wilson(p float64, n int) (low, high float64) {
	const z = 1.959964
	if n <= 0 {
		return 0, 1
	}
	m := float64(n)
	middle := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return max(middle-half, 0), min(middle+half, 1)
}

// Measure returns what a model of a name is worth, with intervals where samples are right
// or wrong.
func Measure(name string, s task.Score) Measured {
	m := Measured{Name: name, Quality: s.Quality, Chance: s.Chance}
	right, n := s.Correct()
	if s.Classes != nil {
		entropy := s.Entropy()
		m.Right, m.Entropy = &right, &entropy
	}
	for _, one := range s.Metrics {
		f := Figure{Name: one.Name, Value: one.Value, Useless: one.Useless, Better: one.Better(), Share: one.Share, Unit: one.Unit}
		if s.Classes != nil && one.Name == "accuracy" {
			low, high := Wilson(one.Value, n)
			f.Low, f.High = &low, &high
		}
		m.Metrics = append(m.Metrics, f)
	}
	return m
}

// ByClass compares the models class by class. It returns nil without classes.
func ByClass(original, locked task.Score) []ClassResult {
	_, n := locked.Correct()
	var list []ClassResult
	for k, c := range locked.Classes {
		one := ClassResult{Class: k, Samples: c.Samples, Locked: c.Recall(), Answered: float64(c.Answered) / float64(max(n, 1))}
		if k < len(original.Classes) {
			one.Before = original.Classes[k].Recall()
		}
		list = append(list, one)
	}
	return list
}

// Thousands writes n with a comma before every group of three digits.
func Thousands[T int | int64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
